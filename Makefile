# Everything that CI runs is a target here. `make help` lists them.
SHELL := /bin/bash
CARGO ?= cargo
EMAIL ?= ada@example.org
export EMAIL

.DEFAULT_GOAL := help
.PHONY: help dev login test test-faults test-faults-full check check-monitoring docs fmt fuzz check-charts test-charts release cluster cluster-down images test-cluster up down load tilt tilt-ci tilt-down e2e e2e-full e2e-cases bench bench-micro bench-operator

help: ## What can be done here
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

dev: ## Redis, RabbitMQ, Mailpit and both services on this machine; Ctrl-C ends them
	@dev/dev

login: ## One login for EMAIL=...: waits for its mail, verifies the code, prints the token's claims
	@dev/login "$(EMAIL)"

test: check ## All tests against real servers, after the checks
	@dev/test

test-faults: ## The fault suite: servers killed, frozen, filled and cut off under logins
	@dev/test-faults

test-faults-full: ## The same with the cases that take longer than six minutes
	@dev/test-faults full

check: fmt ## Format, clippy, dependency bans, licences and sources, script syntax
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	@dev/cargo-deny check bans licenses sources
	@dev/check-direction
	@dev/check-scripts
	@dev/check-docker-context
	@monitoring/check
	@dev/check-docs

fmt: ## Is everything formatted?
	$(CARGO) fmt --all --check

check-monitoring: ## Alerts and dashboard: syntax, promtool's tests, a page for each alert, no unknown metric
	@monitoring/check

docs: ## Write anew what docs/ and charts/ take from the code: settings, metrics, the CRD
	UPDATE_DOCS=1 $(CARGO) test --workspace --locked --lib --bins -- in_the_docs committed_crd
	@dev/check-charts write
	@echo "docs: now see git diff docs charts, and commit it"

fuzz: ## The property tests of parsers and address type with 10^6 cases each (minutes)
	PROPTEST_CASES=1000000 $(CARGO) test --workspace --locked --lib -- any_

cluster: ## A Kubernetes to run on: CLUSTER=current REGISTRY=..., else kind, else on this machine with NODES=1 to 9 nodes
	@k8s/cluster up

cluster-down: ## Undo make cluster
	@k8s/cluster down

images: ## Build all images and load them into the cluster
	@k8s/images/build

test-cluster: ## Is the cluster what the platform needs?
	@k8s/test-cluster/run

up: ## All of Ping on a cluster: images, operator, a PingStack, one login (the cluster too, where there is none)
	@k8s/up

down: ## Undo make up (KEEP_CLUSTER=1 leaves the cluster)
	@k8s/down

load: ## N=3000 logins at what make up made, from a pod: the queue grows, the consumers follow
	@k8s/load $(N)

tilt: ## Ping on the cluster by Tilt: what you edit is rebuilt and rolled out
	@k8s/tilt/run up

tilt-down: ## Undo make tilt
	@k8s/tilt/run down

tilt-ci: ## The Tiltfile once in a namespace of its own, ended by a login, then removed
	@k8s/tilt/run ci

e2e: ## The operator's end-to-end cases on the cluster in use (CASES="…" names some)
	@k8s/e2e/run $(CASES)

e2e-full: e2e ## All end-to-end cases, a day of restarts of 15 minutes among them, then what bench-operator measures
	@FULL=1 DURATION=$(or $(DURATION),15) tests/cluster/run
	@k8s/e2e/many $(COUNTS)

e2e-cases: ## The end-to-end cases in Rust, on three nodes where the cluster is the local one (CASES="…" names some, of the full list too)
	@tests/cluster/run $(CASES)

bench: ## Logins and mails beside what limits them (ROUNDS=5 SECONDS=5 MAILS=50000 is a full run: 17 minutes on two cores)
	@dev/bench --rounds $(or $(ROUNDS),5) --seconds $(or $(SECONDS),5) --mails $(or $(MAILS),50000) $(BENCH)

bench-operator: ## The operator with 1, 10 and 100 stacks: time to ready, CPU, memory, API requests (a quarter of an hour, alone)
	@k8s/e2e/many $(COUNTS)

bench-micro: ## Instruction counts of the pure steps against bench/instructions.json
	@dev/bench-micro

check-charts: ## The charts without a cluster: made parts, lint, helm-unittest, schemas of Kubernetes 1.33 and 1.37
	@dev/check-charts

test-charts: ## The charts on the cluster in use: install, upgrade, helm test, uninstall, and install.yaml
	@k8s/test-charts/run

release: ## Images, charts, install.yaml, SBOM and checksums to REGISTRY=registry.example.org/you
	@dev/release
