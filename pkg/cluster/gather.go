package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/target"
)

// Bounds of what one run reads; where one is hit, a note says so.
const (
	maxNodesByName  = 20     // nodes read one by one, for a pod
	maxNodes        = 10_000 // nodes listed, for a node
	maxWorkloadPods = 50     // pods of a workload that are tested
	maxSelectedPods = 500    // pods that a service selects
	maxEntrances    = 20     // nodes whose node ports are tried
	maxWorkloads    = 5      // that would make pods for a service without any
	maxOwnServices  = 50     // services that select the vantage pod
	maxSlices       = 1000   // EndpointSlices of one service, of up to 1000 endpoints each
)

// Request says what to gather facts for.
type Request struct {
	// Pod is the vantage pod, nil for a node. Namespaces of targets default to its.
	Pod *corev1.Pod
	// Node is the vantage node; with Pod, the pod's node when it was read already.
	Node *corev1.Node
	// Targets are the --to targets. Without any, a pod's own services are gathered.
	Targets []target.Target

	// The rest becomes facts.Ask and facts.Vantage.Profile as it is.
	External        []target.Target
	ExternalDefault bool
	Attempts        int
	Timeout         time.Duration
	Profile         string
	// Secrets lets the TLS secrets be read that Ingresses name. Reading secrets is noticed
	// and asked about in many places: it is done where the service itself is the question.
	Secrets bool
	// Names are to be resolved; with any, the DNS servers' configuration is read too.
	Names []string
	// Walk is the service whose way is the question; zero when it is none's.
	Walk facts.Ref
}

// Gather reads what the vantage point and the targets need, concurrently and
// independent of the size of the cluster. What may not be read becomes a note, and what
// could not be is lost (see facts.Facts). Errors are those of targets that do not exist (ErrNotFound) or
// have no such port or no pods (ErrTarget), and the end of ctx.
func (c *Client) Gather(ctx context.Context, req Request) (*facts.Facts, error) {
	if req.Pod == nil && req.Node == nil {
		return nil, errors.New("gather facts: neither a pod nor a node to look from")
	}
	g := &gatherer{Client: c, req: req, notes: map[string]bool{}, namespace: c.namespace}
	if req.Pod != nil {
		g.namespace = req.Pod.Namespace
	}
	g.facts.Ask = facts.Ask{Attempts: req.Attempts, Timeout: req.Timeout, Names: req.Names, Walk: req.Walk, External: req.External, ExternalDefault: req.ExternalDefault}
	g.vantage()
	// Nodes and selected pods depend on what the first round finds, and events on those.
	if err := g.concurrently(ctx, g.firstRound()); err != nil {
		return nil, err
	}
	g.sortFacts()
	if err := g.concurrently(ctx, g.secondRound()); err != nil {
		return nil, err
	}
	if err := g.concurrently(ctx, slices.Concat(g.eventSteps(), g.ingressSteps(), []step{g.routes})); err != nil {
		return nil, err
	}
	if err := g.concurrently(ctx, g.policySteps()); err != nil {
		return nil, err
	}
	if err := g.concurrently(ctx, []step{g.foreignPolicies}); err != nil {
		return nil, err
	}
	slices.SortFunc(g.facts.Nodes, func(a, b facts.Node) int { return strings.Compare(a.Name, b.Name) })
	g.vantageNode()
	g.facts.Now, g.facts.Ahead = g.clock.read()
	g.facts.Notes = slices.Sorted(maps.Keys(g.notes))
	slices.Sort(g.facts.Lost)
	return &g.facts, nil
}

// gatherer is the state of one Gather. Each step writes its own part of facts; the
// mutex guards what several steps add to.
type gatherer struct {
	*Client
	req       Request
	namespace string // of targets that name none

	mu    sync.Mutex
	facts facts.Facts
	notes map[string]bool

	groupsMu sync.Mutex
	groups   *metav1.APIGroupList // see apiGroups
}

// step reads something.
type step func(context.Context) error

// concurrently runs all steps to their end and returns the error of the first in
// their order, not in time: of two mistyped targets it is always the same one that
// is complained about.
func (g *gatherer) concurrently(ctx context.Context, steps []step) error {
	var group errgroup.Group
	group.SetLimit(maxConcurrent)
	failures := make([]error, len(steps))
	for i, s := range steps {
		group.Go(func() error {
			failures[i] = s(ctx)
			return nil
		})
	}
	_ = group.Wait() // failures holds the errors
	for _, err := range failures {
		if err != nil {
			return err
		}
	}
	return nil
}

func (g *gatherer) firstRound() []step {
	steps := []step{g.apiServer, g.dns}
	if g.req.Pod == nil {
		steps = append(steps, g.allNodes)
	} else if g.facts.Vantage.CAFile == "" {
		steps = append(steps, g.caData)
	}
	if len(g.req.Names) > 0 {
		steps = append(steps, g.corefile)
	} else if g.req.Pod != nil && len(g.req.Targets) == 0 {
		steps = append(steps, g.ownServices)
	}
	for _, host := range append(hosts(g.req.Targets), g.req.Names...) {
		steps = append(steps, func(ctx context.Context) error { return g.similarNames(ctx, host) })
	}
	return append(steps, g.targetSteps()...)
}

func (g *gatherer) secondRound() []step {
	var steps []step
	if g.req.Pod != nil {
		steps = g.nodesByName()
	}
	if slices.ContainsFunc(g.facts.Services, hasNodePort) {
		steps = append(steps, g.entrances)
	}
	// What ails the pods of a DNS service without a ready one is told by them.
	if dns := g.facts.DNS.Service; dns != nil && len(dns.Selector) > 0 && !dns.EndpointsUnknown && len(dns.Ready()) == 0 {
		steps = append(steps, func(ctx context.Context) error { return g.selectedPods(ctx, dns) })
	}
	for i := range g.facts.Services {
		if s := &g.facts.Services[i]; needsSelectedPods(s, g.req.Walk) {
			steps = append(steps, func(ctx context.Context) error { return g.selectedPods(ctx, s) })
		}
	}
	return steps
}

func (g *gatherer) sortFacts() {
	slices.SortFunc(g.facts.Services, func(a, b facts.Service) int { return strings.Compare(a.Ref().String(), b.Ref().String()) })
	slices.SortFunc(g.facts.Targets, func(a, b facts.Target) int { return strings.Compare(a.String(), b.String()) })
}

// note adds a note; equal ones are kept once.
func (g *gatherer) note(format string, args ...any) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.notes[fmt.Sprintf(format, args...)] = true
}

// unread tells that something could not be read, and lets the run go on. That it may not
// be, or is not there, is a note; any other reason is nobody's will, whatever the API
// server answered (500, 503, 429, a 401 in the middle of a run): then it is lost. Only
// the end of ctx is passed on as an error.
func (g *gatherer) unread(ctx context.Context, what string, err error) error {
	var denied *denial
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return err
	case errors.As(err, &denied) && denied.user != "":
		g.note("%s: forbidden for user %s (%s %s)", what, denied.user, denied.verb, denied.resource)
	case errors.Is(err, ErrForbidden), errors.Is(err, ErrNotFound):
		g.note("%s: not read: %s", what, err)
	default:
		g.lose(fmt.Sprintf("%s: not read: %s", what, err))
	}
	return nil
}

// unanswered is unread for what is one source among others: that it may not be read, or
// is not there, is not worth a note.
func (g *gatherer) unanswered(ctx context.Context, what string, err error) error {
	if errors.Is(err, ErrForbidden) || errors.Is(err, ErrNotFound) {
		return ctx.Err()
	}
	return g.unread(ctx, what, err)
}

// lose adds to what is lost; equal ones are kept once.
func (g *gatherer) lose(text string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !slices.Contains(g.facts.Lost, text) {
		g.facts.Lost = append(g.facts.Lost, text)
	}
}

// vantage fills in the vantage point itself, which was read already.
func (g *gatherer) vantage() {
	v := facts.Vantage{Kind: facts.VantageNode, Profile: g.req.Profile, CAFile: caFile}
	if pod := g.req.Pod; pod != nil {
		converted := podFacts(pod)
		v.Kind, v.Pod = facts.VantagePod, &converted
		if ServiceAccountMount(pod) == nil {
			v.CAFile = ""
		}
		if pod.Spec.HostNetwork {
			g.note("pod %s/%s is on its node's network: what is seen from it holds for node %s", pod.Namespace, pod.Name, converted.Node)
		}
	}
	g.facts.Vantage = v
	if g.req.Node != nil {
		g.facts.Nodes = []facts.Node{nodeFacts(g.req.Node)}
	}
}

// vantageNode points the vantage point to its node among those read.
func (g *gatherer) vantageNode() {
	name := ""
	if g.req.Node != nil {
		name = g.req.Node.Name
	}
	if pod := g.facts.Vantage.Pod; pod != nil {
		name = pod.Node
	}
	for _, node := range g.facts.Nodes {
		if node.Name == name {
			g.facts.Vantage.Node = &node
		}
	}
}
