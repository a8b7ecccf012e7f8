package checks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// podLink is a veth of a node that leads to a pod, and is up at both ends.
func podLink(index int) facts.Link {
	return facts.Link{Index: index, Name: fmt.Sprintf("veth%d", index), Kind: "veth", Up: true, State: "up", Master: "cni0", PeerIndex: 2, PeerNetns: index}
}

func TestJudgePodLinks(t *testing.T) {
	link := func(index int, change func(*facts.Link)) facts.Link {
		l := podLink(index)
		change(&l)
		return l
	}
	hereDown := link(7, func(l *facts.Link) { l.Up, l.State = false, "down" })
	farDown := link(8, func(l *facts.Link) { l.State = "lowerlayerdown" })
	tests := []struct {
		name    string
		links   []facts.Link
		status  check.Status
		summary string
		told    map[string]string
	}{
		{"none leads to a pod", []facts.Link{
			{Index: 1, Name: "lo", PeerNetns: -1},
			{Index: 2, Name: "eth0", State: "down", PeerNetns: -1},
			link(5, func(l *facts.Link) { l.PeerNetns, l.Up = -1, false }), // both ends are here
			link(6, func(l *facts.Link) { l.Kind, l.Up = "macvlan", false }),
		}, check.Skipped, "no veth leads from here into another network namespace", nil},
		{"all up", []facts.Link{podLink(5), podLink(6)}, check.Pass, "2 links of pods are up", nil},
		// Drivers that do not tell: no reason for an alarm.
		{"state unknown", []facts.Link{link(5, func(l *facts.Link) { l.State = "unknown" })}, check.Pass, "1 links of pods are up", nil},
		{"down here", []facts.Link{podLink(5), hereDown}, check.Warn, "1 of 2 links of pods are down: veth7", map[string]string{"veth7": "down here; ifindex 7, peer ifindex 2 in netns id 7"}},
		{"down at the pod's end", []facts.Link{podLink(5), farDown}, check.Warn, "1 of 2 links of pods are down: veth8", map[string]string{"veth8": "down at the pod's end; ifindex 8, peer ifindex 2 in netns id 8"}},
		{"without carrier", []facts.Link{link(5, func(l *facts.Link) { l.State = "down" })}, check.Warn, "1 of 1 links of pods are down: veth5", map[string]string{"veth5": "down at the pod's end; ifindex 5, peer ifindex 2 in netns id 5"}},
		{"both kinds", []facts.Link{hereDown, farDown}, check.Warn, "2 of 2 links of pods are down: veth7, veth8", map[string]string{"veth8": "down at the pod's end; ifindex 8, peer ifindex 2 in netns id 8"}},
		{"a hostile name", []facts.Link{link(5, func(l *facts.Link) { l.Name, l.Up = "v\x1b[2J", false })}, check.Warn, "1 of 1 links of pods are down: v.[2J", map[string]string{"v.[2J": "down here; ifindex 5, peer ifindex 2 in netns id 5"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k := facts.Kernel{Links: tt.links}
			r := judgePodLinks(k, downVeths(k))
			if r.Status != tt.status || r.Summary != tt.summary {
				t.Errorf("%s %q, want %s %q", r.Status, r.Summary, tt.status, tt.summary)
			}
			for key, want := range tt.told {
				if got := evidenceIn(r, key); got != want {
					t.Errorf("%s: %q, want %q", key, got, want)
				}
			}
			if warned := r.Status == check.Warn; warned != (r.Failure == check.Unreachable) || warned != (r.Kernel != nil) || warned != (r.Meaning != "") {
				t.Errorf("%s with failure %q, meaning %q", r.Status, r.Failure, r.Meaning)
			}
		})
	}
	var all []facts.Link
	for i := range maxLinksShown + 2 {
		all = append(all, link(i+1, func(l *facts.Link) { l.Up = false }))
	}
	k := facts.Kernel{Links: all}
	if r := judgePodLinks(k, downVeths(k)); len(r.Evidence) != maxLinksShown || len(r.Kernel.Links) != len(all) {
		t.Errorf("%d lines for %d links, of which %d are read", len(r.Evidence), len(all), len(r.Kernel.Links))
	}
}

// Links of pods that come or go are down for a moment: only what stays so is a finding.
func TestLasting(t *testing.T) {
	down := func(indices ...int) []facts.Link {
		var links []facts.Link
		for _, i := range indices {
			l := podLink(i)
			l.Up = false
			links = append(links, l)
		}
		return links
	}
	tests := []struct {
		name string
		// reads are the links that each reading finds down; the last one stays.
		reads  [][]facts.Link
		breaks int           // the reading that fails, 1 being the first
		ends   time.Duration // when ctx does
		want   []int
		took   time.Duration
		rushed bool
	}{
		{name: "nothing is in doubt", reads: [][]facts.Link{nil}},
		{name: "it comes up on the third read", reads: [][]facts.Link{down(5), down(5), nil}, took: 2 * linkInterval},
		{name: "it stays down", reads: [][]facts.Link{down(5)}, want: []int{5}, took: linkPatience},
		{name: "one comes up, one stays", reads: [][]facts.Link{down(5, 6), down(6)}, want: []int{6}, took: linkPatience},
		{name: "another is down each time", reads: [][]facts.Link{down(5), down(6), down(7)}, took: linkInterval},
		{name: "a new one joins: it has not lasted", reads: [][]facts.Link{down(5), down(5, 6)}, want: []int{5}, took: linkPatience},
		{name: "down, up, and down again", reads: [][]facts.Link{down(5, 6), down(6), down(5, 6)}, want: []int{6}, took: linkPatience},
		{name: "no time to wait", reads: [][]facts.Link{down(5)}, ends: 250 * time.Millisecond, want: []int{5}, took: 250 * time.Millisecond, rushed: true},
		{name: "no time, and no need", reads: [][]facts.Link{nil}, ends: time.Nanosecond},
		{name: "the kernel cannot be read", reads: [][]facts.Link{down(5)}, breaks: 1},
		{name: "the kernel cannot be read again", reads: [][]facts.Link{down(5)}, breaks: 3, took: 2 * linkInterval},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				if tt.ends > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, tt.ends)
					defer cancel()
				}
				n := 0
				began := time.Now()
				_, links, rushed, err := lasting(ctx, func() (facts.Kernel, error) {
					n++
					if n == tt.breaks {
						return facts.Kernel{}, errors.New("netlink: no buffer space")
					}
					return facts.Kernel{Links: tt.reads[min(n, len(tt.reads))-1]}, nil
				}, downVeths)
				var got []int
				for _, l := range links {
					got = append(got, l.Index)
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("links (-want +got):\n%s", diff)
				}
				if took := time.Since(began); rushed != tt.rushed || took != tt.took || (err != nil) != (tt.breaks > 0) {
					t.Errorf("rushed %v after %s and %d readings, %v; want %v after %s", rushed, took, n, err, tt.rushed, tt.took)
				}
			})
		})
	}
}

func TestRunPodLinks(t *testing.T) {
	lower := podLink(6)
	lower.State = "lowerlayerdown"
	stays := func(int) (facts.Kernel, error) {
		return facts.Kernel{Links: []facts.Link{podLink(5), lower}}, nil
	}
	rises := func(n int) (facts.Kernel, error) {
		if n < 3 {
			return stays(n)
		}
		return facts.Kernel{Links: []facts.Link{podLink(5), podLink(6)}}, nil
	}
	tests := []struct {
		name    string
		read    func(n int) (facts.Kernel, error)
		ends    time.Duration
		status  check.Status
		summary string
	}{
		{"stays down", stays, time.Minute, check.Warn, "1 of 2 links of pods are down: veth6"},
		{"rises", rises, time.Minute, check.Pass, "2 links of pods are up"},
		{"no time to see", stays, linkInterval / 2, check.Skipped, "1 links of pods are not up, but there was no time"},
		{"no right", func(int) (facts.Kernel, error) { return facts.Kernel{}, errors.New("denied") }, time.Minute, check.Error, "denied"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), tt.ends)
				defer cancel()
				n := 0
				r := runPodLinks(ctx, func() (facts.Kernel, error) { n++; return tt.read(n) })
				if r.Status != tt.status || !strings.Contains(r.Summary, tt.summary) {
					t.Errorf("%s %q, want %s %q", r.Status, r.Summary, tt.status, tt.summary)
				}
			})
		})
	}
}

// It is read on nodes only: a pod's own veth leads into another namespace too.
func TestPlanPodLinks(t *testing.T) {
	if got := targetsOf(t, "node.podlinks", shopFacts()); len(got) != 0 {
		t.Errorf("planned for a pod: %q", got)
	}
	if got := targetsOf(t, "node.podlinks", flannelCluster()); !slices.Equal(got, []string{"w1"}) {
		t.Errorf("planned for a node: %q", got)
	}
}
