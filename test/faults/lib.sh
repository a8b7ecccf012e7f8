# Helpers of the scripts in fault.yaml; the runner reads this in before each of them.
# What a script finds in its environment is listed in vars.go.
PROBE=$(<"$FAULTS/probe.sh")

# at WHERE CMD...: runs CMD in the network namespace of a pod (NAMESPACE/POD) or in a
# node, or in `underlay` or `router`.
at() {
  case $1 in
    */*) testcluster exec-pod "$1" -- "${@:2}" ;;
    *) testcluster exec "$1" -- "${@:2}" ;;
  esac
}

# probe WHERE COMMAND...: a command of probe.sh.
probe() { at "$1" timeout 20 bash -c "$PROBE" probe "${@:2}"; }

# is WORD CMD...: CMD prints exactly WORD, or one of them: `timeout|unreachable`. A
# probe that could not run prints none.
is() {
  local printed
  printed=$("${@:2}") || true
  [[ "|$1|" == *"|$printed|"* && (-n $printed || -z $1) ]] || { echo "want '$1', got '$printed': ${*:2}" >&2; return 1; }
}

# drop WHERE HOOK RULE: what matches RULE, in the syntax of nft(8), vanishes there.
# In `underlay`, the wire between the nodes, HOOK is forward.
drop() { filter "$1" "$2" "$3 drop"; }

# filter WHERE HOOK RULE: the same with a verdict of one's own.
filter() {
  local family=inet
  if [[ $1 == underlay ]]; then family=bridge; fi
  at "$1" nft "
    table $family netlook_fault {
      chain $2 { type filter hook $2 priority -300; $3; }
    }"
}

# unfilter WHERE: removes what drop and filter added.
unfilter() {
  at "$1" bash -c 'for family in inet bridge; do
    if nft list table $family netlook_fault >/dev/null 2>&1; then nft delete table $family netlook_fault; fi
  done'
}

# daemon NODE NAME SIGNAL: sends a signal to a daemon of a node.
daemon() {
  local pids
  pids=$(cat /sys/fs/cgroup/{,*/}netlook/"$1"/"$2"/cgroup.procs 2>/dev/null | sort -u) || true
  [[ -n $pids ]] || { echo "no process of $2 on $1" >&2; return 1; }
  kill "-$3" $pids
}

# container UID NODE: the pids of a pod's application, not of its sandbox.
container() {
  local pid
  for pid in $(find /sys/fs/cgroup/{,*/}netlook/"$2" -path "*pod$1*" -name cgroup.procs -exec cat {} + 2>/dev/null | sort -u); do
    if [[ $(tr '\0' ' ' <"/proc/$pid/cmdline") == /app* ]]; then echo "$pid"; fi
  done
}

# veth POD NODE: the node's end of a pod's eth0.
veth() {
  local index
  index=$(at "$NS/$1" cat /sys/class/net/eth0/iflink)
  at "$2" bash -c 'grep -lx "$0" /sys/class/net/*/ifindex | cut -d/ -f5' "$index"
}

# keep NAME CMD...: remembers what CMD prints, until the fault is healed.
keep() { "${@:2}" >"$WORK/$1"; }
kept() { cat "$WORK/$1"; }

# certificate SECRET NAME START END: a TLS secret with a certificate for NAME, signed by
# itself, valid from START to END (20200101000000Z). openssl-ca(1), since openssl-req(1)
# knows no day before today.
certificate() {
  local dir=$WORK/$1
  mkdir -p "$dir"
  : >"$dir/index"
  printf '%s\n' '[ca]' 'default_ca = it' '[it]' "database = $dir/index" "new_certs_dir = $dir" 'rand_serial = yes' \
    'default_md = sha256' 'policy = any' 'x509_extensions = names' '[any]' '[names]' "subjectAltName = DNS:$2" >"$dir/config"
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$2" -keyout "$dir/key" -out "$dir/request" 2>/dev/null
  openssl ca -batch -notext -selfsign -preserveDN -config "$dir/config" -keyfile "$dir/key" -in "$dir/request" -out "$dir/crt" -startdate "$3" -enddate "$4" 2>/dev/null
  kubectl -n "$NS" create secret tls "$1" --cert="$dir/crt" --key="$dir/key" --dry-run=client -o yaml | kubectl apply -f -
}

# shown SECRET OPTION...: what x509(1) of openssl says of a secret's certificate.
shown() { kubectl -n "$NS" get secret "$1" -o jsonpath='{.data.tls\.crt}' | base64 -d | openssl x509 -noout "${@:2}"; }

# healthy: the client reaches the service, its endpoints, the names and the API server.
# It is the default of `healthy` in fault.yaml. (That nodes and pods are ready is
# seen to by the runner.)
healthy() {
  is ok probe "$CLIENT" all "$VIP" "$DNS_VIP" $WEB_IPS
  at "$CLIENT" curl -ksS --noproxy '*' -m 2 -o /dev/null "https://$API_VIP/livez"
}
