// The version of FerretDB that dev/tool builds, with that module's own go.sum.
module pingstack.dev/dev/ferretdb

go 1.22

require github.com/FerretDB/FerretDB v1.24.0
