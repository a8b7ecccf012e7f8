package netsys

import (
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// FlowTimeouts are how long connection tracking keeps a flow after its last packet, by
// what it is for: tcp_timeout_syn_sent, udp_timeout ... (the end of the name of
// net.netfilter.nf_conntrack_*).
type FlowTimeouts map[string]time.Duration

const flowTimeoutPrefix = "net.netfilter.nf_conntrack_"

// ReadFlowTimeouts reads them below root, the SysctlRoot in earnest; those that cannot
// be read are missing, as are those that are no number of seconds: the kernel keeps them
// in 32 bits (nf_conntrack_standalone.c).
func ReadFlowTimeouts(root fs.FS) FlowTimeouts {
	t := FlowTimeouts{}
	for _, s := range Sysctls(root, "net/netfilter/nf_conntrack_tcp_timeout_*", "net/netfilter/nf_conntrack_udp_timeout*") {
		if seconds, err := strconv.ParseUint(s.Value, 10, 32); err == nil {
			t[strings.TrimPrefix(s.Name, flowTimeoutPrefix)] = time.Duration(seconds) * time.Second
		}
	}
	return t
}

// SystemFlowTimeouts are those of the running kernel.
func SystemFlowTimeouts() FlowTimeouts { return ReadFlowTimeouts(os.DirFS(SysctlRoot)) }

// Idle tells how long ago the last packet of a flow passed, to the second: its entry's
// time to live begins anew with each. Where the kernel may have chosen among several
// (nf_conntrack_proto_tcp.c, nf_conntrack_tcp_packet: what is unanswered is kept for
// less), it is the least that fits. ok is false when none is known.
func (t FlowTimeouts) Idle(f facts.Flow) (idle time.Duration, ok bool) {
	left := time.Duration(f.Expires) * time.Second
	for _, name := range timeoutsOf(f) {
		if whole, known := t[name]; known && whole >= left && (!ok || whole-left < idle) {
			idle, ok = whole-left, true
		}
	}
	return idle, ok
}

func timeoutsOf(f facts.Flow) []string {
	if f.Protocol == "udp" {
		return []string{"udp_timeout", "udp_timeout_stream"}
	}
	state := strings.ToLower(f.State)
	if state == "syn_sent2" {
		state = "syn_sent"
	}
	return []string{"tcp_timeout_" + state, "tcp_timeout_max_retrans", "tcp_timeout_unacknowledged"}
}
