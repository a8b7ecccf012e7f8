# Plain probes, independent of netlook: what a person would try with bash alone. Run
# in a pod or on a node as `bash -c "$PROBE" probe COMMAND ...`; each prints one word.
export LC_ALL=C

# tcp IP PORT: an HTTP request. ok, silent (connected, no answer), or why it did not
# connect: refused, unreachable, timeout.
tcp() {
  local output status=0
  output=$(timeout 1.5 bash -c '
    exec 3<>"/dev/tcp/$0/$1" || exit 1
    printf "GET / HTTP/1.0\r\n\r\n" >&3
    if IFS= read -r -t 1 line <&3 && [[ $line == HTTP/* ]]; then echo ok; else echo silent; fi' "$1" "$2" 2>&1) || status=$?
  case $status:$output in
    0:*) echo "$output" ;;
    124:*) echo timeout ;;
    *refused*) echo refused ;;
    *"No route to host"* | *unreachable*) echo unreachable ;;
    *) echo "other: $output" ;;
  esac
}

# many N IP PORT: how many of N HTTP requests are answered, at most 20 at a time.
many() {
  local i
  {
    for ((i = 1; i <= $1; i++)); do
      tcp "$2" "$3" &
      ((i % 20)) || wait
    done
    wait
  } | grep -c "^ok\$" || true
}

# took IP PORT: milliseconds that an HTTP request takes.
took() {
  local start=${EPOCHREALTIME/./}
  [[ $(tcp "$1" "$2") == ok ]] && echo $(((${EPOCHREALTIME/./} - start) / 1000))
}

# udp IP PORT BYTES: one datagram to an echo server. ok or timeout. Linux sets
# "don't fragment" on it (ip(7), IP_MTU_DISCOVER).
udp() {
  exec 3<>"/dev/udp/$1/$2"
  head -c "$3" /dev/zero >&3
  if [[ $(timeout 1 head -c 1 <&3 | wc -c) == 1 ]]; then echo ok; else echo timeout; fi
}

# lost N IP PORT: how many of N small datagrams to an echo server are not answered.
lost() {
  local i
  {
    for ((i = 1; i <= $1; i++)); do udp "$2" "$3" 32 & done
    wait
  } | grep -c "^timeout\$" || true
}

# dns udp|tcp SERVER NAME: asks for the A records. noerror, nxdomain, rcode N, timeout.
# The layout is RFC 1035, section 4.
dns() {
  local skip=0 bytes
  if [[ $1 == tcp ]]; then skip=2; fi
  bytes=($(ask "$@" $((4 + skip))))
  if ((${#bytes[@]} < 4 + skip)); then
    echo timeout
    return
  fi
  case $((bytes[3 + skip] & 15)) in
    0) echo noerror ;;
    3) echo nxdomain ;;
    *) echo "rcode $((bytes[3 + skip] & 15))" ;;
  esac
}

# address SERVER NAME: the last A record that a server has for a name, which ends its
# answer.
address() {
  local bytes
  bytes=($(ask udp "$@" 512))
  if ((${#bytes[@]} > 12 + 4)); then echo "${bytes[-4]}.${bytes[-3]}.${bytes[-2]}.${bytes[-1]}"; fi
}

# ask udp|tcp SERVER NAME BYTES: asks for the A records, and prints so many bytes of the
# answer as numbers, or what there is of it over UDP.
ask() {
  local query='\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00' label length=12
  for label in ${3//./ }; do
    query+=$(printf '\\x%02x%s' "${#label}" "$label")
    length=$((length + 1 + ${#label}))
  done
  query+='\x00\x00\x01\x00\x01'
  length=$((length + 5))
  if [[ $1 == tcp ]]; then query=$(printf '\\x%02x\\x%02x' $((length >> 8)) $((length & 255)))$query; fi
  # Through dd: bash writes line by line, and a label of ten letters has a newline; a
  # datagram is one read, a stream may be several.
  timeout 1.5 bash -c '
    exec 3<>"/dev/$0/$1/53" || exit 1
    printf "$2" | dd bs=4096 iflag=fullblock 2>/dev/null >&3
    if [[ $0 == tcp ]]; then head -c "$3" <&3; else dd bs="$3" count=1 2>/dev/null <&3; fi | od -An -v -tu1' "$1" "$2" "$query" "$4" 2>/dev/null
}

# all VIP DNS IP...: 20 of 20 requests to a service, one to each of its endpoints, and
# DNS over UDP and TCP. ok, or what is not.
all() {
  local vip=$1 server=$2 ip got
  shift 2
  got=$(many 20 "$vip" 80)
  [[ $got == 20 ]] || { echo "$got of 20 at $vip"; return; }
  for ip; do
    got=$(tcp "$ip" 8080)
    [[ $got == ok ]] || { echo "$got at $ip"; return; }
  done
  for transport in udp tcp; do
    got=$(dns "$transport" "$server" kubernetes.default.svc.cluster.local)
    [[ $got == noerror ]] || { echo "$got from $server over $transport"; return; }
  done
  echo ok
}

"$@"
