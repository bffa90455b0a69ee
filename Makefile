# Everything that CI runs is a target here. `make help` lists them.
SHELL := /bin/bash
CARGO ?= cargo
EMAIL ?= ada@example.org
export EMAIL

.DEFAULT_GOAL := help
.PHONY: help dev login test test-contract test-valkey test-faults check docs fmt fuzz check-charts test-charts release cluster cluster-down images test-cluster up down load tilt tilt-ci tilt-down e2e e2e-full bench bench-micro bench-operator

# A target without a description serves CI, or belongs to the one above it.
help: ## Show this help
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

dev: ## Run both services on this machine with Redis, RabbitMQ and Mailpit; Ctrl-C stops them
	@dev/dev

login: ## Sign in as EMAIL=...: wait for the mail, verify the code, print the claims of the token
	@$(CARGO) xtask login "$(EMAIL)"

# All tests are built before the first runs, and with them the programs that the system tests start as processes.
test: check ## Run all checks, then all tests against real servers
	@nextest="$$(dev/tool cargo-nextest)" && dev/with-servers "$$nextest" nextest run --workspace --locked
	@$(CARGO) test --workspace --locked --doc --quiet

test-contract: ## Run what the original's clients rely on: its recorded requests and answers, and its client libraries
	@dev/with-servers $(CARGO) test -p user-service --locked --test it -- contract:: clients:: cors:: beside::

# The tests of what Redis does, against Valkey.
test-valkey:
	@REDIS_IS=valkey dev/with-servers $(CARGO) test --locked --no-fail-fast -p redis-client -p user-service

test-faults: ## Run the fault suite: servers killed, frozen, filled and cut off under logins (FULL=1 adds long cases)
	@dev/test-faults $(if $(FULL),full)

check: fmt ## Check formatting, clippy, dependencies, licences, directions of imports, scripts, alerts and documents
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	@"$$(dev/tool cargo-deny)" check bans licenses sources
	$(CARGO) xtask check-advisories
	$(CARGO) xtask check

fmt:
	$(CARGO) fmt --all --check

docs: ## Regenerate what docs/ and charts/ take from the code: settings, metrics, the CRD
	UPDATE_DOCS=1 $(CARGO) test --workspace --locked --lib --bins -- in_the_docs committed_crd
	$(CARGO) xtask write-charts
	@echo "docs: now see git diff docs charts, and commit it"

# The property tests of parsers with 10^6 cases each, for minutes.
fuzz:
	PROPTEST_CASES=1000000 $(CARGO) test --workspace --locked --lib -- any_

cluster: ## Create a cluster: CLUSTER=current REGISTRY=..., or kind, or on this machine with NODES=1 to 9
	@k8s/cluster up

cluster-down: ## Undo make cluster
	@k8s/cluster down

images: ## Build all images and load them into the cluster
	@$(CARGO) xtask images

test-cluster: ## Test that the cluster has what Ping needs
	@SUITE=requirements tests/cluster/run $(CASES)

up: ## Start everything on Kubernetes (creating a cluster if needed) and run one sign-in
	@$(CARGO) xtask up

down: ## Undo make up (KEEP_CLUSTER=1 leaves the cluster)
	@$(CARGO) xtask down

load: ## Send N=3000 logins from a pod to the stack of make up: the queue grows and consumers are added
	@$(CARGO) xtask load $(N)

tilt: ## Run Ping on the cluster with Tilt, which rebuilds and rolls out what you edit (tilt-down undoes it)
	@$(CARGO) xtask tilt up

tilt-down:
	@$(CARGO) xtask tilt down

# Runs the Tiltfile once in a namespace of its own, signs in, and removes it.
tilt-ci:
	@$(CARGO) xtask tilt ci

e2e: ## Run the end-to-end cases of CI; on the local cluster they need NODES=3 (CASES="..." selects some)
	@tests/cluster/run $(CASES)

e2e-full: ## Run all end-to-end cases, with 15 minutes of restarts, then make bench-operator
	@FULL=1 DURATION=$(or $(DURATION),15) tests/cluster/run
	@SUITE=bench COUNTS="$(COUNTS)" tests/cluster/run

bench: ## Measure logins and mails beside their limits (17 minutes on two cores; see also bench-micro, bench-operator)
	@$(CARGO) xtask bench --rounds $(or $(ROUNDS),5) --seconds $(or $(SECONDS),5) --mails $(or $(MAILS),50000) $(BENCH)

# The operator with 1, 10 and 100 stacks: 15 minutes on an otherwise idle machine.
bench-operator:
	@SUITE=bench COUNTS="$(COUNTS)" tests/cluster/run

# The instruction counts of steps without I/O, compared with bench/instructions.json.
bench-micro:
	@$(CARGO) xtask bench micro

# The charts without a cluster: generated parts, lint, helm-unittest, schemas of Kubernetes 1.33 and 1.37. And what GitOps tools make of
# a stack's status.
check-charts:
	$(CARGO) xtask check-charts
	$(CARGO) xtask check-gitops

# The charts on the cluster: install, upgrade, helm test, uninstall, and install.yaml.
test-charts:
	@SUITE=charts tests/cluster/run

release: ## Push and sign images and charts, with install.yaml, SBOMs and checksums, to REGISTRY=registry.example.org/you
	$(CARGO) xtask release
