#!/bin/bash
# make test, the part that needs a cluster: the whole suite on the default cluster, hard
# times there, the fault corpus, whose every verdict must be right, and then the
# dual-stack part on an IPv4+IPv6 cluster with kube-proxy in nftables mode.
# With TESTCLUSTER=none it runs against $KUBECONFIG instead; what needs the nodes is
# then skipped, and says so. The test cluster is taken down at the end.
set -euo pipefail
cd "$(dirname "$0")/../.."

if [ "${TESTCLUSTER:-}" = none ]; then
  make build image
  exec make e2e
fi

trap 'make cluster-down' EXIT
make cluster
make e2e E2E_FLAGS=-v E2E_SKIP='TestDualStack|^TestHard'
make hard
make faults FAULTS_FLAGS='-bar -again'
make cluster CLUSTER_FLAGS='--nodes cp,w1 --ip-family dual --proxy-mode nftables'
make e2e E2E_FLAGS='-v -run TestDualStack'
