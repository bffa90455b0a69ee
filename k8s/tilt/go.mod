// Tilt's version and checksum. xtask/src/tilt/program.rs compiles a copy of the module, where its own replace lines and go.sum hold.
module pingstack.dev/k8s/tilt

go 1.24.0

tool github.com/tilt-dev/tilt/cmd/tilt

require github.com/tilt-dev/tilt v0.33.21
