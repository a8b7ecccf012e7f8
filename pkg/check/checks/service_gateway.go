package checks

import (
	"fmt"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func init() {
	Registry.Add(check.Define(check.Spec[struct{}]{
		ID:      "service.gateway",
		Area:    "service",
		Summary: "the Gateways by which routes lead to a service exist, are of a class that exists, are programmed, and have an address",
		Read: func(f *facts.Facts) []check.Result {
			var results []check.Result
			for _, s := range f.Services {
				for _, g := range s.Gateways {
					r := judgeGatewayObject(g)
					r.Label = check.Label{
						Title: nameFrom(f, s.Ref()) + " gateways", Target: g.Ref().String(),
						Object: "gateway/" + g.Ref().String(), Subject: serviceObject(s.Ref()),
					}
					r.TaskID = "service.gateway " + g.Ref().String() + " " + s.Ref().String()
					results = append(results, r)
				}
			}
			return results
		},
	}))
}

// judgeGatewayObject is pure.
func judgeGatewayObject(g facts.Gateway) check.Result {
	said := func(r check.Result, c facts.Condition) check.Result {
		if c.Message != "" {
			r.With("controller", "%s", c.Message)
		}
		return r
	}
	switch {
	case g.Missing:
		return failed(check.Config, "does not exist: nobody takes the routes that name it")
	case g.Unread != "":
		return check.Skipf("get gateways.gateway.networking.k8s.io in namespace "+g.Namespace, "cannot tell anything of it: %s", g.Unread)
	case g.ClassMissing:
		return failed(check.Config, "is of class %s, which does not exist: nobody serves it", g.Class)
	case g.ClassAccepted.False():
		return said(failed(check.Config, "is of class %s, which its controller does not accept: %s", g.Class, g.ClassAccepted.Reason), g.ClassAccepted)
	case g.Accepted.False():
		return said(failed(check.Config, "is not accepted by its controller: %s", g.Accepted.Reason), g.Accepted)
	case g.Programmed.False():
		return said(failed(check.NotReady, "is not programmed: %s", g.Programmed.Reason), g.Programmed)
	case len(g.Addresses) == 0:
		r := check.Result{Status: check.Warn, Failure: check.NotReady, Summary: "has no address: there is no way in by it"}
		if g.Programmed.Status == "" {
			r.Summary = fmt.Sprintf("has no address, and no controller has taken notice of it (class %s)", g.Class)
		}
		return r
	}
	return check.Result{Status: check.Pass, Summary: "has the address " + strings.Join(g.Addresses, ", ")}
}
