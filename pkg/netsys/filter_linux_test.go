package netsys

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/netsys/netnstest"
)

// dropping holds every kind of rule that drops, and some that do not.
const dropping = `
table inet guard {
	chain forward {
		type filter hook forward priority 0; policy drop;
		ct state established accept
		ip daddr 10.0.0.1 counter drop
		ip daddr 10.0.0.2 drop
		ip daddr 10.0.0.3 counter reject with icmp type admin-prohibited
		jump ours
	}
	chain output {
		type filter hook output priority 0;
		jump ours
	}
	chain ours { tcp dport 25 counter drop; }
	chain deep { type filter hook input priority 0; goto far; }
	chain far { udp dport 9 counter reject; }
	chain unused { drop; }
}
table bridge guard {
	chain out { type filter hook output priority 0; ip daddr 10.0.0.9 drop; }
}`

func TestFilterDrops(t *testing.T) {
	t.Parallel()
	if !netnstest.Isolate(t) {
		return
	}
	rules(t, dropping)
	drops, err := FilterDrops()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, d := range drops {
		text := d.Verdict + " in " + d.Hook
		if d.Packets != nil {
			text += ", counted"
		}
		if d.Policy != (d.Handle == 0) {
			t.Errorf("%+v", d)
		}
		key := d.Family + " " + d.Chain
		for got[key] != "" {
			key += "+"
		}
		got[key] = text
	}
	want := map[string]string{
		"inet forward":    "drop in forward",
		"inet forward+":   "drop in forward, counted",
		"inet forward++":  "drop in forward",
		"inet forward+++": "reject in forward, counted",
		"inet ours":       "drop in several, counted",
		"inet far":        "reject in input, counted",
		"inet unused":     "drop in ",
		"bridge out":      "drop in output",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
