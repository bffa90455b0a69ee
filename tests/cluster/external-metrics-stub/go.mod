module pingstack.dev/tests/cluster/external-metrics-stub

go 1.24
