package report_test

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/report"
)

func result(s check.Status, area, title, target string) check.Result {
	return check.Result{
		TaskID: title + " " + target, Check: "x", Status: s, Summary: title + " said so",
		Label: check.Label{Area: area, Title: title, Target: target},
	}
}

// asked makes r a result that serves an argument.
func asked(r check.Result, arg string) check.Result {
	r.Asked = arg
	return r
}

func input(results ...check.Result) report.Input {
	return report.Input{
		Vantage: facts.Vantage{Kind: facts.VantagePod, Profile: "restricted", Pod: &facts.Pod{Namespace: "default", Name: "web-0", Node: "w1"}},
		Probe:   &report.Probe{Container: "netlook-x"},
		Results: results,
	}
}

func TestStatusAndExitCode(t *testing.T) {
	pass := result(check.Pass, "dns", "name", "a")
	fail := result(check.Fail, "dns", "name", "b")
	cut := []report.Notice{{Kind: report.Cut, Message: "attach lost"}}
	tests := map[string]struct {
		in       func() report.Input
		status   report.Status
		exit     int
		headline string
	}{
		"passes":       {func() report.Input { return input(pass) }, report.Healthy, 0, "healthy: 1 check passed"},
		"nothing":      {func() report.Input { return input() }, report.Incomplete, 2, "incomplete: no check gave a result"},
		"only skipped": {func() report.Input { return input(result(check.Skipped, "dns", "name", "a")) }, report.Incomplete, 2, "incomplete: no check gave a result"},
		"only unknown status": {func() report.Input { return input(check.Result{TaskID: "x"}) },
			report.Incomplete, 2, "incomplete: 1 check of 1 gave no result"},
		"skipped beside a pass": {func() report.Input { return input(pass, result(check.Skipped, "gateway", "icmp", "a")) },
			report.Healthy, 0, "healthy: 1 check passed, 1 not run"},
		"warning alone": {func() report.Input { return input(pass, result(check.Warn, "external", "tcp", "a")) },
			report.Healthy, 0, "healthy: 1 check passed, 1 warning"},
		"fail": {func() report.Input { return input(pass, fail) }, report.Problems, 1, "1 check failed: dns name"},
		"error": {func() report.Input { return input(pass, result(check.Error, "api", "vip", "a")) },
			report.Incomplete, 2, "incomplete: 1 check of 2 could not be done"},
		"fail outweighs error": {func() report.Input { return input(fail, result(check.Error, "api", "vip", "a")) },
			report.Problems, 1, "1 check failed: dns name (and not everything could be checked)"},
		"task without a result": {func() report.Input {
			in := input(pass)
			in.Tasks = []check.Task{{ID: pass.TaskID}, {ID: "other", Label: check.Label{Area: "api", Title: "vip"}}}
			return in
		}, report.Incomplete, 2, "incomplete: 1 check of 2 gave no result"},
		"cut short with all results": {func() report.Input {
			in := input(pass)
			in.Notices = cut
			return in
		}, report.Incomplete, 2, "incomplete: the run was cut short"},
		"cut short with a fail": {func() report.Input {
			in := input(fail)
			in.Notices = cut
			return in
		}, report.Problems, 1, "1 check failed: dns name (and not everything could be checked)"},
		"something unread": {func() report.Input {
			in := input(pass)
			in.Notices = []report.Notice{{Kind: report.Unread, Message: "nodes: forbidden"}}
			return in
		}, report.Healthy, 0, "healthy: 1 check passed"},
		"no evidence for what was asked": {func() report.Input {
			in := input(pass, asked(report.Result{Status: check.Skipped, Skip: &check.Skip{Reason: "ping sockets are closed", Unlock: "--profile netraw"}}, "10.9.9.9"))
			in.Asked = []string{"10.9.9.9"}
			return in
		}, report.Incomplete, 2, "incomplete: nothing is known of 10.9.9.9: ping sockets are closed (--profile netraw)"},
		"no check knows what was asked": {func() report.Input {
			in := input(pass)
			in.Asked = []string{"svc/x"}
			return in
		}, report.Incomplete, 2, "incomplete: nothing is known of svc/x"},
		"silence is no evidence": {func() report.Input {
			silent := asked(result(check.Warn, "target", "udp", "10.9.9.9:53"), "10.9.9.9:53/udp")
			silent.Failure, silent.Summary = check.Timeout, "silent"
			in := input(pass, silent)
			in.Asked = []string{"10.9.9.9:53/udp"}
			return in
		}, report.Incomplete, 2, "incomplete: nothing is known of 10.9.9.9:53/udp: silent"},
		"some evidence for what was asked": {func() report.Input {
			in := input(asked(pass, "svc/x"), asked(result(check.Skipped, "target", "icmp", "a"), "svc/x"))
			in.Asked = []string{"svc/x"}
			return in
		}, report.Healthy, 0, "healthy: 1 check passed, 1 not run"},
		"API by fallback": {func() report.Input {
			in := input(pass)
			in.Probe = nil
			return in
		}, report.Incomplete, 2, "incomplete: nothing wrong by the API alone, but no packet was sent"},
		"API by fallback, a fail": {func() report.Input {
			in := input(fail)
			in.Probe = nil
			return in
		}, report.Problems, 1, "1 check failed: dns name"},
		"API asked for": {func() report.Input {
			in := input(pass)
			in.Probe, in.APIOnly = nil, true
			return in
		}, report.Healthy, 0, "nothing wrong by the API alone, no packet was sent: 1 check passed"},
		"API asked for, nothing to say": {func() report.Input {
			in := input()
			in.Probe, in.APIOnly = nil, true
			return in
		}, report.Incomplete, 2, "incomplete: no check gave a result"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := report.New(tt.in()).Summary
			got.Counts = report.Counts{}
			want := report.Summary{Status: tt.status, ExitCode: tt.exit, Headline: tt.headline}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestOrderDoesNotDependOnArrival(t *testing.T) {
	var results []check.Result
	for _, area := range []string{"state", "zebra", "external", "dns", "path", "api", "vantage", "gateway", "service", "target", "node", "apple"} {
		results = append(results, result(check.Pass, area, "b", "2"), result(check.Pass, area, "b", "1"), result(check.Pass, area, "a", "9"))
	}
	want := report.New(input(results...))
	var areas []string
	for _, row := range want.Rows {
		areas = append(areas, row.Area)
	}
	order := []string{"vantage", "gateway", "dns", "api", "service", "target", "path", "external", "node", "state", "apple", "zebra"}
	if diff := cmp.Diff(order, slices.Compact(areas)); diff != "" {
		t.Errorf("areas:\n%s", diff)
	}
	for range 20 {
		rand.Shuffle(len(results), func(i, j int) { results[i], results[j] = results[j], results[i] })
		if diff := cmp.Diff(want, report.New(input(results...)), cmpopts.EquateComparable(netip.Addr{})); diff != "" {
			t.Fatalf("another order of arrival gives another report:\n%s", diff)
		}
	}
}

func TestRows(t *testing.T) {
	ms := func(n int) check.Duration { return check.Duration(n) * check.Duration(time.Millisecond) }
	endpoint := func(ip, pod string, attempts ...check.Attempt) check.Result {
		r := result(check.Pass, "service", "web endpoints", ip)
		r.Object, r.Attempts, r.Summary = "pod/default/"+pod, attempts, "3 of 3 connected"
		return r
	}
	good := check.Attempt{RTT: ms(1)}
	bad := check.Attempt{RTT: ms(2000), Failure: check.Timeout}
	dead := endpoint("10.244.2.7:8080", "web-3", bad, bad, bad)
	dead.Status, dead.Failure = check.Fail, check.Timeout
	refused := endpoint("10.244.2.8:8080", "web-4", check.Attempt{Failure: check.Refused, RTT: ms(1)})
	refused.Status, refused.Failure = check.Fail, check.Refused
	silent := endpoint("10.244.2.9:8080", "web-5")
	silent.Status = check.Unknown
	v6 := endpoint("[fd00::7]:8080", "web-3", good)
	tests := map[string]struct {
		results []check.Result
		want    report.Row
	}{
		"one": {[]check.Result{endpoint("10.244.1.1:8080", "web-1", good, check.Attempt{RTT: ms(3)}, check.Attempt{RTT: ms(2)})},
			report.Row{Target: "10.244.1.1:8080", Status: check.Pass, Time: ms(2), Detail: "3 of 3 connected", Counts: report.Counts{Total: 1, Pass: 1}}},
		"all well": {[]check.Result{endpoint("10.244.1.1:8080", "web-1", good), endpoint("10.244.1.2:8080", "web-2", good)},
			report.Row{Target: "2 pods :8080", Status: check.Pass, Time: ms(1), Detail: "3 of 3 connected", Counts: report.Counts{Total: 2, Pass: 2}}},
		"both families of one pod": {[]check.Result{v6, endpoint("10.244.2.7:8080", "web-3", good)},
			report.Row{Target: "2 targets :8080", Status: check.Pass, Time: ms(1), Detail: "3 of 3 connected", Counts: report.Counts{Total: 2, Pass: 2}}},
		"a mix": {[]check.Result{endpoint("10.244.1.1:8080", "web-1", good), endpoint("10.244.1.2:8080", "web-2", good), dead, endpoint("10.244.1.4:8080", "web-6", good)},
			report.Row{Target: "4 pods :8080", Status: check.Fail, Time: ms(2000), Detail: "3 of 4 ok; 10.244.2.7:8080 timeout 3 of 3 after 2.0 s", Counts: report.Counts{Total: 4, Pass: 3, Fail: 1}}},
		"two ways to fail": {[]check.Result{dead, refused},
			report.Row{Target: "2 pods :8080", Status: check.Fail, Time: ms(2000), Detail: "0 of 2 ok; 10.244.2.7:8080 timeout 3 of 3 after 2.0 s; 1 more", Counts: report.Counts{Total: 2, Fail: 2}}},
		"no answer does not hide behind a pass": {[]check.Result{endpoint("10.244.1.1:8080", "web-1", good), silent},
			report.Row{Target: "2 pods :8080", Status: check.Unknown, Detail: "1 of 2 ok; 1 gave no result", Counts: report.Counts{Total: 2, Pass: 1, Unknown: 1}}},
		"one address, two protocols": {[]check.Result{result(check.Pass, "service", "web endpoints", "10.96.0.10 udp"), result(check.Pass, "service", "web endpoints", "10.96.0.10 tcp")},
			report.Row{Target: "10.96.0.10 (tcp,udp)", Status: check.Pass, Detail: "web endpoints said so", Counts: report.Counts{Total: 2, Pass: 2}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := report.New(input(tt.results...)).Rows
			tt.want.Area, tt.want.Title = "service", "web endpoints"
			if diff := cmp.Diff([]report.Row{tt.want}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSkippedByReason(t *testing.T) {
	skip := func(title, target, reason, unlock string) check.Result {
		r := result(check.Skipped, "gateway", title, target)
		r.Skip = &check.Skip{Reason: reason, Unlock: unlock}
		return r
	}
	got := report.New(input(
		skip("icmp", "10.0.0.1", "needs NET_RAW", "--profile netraw"),
		skip("icmp", "10.0.0.2", "needs NET_RAW", "--profile netraw"),
		skip("conntrack", "", "needs a node", ""),
		skip("arping", "10.0.0.1", "needs NET_RAW", "--profile netraw"),
	)).Skipped
	want := []report.SkipGroup{
		{Reason: "needs NET_RAW", Unlock: "--profile netraw", Titles: []string{"arping", "icmp"}, Count: 3},
		{Reason: "needs a node", Titles: []string{"conntrack"}, Count: 1},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestFormatTime(t *testing.T) {
	tests := map[time.Duration]string{
		0: "-", -1: "-", 20 * time.Microsecond: "<0.1 ms", 400 * time.Microsecond: "0.4 ms", 4800 * time.Microsecond: "4.8 ms",
		31 * time.Millisecond: "31 ms", 999 * time.Millisecond: "999 ms", 2 * time.Second: "2.0 s", 61 * time.Second: "61.0 s",
	}
	for d, want := range tests {
		if got := report.FormatTime(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}
