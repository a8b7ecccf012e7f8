#!/bin/bash
# make demo: a sample application on the test cluster, a healthy run, then one
# endpoint that drops packets and the run that shows it. The cluster must be up.
set -euo pipefail
cd "$(dirname "$0")/../.."
testcluster=bin/testcluster
export KUBECONFIG=$($testcluster kubeconfig)
export PATH=$PWD/bin:$($testcluster bin):$PATH

say() { printf '\n\033[1m# %s\033[0m\n' "$*" >&2; }
run() { printf '$ %s\n' "$*" >&2; "$@"; }

say "a service of four pods, and the pod to look from"
run kubectl apply -f test/demo/app.yaml >&2
kubectl -n shop rollout status deployment/payments --timeout 90s >&2
kubectl -n shop wait --for condition=Ready pod/checkout --timeout 60s >&2
for pod in $(kubectl -n shop get pods -l app=payments -o jsonpath='{.items[*].metadata.name}'); do
  bin/testcluster exec-pod "shop/$pod" -- nft delete table inet netlook_demo 2>/dev/null || true
done
# The pods run before kube-proxy has written its rules for the new service.
vip=$(kubectl -n shop get service payments -o jsonpath='{.spec.clusterIP}')
for _ in $(seq 100); do
  bin/testcluster exec-pod shop/checkout -- timeout 1 bash -c "exec 3<>/dev/tcp/$vip/80" 2>/dev/null && break
  sleep 0.1
done

say "everything is well"
run kubectl netlook pod checkout -n shop --to svc/payments

say "one of the four endpoints now drops what comes to its port"
# It stays so when the demo ends, for going on by hand; a repeat begins by healing it.
victim=$(kubectl -n shop get pods -l app=payments -o jsonpath='{.items[0].metadata.name}')
drop=(bin/testcluster exec-pod "shop/$victim" -- nft)
"${drop[@]}" add table inet netlook_demo
"${drop[@]}" add chain inet netlook_demo in '{ type filter hook input priority 0; }'
"${drop[@]}" add rule inet netlook_demo in tcp dport 8080 drop
status=0
run kubectl netlook pod checkout -n shop --to svc/payments || status=$?
say "exit status $status: problems found, and which pod of the four it is"
[ "$status" -eq 1 ] || { echo "error: the dead endpoint was not found" >&2; exit 1; }

say "the same from a node"
run kubectl netlook node w1 || true

cat >&2 <<END

The cluster stays up, and that endpoint dead. To go on by hand:
  export KUBECONFIG=$KUBECONFIG PATH=$PWD/bin:$($testcluster bin):\$PATH
  kubectl netlook pod checkout -n shop --to pod/$victim:8080
and when you are done:
  make cluster-down
END
