# kubectl netlook. `make` lists the targets; each is described in the README.
SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
IMAGE   ?= docker.io/netlook/probe:dev
MODULE  := github.com/netlook/kubectl-netlook
# Stamped into both binaries, so that a probe can be told from one of another build.
LDFLAGS := -s -w -X $(MODULE)/pkg/version.Version=$(VERSION) -X $(MODULE)/pkg/version.Image=$(IMAGE)
LINT    := go tool -modfile=$(CURDIR)/.ci/tools/go.mod golangci-lint

TESTCLUSTER := bin/testcluster
# Options of `testcluster up`, for example CLUSTER_FLAGS="--ip-family dual".
CLUSTER_FLAGS ?=
# Tests that `make e2e` leaves out: `make hard` has those.
E2E_SKIP ?= ^TestHard

export CGO_ENABLED := 0
# Builds must not depend on whether git is there.
# One set of flags for builds, tests and lint: other flags would compile all of
# client-go once more.
export GOFLAGS := -buildvcs=false -trimpath
# The test cluster is on this machine: no proxy leads to it.
export NO_PROXY := $(or $(NO_PROXY),$(no_proxy),localhost),172.30.0.0/24

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/kubectl-netlook, bin/netlook-probe and bin/testcluster
	go build -ldflags '$(LDFLAGS)' -o bin/ ./cmd/kubectl-netlook ./cmd/netlook-probe
	cd test/cluster && go build -o ../../bin/ ./cmd/testcluster

.PHONY: image
image: build ## write the probe's image to bin/probe.tar, without a container engine
	go run ./images/mkimage -binary bin/netlook-probe -ref $(IMAGE) -o bin/probe.tar

.PHONY: cluster
cluster: build image ## start the test cluster (root; three nodes) and load the probe's image
	$(TESTCLUSTER) up $(CLUSTER_FLAGS)
	$(TESTCLUSTER) load bin/probe.tar

.PHONY: cluster-down
cluster-down: ## take the test cluster down; leaves nothing behind
	@test -x $(TESTCLUSTER) || (cd test/cluster && go build -o ../../bin/ ./cmd/testcluster)
	$(TESTCLUSTER) down

.PHONY: demo
demo: cluster ## everything from nothing: a healthy run, then one dead endpoint and the run that shows it
	test/demo/demo.sh

.PHONY: unit
unit: ## unit tests, and tests in network namespaces where root allows them
	go test -timeout 20m ./...
	cd test/cluster && go test -timeout 20m ./...
	cd test/policyoracle && go test -v -timeout 20m ./...

.PHONY: packages
packages: build ## install the Debian packages that tests and the test cluster need (root)
	$(TESTCLUSTER) packages

.PHONY: e2e
e2e: ## end-to-end tests against the test cluster that is up, or $$KUBECONFIG where there is none
	go test -tags e2e -count=1 -timeout 30m -skip '$(E2E_SKIP)' ./test/e2e/ $(E2E_FLAGS)

.PHONY: hard
hard: ## cut, kill and starve netlook on the test cluster that is up, and print what it survived
	go test -v -tags e2e -count=1 -timeout 20m -run '^TestHard' ./test/e2e/ $(HARD_FLAGS)

.PHONY: faults
faults: cluster ## break the test cluster in every known way, score the verdicts, write docs/faults.md
	go run ./test/faults/cmd/faults $(FAULTS_FLAGS)

.PHONY: test
test: unit ## all tests: unit, network namespaces, and end to end on the test cluster
	test/e2e/all.sh

.PHONY: bench
bench: cluster ## cold and warm runs beside `kubectl debug`, sizes, memory
	go test -tags e2e -count=1 -timeout 20m -run '^$$' -bench . -benchtime 5x ./test/e2e/

.PHONY: docs
docs: ## write the generated parts of docs/
	go run ./cmd/kubectl-netlook docs --dir docs

.PHONY: lint
lint: ## golangci-lint, pinned as a Go tool
	$(LINT) run ./...
	$(LINT) run --build-tags e2e ./test/e2e/...
	cd test/cluster && $(LINT) run --config ../../.golangci.yml ./...
	cd test/policyoracle && $(LINT) run --config ../../.golangci.yml ./...

.PHONY: clean
clean: ## remove what was built in this folder
	rm -rf bin dist
