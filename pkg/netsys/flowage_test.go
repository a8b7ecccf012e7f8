package netsys

import (
	"testing"
	"testing/fstest"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func TestIdle(t *testing.T) {
	root := fstest.MapFS{}
	for name, value := range map[string]string{
		"tcp_timeout_syn_sent": "120", "tcp_timeout_established": "432000", "tcp_timeout_time_wait": "120", "tcp_timeout_max_retrans": "300",
		"tcp_timeout_unacknowledged": "300", "udp_timeout": "30", "udp_timeout_stream": "120", "tcp_timeout_close": "none",
	} {
		root["net/netfilter/nf_conntrack_"+name] = &fstest.MapFile{Data: []byte(value + "\n")}
	}
	timeouts := ReadFlowTimeouts(root)
	for _, tt := range []struct {
		name  string
		flow  facts.Flow
		idle  time.Duration
		known bool
	}{
		{"just opened", facts.Flow{Protocol: "tcp", State: "SYN_SENT", Expires: 119}, time.Second, true},
		{"opened from both sides", facts.Flow{Protocol: "tcp", State: "SYN_SENT2", Expires: 119}, time.Second, true},
		{"long closed", facts.Flow{Protocol: "tcp", State: "TIME_WAIT", Expires: 6}, 114 * time.Second, true},
		{"established, idle for an hour", facts.Flow{Protocol: "tcp", State: "ESTABLISHED", Expires: 432000 - 3600}, time.Hour, true},
		{"established, unacknowledged", facts.Flow{Protocol: "tcp", State: "ESTABLISHED", Expires: 298}, 2 * time.Second, true},
		{"a datagram", facts.Flow{Protocol: "udp", Expires: 28}, 2 * time.Second, true},
		{"a stream of them, idle for a while", facts.Flow{Protocol: "udp", Expires: 70}, 50 * time.Second, true},
		{"a timeout that is not known", facts.Flow{Protocol: "udp", Expires: 600}, 0, false},
		{"a state whose timeout is not known", facts.Flow{Protocol: "tcp", State: "CLOSE", Expires: 299}, time.Second, true},
	} {
		if idle, known := timeouts.Idle(tt.flow); idle != tt.idle || known != tt.known {
			t.Errorf("%s: %v, %v, want %v, %v", tt.name, idle, known, tt.idle, tt.known)
		}
	}
	if _, known := (FlowTimeouts{}).Idle(facts.Flow{Protocol: "tcp", State: "SYN_SENT", Expires: 1}); known {
		t.Error("without any timeout, something is known")
	}
}
