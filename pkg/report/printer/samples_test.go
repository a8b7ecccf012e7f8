package printer_test

import (
	"net/netip"
	"strings"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/report"
)

func ms(n float64) check.Duration { return check.Duration(n * float64(time.Millisecond)) }

func answers(n int, rtt float64) []check.Attempt {
	var list []check.Attempt
	for range n {
		list = append(list, check.Attempt{RTT: ms(rtt)})
	}
	return list
}

func losses(n int, f check.Failure, rtt float64) []check.Attempt {
	var list []check.Attempt
	for range n {
		list = append(list, check.Attempt{Failure: f, RTT: ms(rtt), Detail: "i/o timeout"})
	}
	return list
}

// sample is a whole healthy run of a pod; the others are made from it.
func sample() report.Input {
	pass := func(id, area, title, target, summary string, rtt float64) check.Result {
		return check.Result{
			TaskID: id + " " + target, Check: id, Vantage: "pod/shop/checkout-7d9f",
			Label:  check.Label{Area: area, Title: title, Target: target},
			Status: check.Pass, Summary: summary, Duration: ms(rtt), Attempts: answers(3, rtt),
		}
	}
	endpoint := func(ip, pod string) check.Result {
		r := pass("service.endpoint", "service", "payments endpoints :8080", ip+":8080", "3 of 3 connected", 0.4)
		r.Object, r.Subject = "pod/shop/"+pod, "service/shop/payments"
		return r
	}
	skipped := check.Skipf("--profile netraw", "ping sockets are closed here")
	skipped.TaskID, skipped.Check = "gateway.icmp 10.244.1.1", "gateway.icmp"
	skipped.Label = check.Label{Area: "gateway", Title: "icmp", Target: "10.244.1.1"}
	deep := check.Skipf("", "needs a node probe")
	deep.TaskID, deep.Check = "node.conntrack", "node.conntrack"
	deep.Label = check.Label{Area: "node", Title: "conntrack"}
	vip := pass("service.vip", "service", "payments vip :80", "10.96.40.2:80", "8 of 8 answered", 0.6)
	vip.Subject = "service/shop/payments"
	return report.Input{
		Tool:    report.Tool{Version: "v0.1.0", Build: "abc123"},
		Started: time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC),
		Took:    2900 * time.Millisecond,
		To:      []string{"svc/payments"},
		Context: "prod",
		Vantage: facts.Vantage{Kind: facts.VantagePod, Profile: "restricted", Pod: &facts.Pod{
			Namespace: "shop", Name: "checkout-7d9f", Node: "w1", IPs: []netip.Addr{netip.MustParseAddr("10.244.1.12")},
		}},
		Probe: &report.Probe{Container: "netlook-abcde", Image: "netlook/probe:v0.1.0", Version: "v0.1.0", Build: "abc123", StartedIn: ms(612)},
		Results: []check.Result{
			pass("path.mtu", "path", "mtu", "10.244.2.7", "1450 = interface MTU", 3.1),
			endpoint("10.244.2.7", "payments-x2x9f"),
			endpoint("10.244.1.9", "payments-k4k2p"),
			endpoint("10.244.0.5", "payments-a1b2c"),
			vip,
			pass("dns.cluster", "dns", "cluster name", "10.96.0.10 udp", "NOERROR, 10.96.0.1", 1.1),
			pass("dns.cluster", "dns", "cluster name", "10.96.0.10 tcp", "NOERROR, 10.96.0.1", 1.3),
			pass("api.vip", "api", "vip, livez", "10.96.0.1:443", "livez ok, CA verified", 4.8),
			pass("gateway.neighbour", "gateway", "neighbour", "10.244.1.1", "0a:58:0a:f4:01:01 reachable", 0.1),
			skipped, deep,
		},
	}
}

func find(in *report.Input, task string) *check.Result {
	for i := range in.Results {
		if strings.HasPrefix(in.Results[i].TaskID, task) {
			return &in.Results[i]
		}
	}
	panic("no task " + task)
}

func failing() report.Input {
	in := sample()
	e := find(&in, "service.endpoint 10.244.2.7")
	e.Status, e.Failure, e.Attempts, e.Duration = check.Fail, check.Timeout, losses(3, check.Timeout, 2000), ms(2000)
	e.Summary = "3 of 3 attempts timed out after 2.0 s"
	e.With("icmp", "10.244.2.7 answers in 0.5 ms: the pod is reachable, its port is not")
	e.With("sent", "6 SYN, 0 answers")
	v := find(&in, "service.vip")
	v.Status, v.Failure, v.Summary = check.Warn, check.Timeout, "2 of 8 attempts timed out"
	v.Attempts = append(answers(6, 0.6), losses(2, check.Timeout, 2000)...)
	m := find(&in, "path.mtu")
	m.Status, m.Failure, m.Summary, m.Attempts = check.Fail, check.MTU, "1450 is promised, 1400 is the largest that arrives", nil
	m.Meaning = "packets above 1400 bytes vanish without a word: a tunnel on the way takes 50 bytes that nobody subtracted"
	v6 := *e
	v6.TaskID, v6.Target, v6.Object = "service.endpoint v6", "[fd00:10:244:2::1a2b:3c4d]:8080", "pod/shop/payments-x2x9f"
	v6.Title = "payments endpoints :8080 with a title that is too long"
	v6.Evidence, v6.Failure, v6.Attempts = nil, check.Refused, losses(3, check.Refused, 0.4)
	v6.Summary = "3 of 3 attempts refused"
	in.Results = append(in.Results, v6)
	in.Notices = []report.Notice{{Kind: report.Unread, Message: "networkpolicies: forbidden for user jane"}}
	return in
}

// diagnosed is failing with a verdict: a cause, two that cannot be told apart, and
// what nothing explains.
func diagnosed() report.Input {
	in := failing()
	key := func(task string) string { return diagnose.Key(*find(&in, task)) }
	in.Verdict = diagnose.Verdict{
		Causes: []diagnose.Finding{{
			Code: "NL-SVC-ENDPOINT-DOWN", Confidence: diagnose.Likely,
			Headline: "1 of 3 endpoints of service shop/payments never answers",
			Where:    []string{"10.244.2.7:8080 = pod/shop/payments-x2x9f on node w2"},
			Evidence: []string{"service payments endpoints 10.244.2.7:8080: 3 of 3 attempts timed out after 2.0 s", "icmp 10.244.2.7: answers: the pod is reachable, its port is not"},
			Explains: []string{key("service.endpoint 10.244.2.7"), key("service.vip")},
			Likely:   "a rule inside the pod or its NetworkPolicy drops the port; a process that is gone would refuse",
			Try:      []string{"kubectl -n shop get networkpolicies"},
		}},
		Candidates: []diagnose.Finding{
			{Code: "NL-NODE-IP-FORWARD", Confidence: diagnose.Possible, Headline: "node w2 does not forward packets", Evidence: []string{"from node w1 no pod on node w2 answers"}, Explains: []string{key("path.mtu")}},
			{Code: "NL-OVERLAY-BLOCKED", Confidence: diagnose.Possible, Headline: "the overlay between nodes w1 and w2 loses everything", Evidence: []string{"from node w1 no pod on node w2 answers"}, Explains: []string{key("path.mtu")}},
		},
		Unexplained: []string{key("service.endpoint v6")},
	}
	for i, f := range suspected() {
		in.Verdict.Candidates[i].Path = f.Path
	}
	return in
}

func incomplete() report.Input {
	in := sample()
	in.Tasks = []check.Task{
		{ID: "external.tcp 192.0.2.1:443", Check: "external.tcp", Label: check.Label{Area: "external", Title: "tcp", Target: "192.0.2.1:443"}},
	}
	e := find(&in, "api.vip")
	e.Status, e.Summary, e.Attempts = check.Error, "open /proc/net/route: permission denied", nil
	in.Notices = []report.Notice{{Kind: report.Cut, Message: "attach to shop/checkout-7d9f: connection lost, and no room for another"}}
	return in
}

func apiOnly() report.Input {
	in := sample()
	in.Probe = nil
	in.Results = []check.Result{{
		TaskID: "service.state service/shop/payments", Check: "service.state", Vantage: check.VantageAPI, Status: check.Pass,
		Label: check.Label{Area: "state", Title: "payments", Target: "service/shop/payments"}, Summary: "3 of 3 endpoints ready",
	}}
	in.Notices = []report.Notice{{
		Kind:    report.Fallback,
		Message: "no right to add ephemeral containers in namespace shop (user jane); reading the API only",
		Unlock:  "kubectl netlook rbac --for pod -n shop | kubectl apply -f -",
	}}
	return in
}

// hostile has every string that an attacker can write carry what a terminal must
// never see, and what a page must never run.
func hostile() report.Input {
	const evil = "\x1b[2J\x1b]0;owned\x07\r\nEVIL\u202e\u2028\x9b31m\xff" +
		`"'--></style></title></svg></pre><script>document.title='owned'</script><img src=x onerror="document.title='owned'"><a href=javascript:alert(1)>`
	in := failing()
	e := find(&in, "service.endpoint 10.244.2.7")
	e.Summary += evil
	e.Object += evil
	e.Subject += evil
	e.Target += evil
	e.Meaning = "means " + evil
	e.Evidence = append(e.Evidence, check.Evidence{Key: "key" + evil, Value: "value" + evil})
	e.Attempts[0].Detail = evil
	find(&in, "gateway.icmp").Skip = &check.Skip{Reason: "r" + evil, Unlock: "u" + evil}
	in.Vantage.Pod.Name += evil
	in.Context += evil
	in.Verdict = deep().Verdict
	f := &in.Verdict.Causes[0]
	f.Headline, f.Where, f.Evidence, f.Likely, f.Try = f.Headline+evil, []string{evil}, []string{evil, evil}, evil, []string{"kubectl " + evil}
	f.Path.From, f.Path.To = evil, evil
	for i := range f.Path.Hops {
		f.Path.Hops[i].Name, f.Path.Hops[i].Note = evil, evil
	}
	f.Path.Links[5].Note = evil
	in.Network = facts.Network{Plugin: evil, How: evil}
	in.To = []string{evil}
	in.Notices = append(in.Notices, report.Notice{Kind: report.Fallback, Message: "m" + evil, Unlock: "u" + evil})
	return in
}
