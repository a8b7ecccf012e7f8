package causes

import (
	"fmt"
	"strconv"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func init() {
	Registry.Add(diagnose.Cause{
		Code:    "NL-SVC-HEADLESS-PORT",
		Summary: "a headless service is asked for its own port, and its pods listen on another",
		Signal:  "The target is the name of a headless service, all connections to the port fail, and the service has that port with a targetPort which is another.",
		Meaning: "A headless service has no address of its own: its name leads straight to the pods, and nobody is there to turn its port into the targetPort. Clients have to ask for the pods' port.",
		Confirm: []string{"kubectl -n NAMESPACE get service NAME -o jsonpath='{.spec.clusterIP} {.spec.ports}'"},
		Remedy:  []string{"let clients ask for the pods' own port", "make port and targetPort of the headless service the same, which is what it does anyway", "or make a second service beside it, with a ClusterIP; leave the headless one: the pods of a StatefulSet have their names by it"},
		Source:  "https://kubernetes.io/docs/concepts/services-networking/service/#headless-services",
		Spot:    diagnose.Spot{Place: diagnose.AtService, Says: "no port mapping"},
		Find:    findHeadlessPort,
	})
}

func findHeadlessPort(c *diagnose.Case) []diagnose.Finding {
	var findings []diagnose.Finding
	for _, t := range c.Facts.Targets {
		if t.Service == nil || !t.Service.Headless {
			continue
		}
		protocol := facts.Protocol(t.Protocol)
		if protocol == "" {
			protocol = facts.TCP
		}
		p := remapped(t.Service, portAsked(t.Target), protocol)
		dead := deadPorts(c, t.Raw)
		if p == nil || len(dead) == 0 {
			continue
		}
		s := t.Service
		f := diagnose.Finding{
			Headline:   fmt.Sprintf("service %s is headless: port %s leads to no targetPort, its pods are to listen on %s", s.Ref(), servicePort(*p), p.TargetPort),
			Confidence: diagnose.Certain,
			Where:      []string{"service/" + s.Ref().String()},
			Evidence:   seenAll(dead),
			Explains:   diagnose.Keys(dead),
			Likely:     fmt.Sprintf("clients have to ask for the pods' port, %s: nothing stands between them that would turn %d into it", p.TargetPort, p.Port),
			Try:        []string{fmt.Sprintf("kubectl -n %s get service %s -o jsonpath='{.spec.clusterIP} {.spec.ports}'", s.Namespace, s.Name)},
			Rank:       rankMeasured,
		}
		if _, err := strconv.Atoi(p.TargetPort); err != nil || !refusedOnly(dead) {
			// A name may stand for that very number in the pods; what is dropped may be so
			// on its way.
			f.Confidence = diagnose.Likely
		}
		findings = append(findings, f)
	}
	return findings
}

// remapped is the port of a service that is sent to another one of the pods, nil where
// there is none of that number.
func remapped(s *facts.Service, port uint16, protocol facts.Protocol) *facts.ServicePort {
	for i, p := range s.Ports {
		if p.Port == port && port != 0 && p.Protocol == protocol && p.TargetPort != "" && p.TargetPort != strconv.Itoa(int(port)) {
			return &s.Ports[i]
		}
	}
	return nil
}

// refusedOnly reports whether each attempt was refused: by somebody who is there.
func refusedOnly(results []check.Result) bool {
	for _, r := range results {
		if !allFailures(r, check.Refused) {
			return false
		}
	}
	return true
}
