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
# Architectures of nodes that the probe's image is for.
ARCHES  := amd64 arm64
LINT    := go tool -modfile=$(CURDIR)/.ci/tools/go.mod golangci-lint

GORELEASER := go tool -modfile=$(CURDIR)/.ci/tools/release/go.mod goreleaser

# What the environment says: TESTCLUSTER=none runs e2e on a cluster of the user's own. The
# variable itself is the program, and would be passed on in its place.
ASKED := $(TESTCLUSTER)
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
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

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
TOOLBOX_KEY   = $(shell cat images/toolbox/packages.txt images/toolbox/*.sh | sha256sum | cut -c1-16)
toolbox_rootfs = $(TOOLBOX_CACHE)/$(TOOLBOX_KEY)-$(1).tar.gz
make_rootfs    = if [ -n "$${TOOLBOX_FRESH:-}" ] || [ ! -s "$(toolbox_rootfs)" ]; then images/toolbox/rootfs.sh "$(toolbox_rootfs)" $(1); fi

.PHONY: toolbox
toolbox: build ## write the image of `kubectl netlook shell` to bin/toolbox.tar, of Debian packages
	$(call make_rootfs,$(shell go env GOARCH))
	go run ./images/mkimage -binary bin/netlook-probe -rootfs "$(call toolbox_rootfs,ARCH)" -ref $(TOOLBOX_IMAGE) -o bin/toolbox.tar

.PHONY: toolbox-images
toolbox-images: ## the same for all architectures, to bin/netlook-toolbox-image.tar, with SBOMs; PUSH=yes pushes it
	$(foreach arch,$(ARCHES),$(call make_rootfs,$(arch));)
	$(foreach arch,$(ARCHES),GOOS=linux GOARCH=$(arch) go build -ldflags '$(LDFLAGS)' -o bin/linux/$(arch)/netlook-probe ./cmd/netlook-probe;)
	go run ./images/mkimage -ref $(TOOLBOX_IMAGE) -version $(VERSION) -rootfs "$(call toolbox_rootfs,ARCH)" -sbom bin/netlook-toolbox-ARCH.cdx.json $(if $(PUSH),-push,-o bin/netlook-toolbox-image.tar) $(foreach arch,$(ARCHES),$(arch)=bin/linux/$(arch)/netlook-probe)

.PHONY: images
images: ## write the probe's image for all architectures to bin/netlook-probe-image.tar; PUSH=yes pushes it
	$(foreach arch,$(ARCHES),GOOS=linux GOARCH=$(arch) go build -ldflags '$(LDFLAGS)' -o bin/linux/$(arch)/netlook-probe ./cmd/netlook-probe;)
	go run ./images/mkimage -ref $(IMAGE) -version $(VERSION) $(if $(PUSH),-push,-o bin/netlook-probe-image.tar) $(foreach arch,$(ARCHES),$(arch)=bin/linux/$(arch)/netlook-probe)

.PHONY: snapshot
snapshot: ## build what a release has, for all platforms, to dist/; publish nothing
	$(GORELEASER) check
	COMMIT=$$(git rev-parse --short HEAD || echo none) $(GORELEASER) release --snapshot --clean --skip=publish
	cp dist/krew/netlook.yaml dist/plugin.yaml
	cp bin/netlook-probe-image.tar bin/netlook-toolbox-image.tar dist/

# The images go first: a plugin that is out must find its image. The toolbox's packages are
# those of today, and what goreleaser writes after that is of the same root filesystems.
TAG = $(shell git describe --tags --exact-match --match 'v*' 2>/dev/null)
TAGGED = VERSION=$(TAG) IMAGE=docker.io/netlook/probe:$(TAG) TOOLBOX_IMAGE=docker.io/netlook/toolbox:$(TAG)

.PHONY: release
release: ## publish the tag that is checked out: the images, then archives, manifest, SBOMs and checksums
	@[ -n "$(TAG)" ] || { echo "error: no version is checked out; tag it first: git tag v1.2.3" >&2; exit 1; }
	@[ -z "$$(git status --porcelain)" ] || { echo "error: there are changes that are not committed: commit them, and tag that" >&2; exit 1; }
	$(GORELEASER) check
	$(MAKE) images PUSH=yes $(TAGGED)
	TOOLBOX_FRESH=1 $(MAKE) toolbox-images PUSH=yes $(TAGGED)
	TOOLBOX_FRESH= GORELEASER_CURRENT_TAG=$(TAG) $(GORELEASER) release --clean

.PHONY: release-test
release-test: build snapshot ## test what is in dist/: krew installs it, kubectl runs and completes it
	$(TESTCLUSTER) build
	go build -C .ci/tools/krew -o $(CURDIR)/bin/ sigs.k8s.io/krew/cmd/krew
	bin=$$($(TESTCLUSTER) bin); PATH="$(CURDIR)/bin:$$bin:$$PATH" go test -tags release -count=1 ./test/release/

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

# RACE=1 runs the unit tests under the race detector, which needs cgo and a C compiler.
RACE ?=
GOTEST := $(if $(RACE),CGO_ENABLED=1 go test -race,go test) -timeout 20m

.PHONY: unit
unit: ## unit tests, and tests in network namespaces where root allows them; RACE=1 looks for data races too
	$(GOTEST) ./...
	cd test/cluster && $(GOTEST) ./...
	cd .ci/tools/vuln && $(GOTEST) ./...
	cd test/policyoracle && $(GOTEST) -v ./...
	$(MAKE) browser

.PHONY: browser
browser: ## the pages of -o html in a headless Chromium; screenshots in test/browser/out
	cd test/browser && go test -count=1 -timeout 10m ./... # its pages are outside of its module: no cache

.PHONY: race
race: ## the unit tests of this module under the race detector
	$(MAKE) unit RACE=1

# How long each target is fuzzed; FUZZ_FLAGS="-run FuzzDNS" chooses some.
FUZZTIME ?= 20s
FUZZ_FLAGS ?=

.PHONY: fuzz
fuzz: ## fuzz every parser of what strangers write, each for $$FUZZTIME, and print what came of it
	go run ./test/fuzz -time $(FUZZTIME) $(FUZZ_FLAGS)

.PHONY: vuln
vuln: ## look for known vulnerabilities that the two programs call (govulncheck, with its database from the module proxy)
	cd .ci/tools/vuln && go run . -C $(CURDIR) ./cmd/kubectl-netlook ./cmd/netlook-probe

.PHONY: packages
packages: build ## install the Debian packages that tests and the test cluster need (root)
	$(TESTCLUSTER) packages
	command -v mmdebstrap >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=120 mmdebstrap; }
	@if ! command -v gcc >/dev/null || ! test -e /usr/include/stdlib.h; then apt-get install -y --no-install-recommends gcc libc6-dev; fi # for the race detector

.PHONY: e2e
e2e: $(if $(filter none,$(ASKED)),,toolbox) ## end-to-end tests against the test cluster that is up, or $$KUBECONFIG where there is none
	TESTCLUSTER='$(ASKED)' go test -tags e2e -count=1 -timeout 30m -skip '$(E2E_SKIP)' ./test/e2e/ $(E2E_FLAGS)

.PHONY: hard
hard: toolbox ## cut, kill and starve netlook on the test cluster that is up, and print what it survived
	go test -v -tags e2e -count=1 -timeout 20m -run '^TestHard' ./test/e2e/ $(HARD_FLAGS)

.PHONY: faults
faults: cluster ## break the test cluster in every known way, score the verdicts, write docs/faults.md
	go run ./test/faults/cmd/faults $(FAULTS_FLAGS)

.PHONY: test
test: unit ## all tests: unit, network namespaces, and end to end on the test cluster
	TESTCLUSTER='$(ASKED)' test/e2e/all.sh

# How full the benchmarks make the cluster; BENCH_NODES=5000 BENCH_PODS=50000 is the budget's size.
BENCH_NODES ?= 1000
BENCH_PODS  ?= 10000
BENCH_FLAGS ?=

.PHONY: bench
bench: cluster bin/kwok ## measure times, memory, sizes and API calls beside their floors, write docs/bench.md
	go build -o bin/ ./test/bench/cmd/bench
	bin/bench -image $(IMAGE) -nodes $(BENCH_NODES) -pods $(BENCH_PODS) $(BENCH_FLAGS)

bin/kwok: .ci/tools/kwok/go.mod ## plays the kubelets of fake nodes; pinned as a Go tool
	go build -modfile=.ci/tools/kwok/go.mod -o $@ sigs.k8s.io/kwok/cmd/kwok

.PHONY: docs
docs: ## write the generated parts of docs/
	go run ./cmd/kubectl-netlook docs --dir docs
	go run ./docs/gen

.PHONY: screenshot
screenshot: cluster ## the README's picture, of a real run (Debian packages aha and chromium)
	test/demo/screenshot.sh

.PHONY: modules
modules: ## each go.mod and go.sum says what is needed, and what was downloaded is what they name
	@for m in . test/cluster test/policyoracle test/browser .ci/tools/vuln; do (cd $$m && go mod tidy -diff && go mod verify >/dev/null) || { echo "error: $$m: run go mod tidy there" >&2; exit 1; }; done
	@for m in .ci/tools .ci/tools/release .ci/tools/krew .ci/tools/kwok; do (cd $$m && go mod verify >/dev/null) || { echo "error: $$m: what was downloaded is not what its go.sum names" >&2; exit 1; }; done

.PHONY: lint
lint: modules ## golangci-lint, pinned as a Go tool, and the modules' sums
	$(LINT) run ./...
	$(LINT) run --build-tags e2e ./test/e2e/...
	$(LINT) run --build-tags release ./test/release/...
	cd test/cluster && $(LINT) run --config ../../.golangci.yml ./...
	cd test/policyoracle && $(LINT) run --config ../../.golangci.yml ./...
	cd test/browser && $(LINT) run --config ../../.golangci.yml ./...

.PHONY: clean
clean: ## remove what was built in this folder
	rm -rf bin dist
