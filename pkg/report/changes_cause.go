package report

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

// causeChanges pairs the causes of two verdicts off, those that could not be told apart
// with those that could: what is left over is new, or gone.
func causeChanges(old, now *Report) []CauseChange {
	all := func(r *Report) []diagnose.Finding { return slices.Concat(r.Verdict.Causes, r.Verdict.Candidates) }
	candidate := func(f diagnose.Finding) bool { return f.Confidence == diagnose.Possible }
	before, after := namerOf(old), namerOf(now)
	count := map[string]int{}
	for _, f := range all(old) {
		count[before.name(f)]++
	}
	var changes []CauseChange
	for _, f := range all(now) {
		name := after.name(f)
		if count[name]--; count[name] < 0 {
			changes = append(changes, CauseChange{ChangeNew, f.Code, f.Headline, candidate(f)})
		}
	}
	for _, f := range all(old) {
		if name := before.name(f); count[name] > 0 {
			count[name]--
			changes = append(changes, CauseChange{ChangeGone, f.Code, f.Headline, candidate(f)})
		}
	}
	return changes
}

// causeNamer names the causes of a report so that the same cause has the same name in
// another run: its code and headline, word by word, where
//   - an amount ("2", "2.0s", "3/4") is any amount, but what follows "port", "node" and
//     the like is a name;
//   - the name of a pod that a Deployment, ReplicaSet, DaemonSet or Job has made up is
//     what it was made of, and the device that leads to a pod is any such device;
//   - the address of a pod, as the report tells, is that pod.
//
// All else stands as it is: nodes, services, their addresses, ports, and pods that keep
// their names.
type causeNamer struct{ pods map[netip.Addr]string }

func namerOf(r *Report) causeNamer {
	n := causeNamer{map[netip.Addr]string{}}
	for _, res := range r.Results {
		if addr, ok := diagnose.TargetAddr(res); ok && strings.HasPrefix(res.Object, "pod/") {
			n.pods[addr] = madeOf(res.Object)
		}
	}
	for _, f := range slices.Concat(r.Verdict.Causes, r.Verdict.Candidates) {
		for _, where := range f.Where { // "10.244.2.7:8080 = pod/shop/x on node w2"
			at, what, _ := strings.Cut(where, " = ")
			if addr, ok := diagnose.TargetAddr(Result{Label: check.Label{Target: at}}); ok && strings.HasPrefix(what, "pod/") {
				pod, _, _ := strings.Cut(what, " ")
				n.pods[addr] = madeOf(pod)
			}
		}
	}
	return n
}

var (
	amount = regexp.MustCompile(`^\d+([.,/]\d+)*(%|B|[KMG]i?B|(ns|µs|us|ms|s|m|h)(\d+(ns|µs|us|ms|s|m|h))*)?$`)
	// generated are the endings of pods' names: what ReplicaSets and others append, and
	// before that the hash of a Deployment's template or the time of a CronJob. They are
	// written without vowels (k8s.io/apimachinery/pkg/util/rand).
	generated = regexp.MustCompile(`(-([bcdfghjklmnpqrstvwxz2456789]{7,10}|\d{8}))?-[bcdfghjklmnpqrstvwxz2456789]{5}$`)
	// podDevice is the node's end of a pod's link, as common plugins name it.
	podDevice = regexp.MustCompile(`^(veth|cali|lxc)[0-9a-f]{6,}$`)
)

// naming are the words behind which a number is no amount.
var naming = []string{"port", "ports", "node", "nodes", "hostPort", "host", "code"}

// units stand behind an amount, as a word of their own.
var units = []string{"ns", "µs", "us", "ms", "s", "min", "m", "h", "B", "KiB", "MiB", "GiB", "%"}

func (n causeNamer) name(f diagnose.Finding) string {
	words := []string{f.Code}
	previous := ""
	for _, field := range strings.Fields(f.Headline) {
		bare := strings.Trim(field, "(),;:")
		if amount.MatchString(previous) && slices.Contains(units, bare) {
			continue // "2.0 s" and "300 ms"
		}
		words = append(words, strings.Replace(field, bare, n.word(previous, bare), 1))
		if !amount.MatchString(bare) || !slices.Contains(naming, previous) {
			previous = bare // or else one of several: "ports 80, 443"
		}
	}
	return strings.Join(words, " ")
}

func (n causeNamer) word(previous, word string) string {
	if at, err := netip.ParseAddrPort(word); err == nil {
		if pod, is := n.pods[at.Addr().Unmap()]; is {
			return pod + word[strings.LastIndex(word, ":"):]
		}
		return word
	}
	if addr, err := netip.ParseAddr(word); err == nil {
		if pod, is := n.pods[addr.Unmap()]; is {
			return pod
		}
		return word
	}
	switch {
	case amount.MatchString(word) && !slices.Contains(naming, previous):
		return "#"
	case podDevice.MatchString(word):
		return "#"
	case strings.HasPrefix(word, "pod/") || previous == "pod":
		return madeOf(word)
	}
	return word
}

// madeOf is a pod's name without what was made up for it; a port behind it stays.
func madeOf(pod string) string {
	name, port, _ := strings.Cut(pod, ":")
	if port != "" {
		port = ":" + port
	}
	return generated.ReplaceAllString(name, "") + port
}
