package checks

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func init() {
	Registry.Add(check.Define(check.Spec[struct{}]{
		ID:      "service.family",
		Area:    "service",
		Summary: "a dual-stack service has ready endpoints of both address families",
		Read: func(f *facts.Facts) []check.Result {
			var results []check.Result
			for _, s := range f.Services {
				if len(s.Families) < 2 || s.EndpointsUnknown || s.Type == "ExternalName" || len(s.Ready()) == 0 {
					continue // without any, that is the trouble
				}
				r := judgeFamilies(s)
				r.Label = check.Label{
					Title: nameFrom(f, s.Ref()) + " families", Target: s.Ref().String(),
					Object: serviceObject(s.Ref()), Subject: serviceObject(s.Ref()),
				}
				results = append(results, r)
			}
			return results
		},
	}))
}

// judgeFamilies is pure. A family without endpoints is a warning: clients that have the
// other one get through, and many try both.
func judgeFamilies(s facts.Service) check.Result {
	var has, lacks []string
	for _, family := range s.Families {
		n := len(facts.OfFamily(s.Ready(), anyOf(family)))
		if n == 0 {
			lacks = append(lacks, family)
			continue
		}
		has = append(has, fmt.Sprintf("%d over %s", n, family))
	}
	if len(lacks) == 0 {
		return check.Result{Status: check.Pass, Summary: "ready endpoints: " + strings.Join(has, ", ")}
	}
	vips := "its name has no address of that family"
	i := slices.IndexFunc(s.ClusterIPs, func(a netip.Addr) bool { return a.Unmap().Is4() == anyOf(lacks[0]).Is4() })
	if i >= 0 {
		vips = fmt.Sprintf("its ClusterIP %s leads nowhere", s.ClusterIPs[i])
	}
	r := check.Result{Status: check.Warn, Failure: check.NoEndpoint}
	r.Summary = fmt.Sprintf("no ready endpoint over %s: %s; ready endpoints: %s", strings.Join(lacks, ", "), vips, strings.Join(has, ", "))
	r.Meaning = "clients that prefer that family wait, or fail, while others see nothing wrong; pods get their addresses when they start, so that those from before the cluster became dual-stack have one only"
	return r
}

// anyOf is an address of a family as the API spells it.
func anyOf(family string) netip.Addr {
	if family == "IPv6" {
		return netip.IPv6Unspecified()
	}
	return netip.IPv4Unspecified()
}
