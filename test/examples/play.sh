#!/bin/bash
# Plays the example fault on the test cluster that is up, with a plugin and a probe that
# have the example check and cause laid over the tree. bin/ is built anew afterwards.
set -euo pipefail
cd "$(dirname "$0")/../.."
export CGO_ENABLED=0 GOFLAGS="-buildvcs=false -trimpath"
image=docker.io/netlook/probe:examples
work=$(mktemp -d)
trap 'rm -rf "$work"; make build >/dev/null' EXIT

lay() { for file in test/examples/testdata/"$1"/*.go; do printf '"%s":"%s"\n' "$PWD/$2/${file##*/}" "$PWD/$file"; done; }
{ lay check pkg/check/checks; lay cause pkg/diagnose/causes; } | paste -sd, | sed 's/^/{"Replace":{/; s/$/}}/' >"$work/overlay.json"
version=github.com/netlook/kubectl-netlook/pkg/version
go build -overlay "$work/overlay.json" -ldflags "-s -w -X $version.Version=examples -X $version.Image=$image" -o bin/ ./cmd/kubectl-netlook ./cmd/netlook-probe
go run ./images/mkimage -binary bin/netlook-probe -ref "$image" -o "$work/probe.tar"
bin/testcluster load "$work/probe.tar"
go run ./test/faults/cmd/faults -corpus test/examples/testdata/fault -bar
