module pingstack.dev/k8s/test-cluster/external-metrics-stub

go 1.24
