package report

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// familyName is how the API calls the family of an address.
func familyName(a netip.Addr) string {
	if a.Unmap().Is4() {
		return "IPv4"
	}
	return "IPv6"
}

// vipStep is the ClusterIPs: a line for each where there are several, or several ports,
// and to which endpoints this node hands connections, where topology has a say.
func vipStep(s facts.Service, in Input, results []check.Result) Step {
	st := step("ClusterIP", results, notRun)
	node, zone := (facts.Facts{Vantage: in.Vantage, Services: []facts.Service{s}}).Home()
	for _, vip := range s.ClusterIPs {
		of := slices.DeleteFunc(slices.Clone(results), func(r check.Result) bool { return addrOf(r) != vip.Unmap() })
		ready, behind := facts.OfFamily(s.Ready(), vip), facts.OfFamily(s.Endpoints, vip)
		if len(s.Ports) == 1 {
			ready, behind = facts.WithPort(ready, s.Ports[0]), facts.WithPort(behind, s.Ports[0])
		}
		if len(s.ClusterIPs) > 1 {
			one := step("", of, "this place has no address of that family")
			text := fmt.Sprintf("%s, %d ready endpoints of this family: %s%s", vip, len(ready), one.Detail, one.Why)
			status := one.Status
			if len(ready) == 0 && !s.EndpointsUnknown && status != check.Fail {
				status = check.Warn
			}
			st.Lines = append(st.Lines, Line{Status: status, Key: familyName(vip), Text: text})
		} else if len(of) > 1 {
			for _, r := range of[:min(len(of), mostLines)] {
				st.Lines = append(st.Lines, Line{Status: r.Status, Key: "port", Text: r.Target + " " + Brief(r)})
			}
		}
		if text := routed(s, s.Route(behind, node, zone), len(ready), node, zone); text != "" {
			if in.Network.HintsAside() && strings.Contains(text, "hints name") {
				text += "; " + in.Network.Plugin + " leaves hints aside unless it is told to follow them, or a kube-proxy does"
			}
			st.Lines = append(st.Lines, Line{Key: "sends to", Text: text})
		}
	}
	return st
}

// routed says what topology makes of the ready endpoints for a node, "" where it has no
// say.
func routed(s facts.Service, t facts.Topology, ready int, node, zone string) string {
	asked := ""
	if s.Distribution != "" {
		asked = " (" + s.Distribution + ")"
	}
	switch {
	case node == "" || ready == 0:
		return ""
	case t.Kept == "local":
		return fmt.Sprintf("%d of %d ready endpoints from node %s: internalTrafficPolicy is Local", len(t.Endpoints), ready, node)
	case t.Kept == "node":
		return fmt.Sprintf("%d of %d ready endpoints from node %s: those that hints name for the node%s", len(t.Endpoints), ready, node, asked)
	case t.Kept == "zone":
		return fmt.Sprintf("%d of %d ready endpoints from node %s: those that hints name for its zone %s%s", len(t.Endpoints), ready, node, zone, asked)
	case t.Ignored != "":
		return fmt.Sprintf("all %d ready endpoints from node %s: hints are not followed there, since %s%s", ready, node, t.Ignored, asked)
	case asked != "":
		return fmt.Sprintf("all %d ready endpoints: no hints are set%s", ready, asked)
	}
	return ""
}

// addrOf is the address of a result's target, the zero one where it has none.
func addrOf(r check.Result) netip.Addr {
	text, _, _ := strings.Cut(r.Target, " ")
	if at, err := netip.ParseAddrPort(text); err == nil {
		return at.Addr().Unmap()
	}
	addr, _ := netip.ParseAddr(text)
	return addr.Unmap()
}

// endpointStep is the endpoints: how many each zone has, and a line for each endpoint,
// those in trouble first.
func endpointStep(s facts.Service, results []check.Result) Step {
	why := notRun
	if len(s.Ready()) == 0 && !s.EndpointsUnknown {
		why = "no endpoint is ready"
	}
	st := step("endpoints", results, why)
	st.Lines = append(st.Lines, whoWrites(s)...)
	st.Lines = append(st.Lines, perZone(s)...)
	at := map[netip.Addr][]check.Result{}
	for _, r := range results {
		at[addrOf(r)] = append(at[addrOf(r)], r)
	}
	lines := make([]Line, 0, len(s.Endpoints))
	for _, e := range s.Endpoints {
		// Pods on the host's network share an address.
		of := slices.DeleteFunc(slices.Clone(at[e.Addr.Unmap()]), func(r check.Result) bool {
			return e.Pod != nil && r.Object != "" && r.Object != "pod/"+e.Pod.String()
		})
		lines = append(lines, endpointLine(e, of))
	}
	slices.SortStableFunc(lines, func(a, b Line) int { return cmp.Compare(rank(b.Status), rank(a.Status)) })
	st.Lines = append(st.Lines, lines[:min(len(lines), mostLines)]...)
	if more := len(lines) - mostLines; more > 0 {
		st.Lines = append(st.Lines, Line{Key: "more", Text: fmt.Sprintf("%d endpoints, none of them worse", more)})
	}
	return st
}

// endpointLine is one endpoint: its conditions, where it is, and what came of trying it.
func endpointLine(e facts.Endpoint, results []check.Result) Line {
	l := Line{Status: check.Skipped, Key: e.Addr.String()}
	var words []string
	switch {
	case e.Ready && e.Terminating:
		words = append(words, "ready, terminating")
	case e.Ready:
		words = append(words, "ready")
	case e.Serving && e.Terminating:
		l.Status = check.Warn
		words = append(words, "terminating, still serving")
	case e.Terminating:
		words = append(words, "terminating")
	default:
		l.Status = check.Warn
		words = append(words, "not ready")
	}
	if e.Node != "" {
		words = append(words, "node "+e.Node)
	}
	if e.Zone != "" {
		words = append(words, "zone "+e.Zone)
	}
	if len(e.ZoneHints)+len(e.NodeHints) > 0 {
		words = append(words, "hinted for "+strings.Join(append(prefixed("zone ", e.ZoneHints), prefixed("node ", e.NodeHints)...), " "))
	}
	if e.Pod != nil {
		words = append(words, "pod/"+e.Pod.String())
	} else {
		words = append(words, "its EndpointSlice names no pod")
	}
	if e.Ready && len(e.Ports) == 0 {
		l.Status = check.Warn
		words = append(words, "none of the service's ports")
	}
	l.Text = strings.Join(words, ", ")
	if len(results) == 0 {
		return l
	}
	said := make([]string, 0, len(results))
	l.Status = check.Pass
	for _, r := range results {
		if Worse(r.Status, l.Status) {
			l.Status = r.Status
		}
		_, port, _ := strings.Cut(r.Target, e.Addr.String())
		said = append(said, strings.TrimLeft(port, "]")+" "+Brief(r))
	}
	l.Text += ": " + strings.Join(said, "; ")
	return l
}

func prefixed(prefix string, list []string) []string {
	out := make([]string, len(list))
	for i, text := range list {
		out[i] = prefix + text
	}
	return out
}

// whoWrites says who maintains the endpoints, where no selector does.
func whoWrites(s facts.Service) []Line {
	if len(s.Selector) > 0 || len(s.Endpoints) == 0 {
		return nil
	}
	var names, writers []string
	for _, e := range s.Endpoints {
		if e.Slice != "" && !slices.Contains(names, e.Slice) {
			names = append(names, e.Slice)
		}
		if e.Writer != "" && !slices.Contains(writers, e.Writer) {
			writers = append(writers, e.Writer)
		}
	}
	text := "no selector: somebody writes the slices by hand"
	switch {
	case s.OfAPI():
		text = "no selector: the API servers write the slices"
	case len(writers) > 0:
		text = "no selector: the slices are written by " + strings.Join(writers[:min(len(writers), mostHandedTo)], ", ")
	}
	if len(names) > 0 {
		text += " (" + strings.Join(names[:min(len(names), mostHandedTo)], ", ") + ")"
	}
	return []Line{{Key: "slices", Text: text}}
}

// perZone counts the endpoints of each zone, where any is known.
func perZone(s facts.Service) []Line {
	ready, all := map[string]int{}, map[string]int{}
	var zones []string
	known := false
	for _, e := range s.Endpoints {
		if all[e.Zone]++; all[e.Zone] == 1 {
			zones = append(zones, e.Zone)
		}
		known = known || e.Zone != ""
		if e.Ready {
			ready[e.Zone]++
		}
	}
	if !known {
		return nil
	}
	slices.Sort(zones)
	var words []string
	for _, z := range zones {
		words = append(words, fmt.Sprintf("%s %d of %d ready", cmp.Or(z, "(none)"), ready[z], all[z]))
	}
	return []Line{{Key: "zones", Text: strings.Join(words, ", ")}}
}
