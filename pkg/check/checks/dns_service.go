package checks

import (
	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// maxServiceNames is how many services' names are asked for.
const maxServiceNames = 8

func init() {
	Registry.Add(check.Define(check.Spec[dnsParams]{
		ID:      "dns.service",
		Area:    "dns",
		Summary: "the names of the services in question resolve to the addresses that the API has",
		Plan:    planDNSService,
		Run:     systemDNS.run,
		Read:    readDNSService,
	}))
}

func planDNSService(f *facts.Facts) []check.Planned[dnsParams] {
	var tasks []check.Planned[dnsParams]
	for i := range f.Services[:min(len(f.Services), maxServiceNames)] {
		s := &f.Services[i]
		asked := ""
		if s.Type == "ExternalName" {
			asked = s.Asked // such a service is a name, and nothing else can be tried
		}
		tasks = append(tasks, clusterNameTasks(f, nameAsked{
			title:        "service name",
			name:         serviceHost(*s),
			suffix:       " " + nameFrom(f, s.Ref()),
			asked:        asked,
			service:      s,
			maxEndpoints: maxDNSEndpoints,
		})...)
	}
	return tasks
}

// readDNSService says when there are more services than are asked for.
func readDNSService(f *facts.Facts) []check.Result {
	if len(f.Services) <= maxServiceNames {
		return nil
	}
	r := check.Skipf("--to svc/NAME for one of them",
		"%d of %d service names are not asked for", len(f.Services)-maxServiceNames, len(f.Services))
	r.Label = check.Label{Title: "service name", Target: "others"}
	return []check.Result{r}
}
