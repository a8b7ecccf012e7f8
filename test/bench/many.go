package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/report"
)

const (
	// manyAddresses is a range for benchmarks of networks (RFC 2544); the router of the
	// test cluster answers for all of it, with the sample app on port 80.
	manyAddresses = "198.18.0.0/21"
	many          = 1000
	manyTimeout   = 2 * time.Second
	aliveLimit    = 2.0 // s
	deadLimit     = 1.2 // x one check's deadline
)

// fate is what becomes of packets to the many addresses: a route of the router says.
type fate struct {
	want  check.Status
	route []string
}

var (
	alive = fate{check.Pass, []string{"local", manyAddresses, "dev", "lo"}}
	dead  = fate{check.Fail, []string{"blackhole", manyAddresses}}
)

// Alive measures a warm run against 1,000 endpoints that answer; the floor is the same
// run against one.
func (b *Bed) Alive(ctx context.Context, rounds int) (row, rss Row, err error) {
	row = Row{What: "1,000 endpoints, all alive", Unit: Seconds, Budget: "2 s", Limit: aliveLimit, Floor: "the same run with one endpoint"}
	floor := func(pod string) func(int) (float64, error) {
		return func(int) (float64, error) { return b.endpoints(ctx, pod, "one", 1, alive) }
	}
	rss, err = b.many(ctx, &row, rounds, alive, floor)
	return row, rss, err
}

// Dead measures it against 1,000 that drop everything; the floor is one check's deadline.
func (b *Bed) Dead(ctx context.Context, rounds int) (row, rss Row, err error) {
	row = Row{
		What: "1,000 endpoints, all dead", Unit: Seconds, Budget: "1.2 x one deadline", Limit: deadLimit * manyTimeout.Seconds(),
		Floor: "the deadline of one check (`--timeout 2s`), by definition",
	}
	rss, err = b.many(ctx, &row, rounds, dead, func(string) func(int) (float64, error) { return constant(manyTimeout.Seconds()) })
	return row, rss, err
}

// many fills row, and returns that of the probe's memory.
func (b *Bed) many(ctx context.Context, row *Row, rounds int, f fate, floor func(pod string) func(int) (float64, error)) (rss Row, err error) {
	rss = rssRow("probe's peak RSS, "+row.What, manyRSS)
	undo, err := b.route(ctx, f)
	if err != nil {
		return rss, err
	}
	defer func() { err = errors.Join(err, undo()) }()
	for name, n := range map[string]int{"many": many, "one": 1} {
		if err := b.service(ctx, name, n); err != nil {
			return rss, err
		}
	}
	pod := "many-" + f.want.String()
	if err := b.pod(ctx, pod); err != nil {
		return rss, err
	}
	if _, err := b.endpoints(ctx, pod, "many", many, f); err != nil { // starts the probe
		return rss, err
	}
	row.Floors, row.Values, err = alternate(rounds, floor(pod),
		func(int) (float64, error) { return b.endpoints(ctx, pod, "many", many, f) })
	if err != nil {
		return rss, err
	}
	return rss, b.measureRSS(ctx, &rss, pod)
}

// route makes the router treat the many addresses as f says.
func (b *Bed) route(ctx context.Context, f fate) (undo func() error, err error) {
	route := func(ctx context.Context, verb string) error {
		args := append([]string{"netns", "exec", "netlook-router", "ip", "route", verb}, f.route...)
		_, err := b.run(ctx, nil, "ip", args...)
		return err
	}
	return func() error { return route(context.WithoutCancel(ctx), "del") }, route(ctx, "replace")
}

// service makes a service of n endpoints that no pod stands behind.
func (b *Bed) service(ctx context.Context, name string, n int) error {
	err := b.client.CoreV1().Services(namespace).Delete(ctx, name, metav1.DeleteOptions{})
	if ignoreNotFound(err) != nil {
		return err
	}
	slices := b.client.DiscoveryV1().EndpointSlices(namespace)
	if err := slices.Delete(ctx, name, metav1.DeleteOptions{}); ignoreNotFound(err) != nil {
		return err
	}
	port, proto, ready := int32(80), corev1.ProtocolTCP, true
	portName := "http"
	if _, err := b.client.CoreV1().Services(namespace).Create(ctx, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Name: portName, Port: port}}},
	}, metav1.CreateOptions{}); err != nil {
		return err
	}
	slice := &discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Name: name, Labels: map[string]string{discoveryv1.LabelServiceName: name}},
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports:       []discoveryv1.EndpointPort{{Name: &portName, Port: &port, Protocol: &proto}},
	}
	for i := range n {
		slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{
			Addresses:  []string{fmt.Sprintf("198.18.%d.%d", i/250, 1+i%250)},
			Conditions: discoveryv1.EndpointConditions{Ready: &ready},
		})
	}
	_, err = slices.Create(ctx, slice, metav1.CreateOptions{})
	return err
}

// endpoints runs netlook against a service, makes sure that each of its endpoints came out
// as it must, and returns the seconds.
func (b *Bed) endpoints(ctx context.Context, pod, service string, n int, f fate) (float64, error) {
	r, err := b.run(ctx, []int{1}, "kubectl", "netlook", "pod", pod, "-n", namespace, "--to", "svc/"+service,
		"--external", "none", "--attempts", "1", "--timeout", manyTimeout.String(), "-o", "json")
	if err != nil {
		return 0, err
	}
	var rep report.Report
	if err := json.Unmarshal(r.stdout, &rep); err != nil {
		return 0, fmt.Errorf("report of netlook: %w", err)
	}
	found := 0
	for _, res := range rep.Results {
		if res.Check != "service.endpoint" || !strings.Contains(res.Target, "198.18.") {
			continue
		}
		found++
		if res.Status != f.want {
			return 0, fmt.Errorf("endpoint %s: %s %s, want %s: nothing was measured", res.Target, res.Status, res.Summary, f.want)
		}
	}
	if found != n {
		return 0, fmt.Errorf("%d endpoints were tried, want %d: nothing was measured", found, n)
	}
	return r.took.Seconds(), nil
}
