package causes

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-SVC-EXTERNAL-NAME",
		Summary: "an ExternalName service is an alias of a name that leads nowhere",
		Signal:  "The name in spec.externalName does not resolve (NXDOMAIN, or a server that fails), or is an address, while other names resolve at the same servers.",
		Meaning: "The service's own name then leads nowhere either: DNS answers with the alias, and nothing behind it.",
		Confirm: []string{"kubectl -n NAMESPACE get service NAME -o jsonpath='{.spec.externalName}'", "dig EXTERNAL-NAME."},
		Remedy:  []string{"kubectl -n NAMESPACE patch service NAME -p '{\"spec\":{\"externalName\":\"RIGHT.NAME\"}}'", "for an address: a Service without selector, and an EndpointSlice with it"},
		Source:  "https://kubernetes.io/docs/concepts/services-networking/service/#externalname; RFC 1034, 3.6.2",
		Find: func(c *diagnose.Case) []diagnose.Finding {
			var findings []diagnose.Finding
			for _, r := range c.Find(diagnose.Match{Check: "service.alias", Status: failing}) {
				s := c.Service(r.Subject)
				if s == nil || r.Failure == check.Timeout {
					continue // DNS itself is the trouble
				}
				likely := "the name was mistyped, or has gone"
				if strings.Contains(r.Summary, "circle") {
					likely = "two names, or services, were made aliases of one another"
				}
				f := aliasOfNothing(s)
				f.Evidence, f.Likely = []string{seen(r)}, likely
				f.Explains = append([]string{diagnose.Key(r)}, namesOf(c, s.Name, s.Ref().String())...)
				findings = append(findings, f)
			}
			return askedByAlias(c, findings)
		},
	})
}

func aliasOfNothing(s *facts.Service) diagnose.Finding {
	return diagnose.Finding{
		Headline:   fmt.Sprintf("service %s is an alias of %s, which leads nowhere", s.Ref(), s.ExternalName),
		Confidence: diagnose.Certain,
		Where:      []string{"service/" + s.Ref().String()},
		Try:        []string{fmt.Sprintf("kubectl -n %s get service %s -o jsonpath='{.spec.externalName}'", s.Namespace, s.Name)},
		Rank:       rankMeasured,
	}
}

// askedByAlias adds hosts and URLs whose host is the name of such a service and does not
// resolve: the service was not asked about itself, or was too. Who does not ask the cluster's
// DNS learns nothing of it.
func askedByAlias(c *diagnose.Case, findings []diagnose.Finding) []diagnose.Finding {
	for _, t := range c.Facts.Targets {
		if !isAlias(t) {
			continue
		}
		unknown := c.Find(diagnose.Match{Status: failing, Failure: []check.Failure{check.NXDomain}})
		unknown = slices.DeleteFunc(unknown, func(r check.Result) bool {
			_, searched := notSearched(c, r)
			return r.Asked != t.Raw && r.Target != t.Host || searched || elsewhere(c, r)
		})
		if len(unknown) == 0 {
			continue
		}
		f := aliasOfNothing(t.Service)
		if i := slices.IndexFunc(findings, func(o diagnose.Finding) bool { return o.Headline == f.Headline }); i >= 0 {
			findings[i].Explains = append(findings[i].Explains, diagnose.Keys(unknown)...)
			continue
		}
		f.Evidence, f.Explains, f.Likely = firstOf(seenAll(unknown), mostEvidence), diagnose.Keys(unknown), "the name was mistyped, or has gone"
		if _, err := netip.ParseAddr(t.Service.ExternalName); err == nil {
			f.Likely = "an alias needs a name: DNS takes the address for one, of digits, that nobody has"
		} else {
			f.Confidence = diagnose.Likely // what it is an alias of was not asked for by itself
		}
		findings = append(findings, f)
	}
	return findings
}

func isAlias(t facts.Target) bool { return t.Service != nil && t.Service.Type == "ExternalName" }

// namesOf are the bad results of questions for one of these names, which end their
// targets, or are them.
func namesOf(c *diagnose.Case, names ...string) []string {
	var keys []string
	for _, r := range c.Find(diagnose.Match{Check: "dns.", Status: failing}) {
		for _, name := range names {
			if r.Target == name || strings.HasSuffix(r.Target, " "+name) {
				keys = append(keys, diagnose.Key(r))
			}
		}
	}
	return keys
}
