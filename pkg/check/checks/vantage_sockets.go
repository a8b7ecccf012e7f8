package checks

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys"
)

const (
	sysctlPorts    = "net.ipv4.ip_local_port_range"
	sysctlReserved = "net.ipv4.ip_local_reserved_ports"
	sysctlReuse    = "net.ipv4.tcp_tw_reuse"
	// nearlyAll is how many of ten local ports may be in use towards one address and port.
	nearlyAll = 9
)

func init() {
	Registry.Add(check.Define(check.Spec[struct{}]{
		ID:      "vantage.sockets",
		Area:    "vantage",
		Summary: "the vantage point has local ports left towards the address and port that it has most connections to, those in TIME_WAIT included",
		Plan: func(f *facts.Facts) []check.Planned[struct{}] {
			return []check.Planned[struct{}]{{Label: check.Label{Title: "sockets", Object: f.Vantage.String()}, Key: "ports"}}
		},
		Run: func(context.Context, check.Task, struct{}) check.Result {
			settings := map[string]string{}
			for _, s := range netsys.SystemSysctls("net/ipv4/ip_local_port_range", "net/ipv4/ip_local_reserved_ports", "net/ipv4/tcp_tw_reuse") {
				settings[s.Name] = s.Value
			}
			low, high, err := localPorts(settings[sysctlPorts])
			if err != nil {
				return check.Skipf("", "%v", err)
			}
			use, err := netsys.PortUsage(low, high)
			if err != nil {
				return check.Skipf("", "the kernel does not tell its sockets: %v", err)
			}
			return judgeSockets(settings, use)
		},
	}))
}

// localPorts reads "32768\t60999".
func localPorts(value string) (low, high uint16, err error) {
	if _, err := fmt.Sscan(value, &low, &high); err != nil || low > high {
		return 0, 0, fmt.Errorf("%s is %q, not two ports", sysctlPorts, value)
	}
	return low, high, nil
}

// reservedIn counts the ports of a list like "8080,9000-9100" that are in a range.
func reservedIn(list string, low, high uint16) int {
	n := 0
	for part := range strings.SplitSeq(list, ",") {
		var from, to int
		first, last, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if _, err := fmt.Sscan(first, &from); err != nil {
			continue
		}
		to = from
		if isRange {
			if _, err := fmt.Sscan(last, &to); err != nil {
				continue
			}
		}
		n += max(0, min(to, int(high))-max(from, int(low))+1)
	}
	return n
}

// judgeSockets is pure: whether there is a local port left towards where most are in use.
func judgeSockets(settings map[string]string, use netsys.Usage) check.Result {
	low, high, err := localPorts(settings[sysctlPorts])
	if err != nil {
		return check.Errorf("%v", err)
	}
	ports := int(high) - int(low) + 1 - reservedIn(settings[sysctlReserved], low, high)
	free := max(0, ports-use.Held-use.Used)
	r := check.Result{Status: check.Pass, Summary: fmt.Sprintf("%s, at most %d in use towards one address and port", check.Count(ports, "local port"), use.Used)}
	// Connections may take over ports in TIME_WAIT, with 2 on the loopback interface only
	// (ip-sysctl, tcp_tw_reuse): those are as good as free then.
	reused := settings[sysctlReuse] == "1" || settings[sysctlReuse] == "2" && use.Busiest.Addr().IsLoopback()
	switch {
	case use.Used == 0 || reused && use.Waiting > 0:
	case free == 0:
		r = failed(check.NoPort, "all of the %s are in use towards %s", check.Count(ports, "local port"), use.Busiest)
	case use.Used*10 >= ports*nearlyAll:
		r = failed(check.NoPort, "%d of the %s are in use towards %s", use.Used, check.Count(ports, "local port"), use.Busiest)
		r.Status = check.Warn
		r.Meaning = "once all of them are, a new connection there fails before a packet is sent"
	}
	r.With(sysctlPorts, "%d %d", low, high)
	r.With("sockets", "%s", socketCounts(use.States))
	if use.Used > 0 {
		r.With("most connections", "%d to %s (%d in TIME_WAIT), from %s", use.Used, use.Busiest, use.Waiting, use.From)
	}
	r.With(sysctlReuse, "%s", settings[sysctlReuse])
	return r
}

// socketCounts are the states with most sockets first: "time-wait 28000, listen 2".
func socketCounts(states map[string]int) string {
	names := slices.Sorted(maps.Keys(states))
	slices.SortStableFunc(names, func(a, b string) int { return states[b] - states[a] })
	words := make([]string, 0, len(names))
	for _, name := range names {
		words = append(words, fmt.Sprintf("%s %d", name, states[name]))
	}
	if len(words) == 0 {
		return "none"
	}
	return strings.Join(words, ", ")
}
