package checks

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/check/dial"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func init() {
	Registry.Add(check.Define(check.Spec[icmpParams]{
		ID:      "service.alias",
		Area:    "service",
		Summary: "the name that an ExternalName service is an alias of resolves, and is a name",
		Plan:    planServiceAlias,
		Run:     runServiceAlias,
		Read:    readServiceAlias,
	}))
}

func planServiceAlias(f *facts.Facts) []check.Planned[icmpParams] {
	var tasks []check.Planned[icmpParams]
	for _, s := range f.Services {
		if s.Type != "ExternalName" || s.ExternalName == "" || aliasOfAddress(s) {
			continue
		}
		tasks = append(tasks, check.Planned[icmpParams]{Label: aliasLabel(f, s), Params: icmpParams{Host: strings.TrimSuffix(s.ExternalName, ".") + "."}})
	}
	return tasks
}

func aliasLabel(f *facts.Facts, s facts.Service) check.Label {
	return check.Label{
		Title: nameFrom(f, s.Ref()) + " alias", Target: s.ExternalName,
		Object: serviceObject(s.Ref()), Subject: serviceObject(s.Ref()), Asked: s.Asked,
	}
}

func aliasOfAddress(s facts.Service) bool {
	_, err := netip.ParseAddr(strings.TrimSuffix(s.ExternalName, "."))
	return err == nil
}

// readServiceAlias tells an address in the place of the name, which the API takes: DNS
// servers answer with a CNAME all the same, to a name of digits that nobody has.
func readServiceAlias(f *facts.Facts) []check.Result {
	var results []check.Result
	for _, s := range f.Services {
		if s.Type != "ExternalName" || !aliasOfAddress(s) {
			continue
		}
		r := failed(check.Config, "%s is an address: an alias needs a name", dial.Clean(s.ExternalName, 80))
		r.Meaning = "resolvers look for a host of that name and find none; a Service without selector, with an EndpointSlice of one's own, leads to an address"
		r.Label = aliasLabel(f, s)
		r.TaskID = "service.alias " + s.Ref().String()
		results = append(results, r)
	}
	return results
}

// runServiceAlias looks the name up as it is, without the search list: a CNAME is
// absolute (RFC 1034, 3.6.2).
func runServiceAlias(ctx context.Context, _ check.Task, p icmpParams) check.Result {
	addr, bad := resolveToPing(ctx, p)
	if bad != nil {
		return *bad
	}
	return check.Result{Status: check.Pass, Summary: fmt.Sprintf("resolves, to %s first", addr)}
}
