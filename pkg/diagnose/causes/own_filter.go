package causes

import (
	"fmt"
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-POD-FILTER",
		Summary: "a packet filter rule in the pod's own network namespace drops what it sends",
		Signal:  "The kernel refuses a datagram to the address with EPERM, which a rule of the output hook of this very network namespace does, and connections to it get no answer; other addresses are reached.",
		Meaning: "The packets never leave the pod: nothing outside it can be at fault, and nothing outside it sees them.",
		Confirm: []string{"nft list ruleset, or iptables-save (in the pod's network namespace: kubectl debug --profile=netadmin)"},
		Remedy:  []string{"find who writes rules into the pod: a service mesh's init container, a sidecar, a CNI plugin that is chained; recreate the pod once it is mended"},
		Source:  "net/netfilter/core.c, nf_hook_slow: a dropped packet of one's own is -EPERM",
		Spot:    diagnose.Spot{Place: diagnose.AtPod, Says: "a rule drops"},
		Find:    findOwnFilter,
	})
}

func findOwnFilter(c *diagnose.Case) []diagnose.Finding {
	vantage := c.Facts.Vantage.String()
	dropped := slices.DeleteFunc(c.Find(diagnose.Match{Vantage: vantage, Status: failing, Failure: []check.Failure{check.Denied}}), func(r check.Result) bool {
		addr, _ := diagnose.TargetAddr(r)
		route, ok := routeOf(c, vantage, addr)
		return ok && route.Refuses() // the routing table says no as well
	})
	// With a full connection tracking table nothing new is let out, to nobody.
	others := c.Find(diagnose.Match{Vantage: vantage, Status: []check.Status{check.Pass}})
	reached := 0
	for _, r := range others {
		if _, ok := diagnose.TargetAddr(r); ok && len(r.Attempts) > 0 {
			reached++
		}
	}
	if len(dropped) == 0 || reached == 0 || !strings.HasPrefix(vantage, "pod/") {
		return nil
	}
	f := diagnose.Finding{
		Headline:   fmt.Sprintf("a packet filter rule inside %s drops what it sends to %s", vantage, dropped[0].Target),
		Confidence: diagnose.Certain,
		Where:      []string{vantage},
		Evidence:   firstOf(seenAll(dropped), mostEvidence),
		Explains:   c.Through(diagnose.Keys(dropped)),
		Likely:     "left by a service mesh's init container or a sidecar, or written by something with NET_ADMIN in the pod",
		Rank:       rankMeasured,
	}
	f.Evidence = append(f.Evidence, fmt.Sprintf("the kernel lets no datagram out to it either (EPERM); %d other checks from the same pod pass", reached))
	if pod := c.Facts.Vantage.Pod; pod != nil {
		f.Try = []string{
			fmt.Sprintf("kubectl -n %s debug %s -it --image=IMAGE --profile=netadmin -- nft list ruleset", pod.Namespace, pod.Name),
			fmt.Sprintf("kubectl -n %s get pod %s -o jsonpath='{.spec.initContainers[*].name} {.spec.containers[*].name}'", pod.Namespace, pod.Name),
		}
	}
	return []diagnose.Finding{f}
}
