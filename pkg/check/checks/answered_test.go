package checks

import (
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

// A ping that was not permitted is made good for by whoever answered at a port.
func TestAnsweredElsewhere(t *testing.T) {
	const here, there = "pod/shop/a", "node/w1"
	result := func(id, vantage, target string, status check.Status) check.Result {
		return check.Result{Check: id, Vantage: vantage, Status: status, Label: check.Label{Target: target}}
	}
	ping := func(target, unlock string) check.Result {
		r := check.Skipf(unlock, "not permitted")
		r.Check, r.Vantage, r.Target = "target.icmp", here, target
		return r
	}
	for _, tt := range []struct {
		name  string
		ping  check.Result
		other check.Result
		want  check.Status
	}{
		{"its port answers", ping("10.1.0.2", unlockICMP), result("service.endpoint", here, "10.1.0.2:8080", check.Pass), check.Pass},
		{"its UDP port answers", ping("10.1.0.2", unlockICMP), result("target.udp", here, "10.1.0.2:53 udp", check.Pass), check.Pass},
		{"IPv6", ping("fd00::2", unlockICMP), result("target.tcp", here, "[fd00::2]:80", check.Pass), check.Pass},
		{"its port does not", ping("10.1.0.2", unlockICMP), result("service.endpoint", here, "10.1.0.2:8080", check.Fail), check.Skipped},
		{"another's does", ping("10.1.0.2", unlockICMP), result("service.endpoint", here, "10.1.0.3:8080", check.Pass), check.Skipped},
		{"from elsewhere", ping("10.1.0.2", unlockICMP), result("service.endpoint", there, "10.1.0.2:8080", check.Pass), check.Skipped},
		{"no packet tells", ping("10.1.0.2", unlockICMP), result("service.ready", here, "10.1.0.2:8080", check.Pass), check.Skipped},
		{"skipped for another reason", ping("10.1.0.2", ""), result("service.endpoint", here, "10.1.0.2:8080", check.Pass), check.Skipped},
		{"a host by name", ping("example.com", unlockICMP), result("service.endpoint", here, "10.1.0.2:8080", check.Pass), check.Skipped},
	} {
		results := []check.Result{tt.ping, tt.other}
		AnsweredElsewhere(results)
		if got := results[0]; got.Status != tt.want || (got.Skip == nil) != (tt.want == check.Pass) {
			t.Errorf("%s: %s, %+v", tt.name, got.Status, got.Skip)
		}
	}
}
