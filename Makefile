# kubectl netlook. `make` lists the targets; each is described in the README.
SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
IMAGE   ?= docker.io/netlook/probe:dev
TOOLBOX_IMAGE ?= docker.io/netlook/toolbox:dev
MODULE  := github.com/netlook/kubectl-netlook
# Stamped into both binaries, so that a probe can be told from one of another build.
LDFLAGS := -s -w -X $(MODULE)/pkg/version.Version=$(VERSION) -X $(MODULE)/pkg/version.Image=$(IMAGE) \
           -X $(MODULE)/pkg/version.ToolboxImage=$(TOOLBOX_IMAGE)
LINT    := go tool -modfile=$(CURDIR)/.ci/tools/go.mod golangci-lint

# What the environment says: TESTCLUSTER=none runs e2e on a cluster of the user's own. The
# variable itself is the program, and would be passed on in its place.
ASKED := $(TESTCLUSTER)
TESTCLUSTER := bin/testcluster
# Options of `testcluster up`, for example CLUSTER_FLAGS="--ip-family dual".
CLUSTER_FLAGS ?=

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

# The toolbox's root filesystem is kept outside the checkout, by what it is made of.
# TOOLBOX_FRESH=1 makes it anew, of the packages that Debian has today.
TOOLBOX_CACHE = $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/netlook/toolbox
.PHONY: toolbox
toolbox: build ## write the image of `kubectl netlook shell` to bin/toolbox.tar, of Debian packages
	key=$$(cat images/toolbox/packages.txt images/toolbox/*.sh | sha256sum | cut -c1-16); \
	rootfs="$(TOOLBOX_CACHE)/$$key-$$(dpkg --print-architecture).tar.gz"; \
	if [ -n "$${TOOLBOX_FRESH:-}" ] || [ ! -s "$$rootfs" ]; then images/toolbox/rootfs.sh "$$rootfs"; fi; \
	go run ./images/mkimage -binary bin/netlook-probe -rootfs "$$rootfs" -ref $(TOOLBOX_IMAGE) -o bin/toolbox.tar

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
	command -v mmdebstrap >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=120 mmdebstrap; }

.PHONY: e2e
e2e: $(if $(filter none,$(ASKED)),,toolbox) ## end-to-end tests against the test cluster that is up, or $$KUBECONFIG where there is none
	TESTCLUSTER='$(ASKED)' go test -tags e2e -count=1 -timeout 30m ./test/e2e/ $(E2E_FLAGS)

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
