package causes

import (
	"fmt"
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-DNS-NAME-UNKNOWN",
		Summary: "a name does not exist: the DNS servers answer, and say so",
		Signal:  "Every name of the search list is answered with NXDOMAIN, while other names resolve at the same servers. Where the name looks like a service's, the services of the cluster are compared.",
		Meaning: "Mistyped, in another namespace (a short name is only found in the own one), or deleted.",
		Confirm: []string{"kubectl get services -A | grep NAME"},
		Remedy:  []string{"use NAME.NAMESPACE for a service of another namespace"},
		Source:  "https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/",
		Find:    findNameUnknown,
	})
}

func findNameUnknown(c *diagnose.Case) []diagnose.Finding {
	works := len(c.Find(diagnose.Match{Check: "dns.", Vantage: "", Status: []check.Status{check.Pass}})) > 0
	var findings []diagnose.Finding
	unknown := c.Find(diagnose.Match{Check: "dns.search", Status: failing, Failure: []check.Failure{check.NXDomain}})
	unknown = append(unknown, c.Find(diagnose.Match{Check: "dns.trace", Status: failing, Failure: []check.Failure{check.NXDomain}})...)
	for _, r := range unknown {
		if f, found := notSearched(c, r); found {
			findings = append(findings, f)
			continue
		}
		s := serviceNamed(c, r.Target)
		if i := slices.IndexFunc(c.Facts.Targets, func(t facts.Target) bool { return isAlias(t) && t.Host == r.Target }); i >= 0 {
			s = c.Facts.Targets[i].Service
		}
		if s != nil {
			if s.Type == "ExternalName" && !elsewhere(c, r) {
				continue // its name is there; what it is an alias of is another matter
			}
			f := behind(r, s)
			if elsewhere(c, r) {
				f.Headline = fmt.Sprintf("%s does not ask the cluster's DNS, which alone knows service %s", r.Vantage, s.Ref())
				f.Likely = "the name servers of its node's resolv.conf are asked there: names of services are for pods with dnsPolicy ClusterFirst"
				f.Try = []string{"kubectl netlook dns " + r.Target + " --from pod/NAME"}
				f.Explains = askedFor(c, r)
			}
			findings = append(findings, f)
			continue
		}
		f := diagnose.Finding{
			Headline:   fmt.Sprintf("the name %s does not exist", r.Target),
			Confidence: diagnose.Likely,
			Where:      []string{r.Target},
			Evidence:   append([]string{seen(r)}, evidenceLines(r)...),
			Explains:   askedFor(c, r),
			Rank:       rankService,
		}
		if works {
			f.Evidence = append(f.Evidence, "other names resolve at the same servers")
		}
		if similar := c.Facts.Similar[r.Target]; len(similar) > 0 {
			f.Likely = "meant is perhaps " + strings.Join(similar, ", or ")
			f.Headline += "; there is " + similar[0]
		} else {
			f.Try = []string{"kubectl get services -A"}
		}
		if strings.HasPrefix(r.Vantage, "node/") {
			f.Likely = "a node resolves by its own resolv.conf and does not ask the cluster's DNS: names of services are for pods"
			f.Try = []string{"kubectl netlook dns " + r.Target + " --from pod/NAME"}
		}
		findings = append(findings, f)
	}
	return findings
}

// askedFor are a result about a name that does not exist, and those of the same vantage
// point that failed because of it.
func askedFor(c *diagnose.Case, r check.Result) []string {
	keys := []string{diagnose.Key(r)}
	for _, other := range c.Find(diagnose.Match{Status: failing, Failure: []check.Failure{check.NXDomain}}) {
		if other.Vantage == r.Vantage && strings.Contains(other.Target, r.Target) {
			keys = append(keys, diagnose.Key(other))
		}
	}
	return keys
}

// elsewhere reports whether a result is of a vantage point that resolves as its node does:
// a node, or a pod whose dnsPolicy says so.
func elsewhere(c *diagnose.Case, r check.Result) bool {
	pod := c.Facts.Vantage.Pod
	if strings.HasPrefix(r.Vantage, "node/") || pod == nil {
		return strings.HasPrefix(r.Vantage, "node/")
	}
	return pod.DNSPolicy == "Default" || pod.HostNetwork && (pod.DNSPolicy == "ClusterFirst" || pod.DNSPolicy == "")
}

// serviceNamed is the service that the API has under a name as applications write it, nil
// when there is none. A longer name that only begins so is another's.
func serviceNamed(c *diagnose.Case, name string) *facts.Service {
	parts := strings.Split(strings.TrimSuffix(name, "."), ".")
	if len(parts) > 2 && parts[2] != "svc" {
		return nil
	}
	for i, s := range c.Facts.Services {
		namespace := s.Namespace
		if len(parts) == 1 && c.Facts.Vantage.Pod != nil {
			namespace = c.Facts.Vantage.Pod.Namespace
		} else if len(parts) > 1 {
			namespace = parts[1]
		}
		if s.Name == parts[0] && s.Namespace == namespace {
			return &c.Facts.Services[i]
		}
	}
	return nil
}

// behind says that the DNS servers do not know what the API has.
func behind(r check.Result, s *facts.Service) diagnose.Finding {
	return diagnose.Finding{
		Headline:   fmt.Sprintf("the DNS servers do not know service %s, which exists", s.Ref()),
		Confidence: diagnose.Likely,
		Where:      []string{r.Target},
		Evidence:   append([]string{seen(r), "the API has service " + s.Ref().String()}, evidenceLines(r)...),
		Explains:   []string{diagnose.Key(r)},
		Likely:     "they have lost their connection to the API server, or their search list lacks this cluster's domain",
		Try:        []string{"kubectl -n kube-system logs -l k8s-app=kube-dns --tail=20"},
		Rank:       rankService,
	}
}
