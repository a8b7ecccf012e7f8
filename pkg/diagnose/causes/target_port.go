package causes

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-SVC-TARGET-PORT",
		Summary: "a service's targetPort is one that nothing behind it listens on",
		Signal:  "All endpoints of a port refuse, so that it is not one process that is gone; or the targetPort is a name that no container has. Where the pods declare ports, the targetPort is not among them.",
		Meaning: "No connection to the service can succeed, although all pods are ready.",
		Confirm: []string{"kubectl -n NAMESPACE get service NAME -o jsonpath='{.spec.ports}'", "kubectl -n NAMESPACE get pods -l SELECTOR -o jsonpath='{.items[*].spec.containers[*].ports}'"},
		Remedy:  []string{`kubectl -n NAMESPACE patch service NAME --type=json -p '[{"op":"replace","path":"/spec/ports/0/targetPort","value":PORT}]'`},
		Source:  "https://kubernetes.io/docs/tasks/debug/debug-application/debug-service/",
		Spot:    diagnose.Spot{Place: diagnose.AtApp, Says: "nobody listens"},
		Find:    findTargetPort,
	})
}

func findTargetPort(c *diagnose.Case) []diagnose.Finding {
	var findings []diagnose.Finding
	for _, r := range c.Find(diagnose.Match{Check: "service.ready", Status: []check.Status{check.Fail}, Failure: []check.Failure{check.Config}}) {
		f := diagnose.Finding{
			Headline: fmt.Sprintf("service %s: %s", name(r.Subject), r.Summary), Confidence: diagnose.Certain,
			Where: []string{r.Object}, Evidence: []string{seen(r)}, Rank: rankMeasured,
			Explains: append(diagnose.Keys([]check.Result{r}), ofService(c, r.Subject)...),
		}
		if s := c.Service(r.Subject); s != nil {
			f.Try = []string{fmt.Sprintf("kubectl -n %s edit service %s", s.Namespace, s.Name)}
		}
		findings = append(findings, f)
	}
	for _, group := range bySubject(c.Find(diagnose.Match{Check: "service.endpoint"})) {
		s := c.Service(group[0].Subject)
		refused := refusing(group)
		if s == nil || len(refused) == 0 || len(refused) != len(group) {
			continue
		}
		declared, undeclared := declares(s, refused[0])
		if len(group) == 1 && !undeclared {
			continue // one process that is gone, for all that is known
		}
		f := diagnose.Finding{
			Headline:   fmt.Sprintf("service %s sends to port %s, and nothing listens there on any of its %s", s.Ref(), portText(refused[0]), check.Count(len(group), "pod")),
			Confidence: diagnose.Likely,
			Where:      places(c, refused),
			Evidence:   seenAll(refused),
			Explains:   c.Through(diagnose.Keys(refused)),
			Likely:     "the service's targetPort is not the port that the application listens on",
			Try:        []string{fmt.Sprintf("kubectl -n %s get service %s -o jsonpath='{.spec.ports}'", s.Namespace, s.Name), fmt.Sprintf("kubectl -n %s edit service %s", s.Namespace, s.Name)},
			Rank:       rankService,
		}
		if undeclared {
			f.Confidence = diagnose.Certain
			f.Evidence = append(f.Evidence, "its pods declare the ports "+declared)
		}
		if port, why := meantPort(c, refused, declared); port != "" {
			f.Headline += "; did you mean " + port + "?"
			f.Evidence = append(f.Evidence, why)
		}
		findings = append(findings, f)
	}
	return append(findings, dnsTargetPort(c)...)
}

// ofService are the bad results about a service itself: its ClusterIPs and its name.
func ofService(c *diagnose.Case, subject string) []string {
	var keys []string
	for _, id := range []string{"service.vip", "dns.service", "service.endpoint", "state.dns", "service.ready", "service.nodeport"} {
		keys = append(keys, diagnose.Keys(c.Find(diagnose.Match{Check: id, Subject: subject, Status: failing}))...)
	}
	return keys
}

// portText is the port of a result's target, as kubectl writes it: 8080, 53/UDP.
func portText(r check.Result) string {
	at, protocol, _ := diagnose.TargetPort(r)
	if protocol == facts.TCP {
		return strconv.Itoa(int(at.Port()))
	}
	return fmt.Sprintf("%d/%s", at.Port(), protocol)
}

// declares reports which ports the service's pods declare, and whether the one tried
// is surely not among them. Declaring is voluntary: pods that declare nothing say
// nothing.
func declares(s *facts.Service, r check.Result) (declared string, undeclared bool) {
	port, protocol, ok := diagnose.TargetPort(r)
	if !ok || !s.SelectorRead {
		return "", false
	}
	var ports []string
	for _, pod := range s.SelectedPods {
		for _, container := range pod.Containers {
			for _, p := range container.Ports {
				if p.Port == port.Port() && p.Protocol == protocol {
					return "", false
				}
				ports = append(ports, fmt.Sprintf("%d/%s", p.Port, p.Protocol))
			}
		}
	}
	slices.Sort(ports)
	ports = slices.Compact(ports)
	return strings.Join(ports, ", "), len(ports) > 0
}

// meantPort is the one port that can have been meant: the only one that a pod which was
// looked into listens on for others, or the only one that the pods declare. "" where
// there are several, or none is known.
func meantPort(c *diagnose.Case, refused []check.Result, declared string) (port, why string) {
	for _, r := range refused {
		for _, l := range c.Find(diagnose.Match{Check: "pod.listeners", Object: r.Object, Status: []check.Status{check.Pass}}) {
			if l.Kernel == nil || r.Object == "" {
				continue
			}
			ports := map[uint16]bool{}
			for _, text := range l.Kernel.Listeners {
				if at, err := netip.ParseAddrPort(text); err == nil && !at.Addr().IsLoopback() {
					ports[at.Port()] = true
				}
			}
			for only := range ports {
				if len(ports) == 1 {
					return strconv.Itoa(int(only)), "from inside " + l.Object + ": " + l.Summary
				}
			}
		}
	}
	if strings.Contains(declared, ",") || !strings.HasSuffix(declared, "/TCP") {
		return "", ""
	}
	port = strings.TrimSuffix(declared, "/TCP")
	return port, "the only port that its pods declare is " + port
}
