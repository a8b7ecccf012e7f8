package faults

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Bed is the test cluster with the application on it.
type Bed struct {
	Root string // of the checkout
	// Cluster are the options it was brought up with, where they are not the usual.
	cluster string
	fixed   map[string]string
	vars    map[string]string
}

// Open finds the test cluster that is up.
func Open(ctx context.Context, root string) (*Bed, error) {
	b := &Bed{Root: root}
	path := filepath.Join(root, "bin") + ":" + os.Getenv("PATH")
	if err := os.Setenv("PATH", path); err != nil {
		return nil, err
	}
	bin, err := output(ctx, "testcluster", "bin")
	if err != nil {
		return nil, err
	}
	kubeconfig, err := output(ctx, "testcluster", "kubeconfig")
	if err != nil {
		return nil, err
	}
	outside, err := output(ctx, "testcluster", "exec", "router", "--", "bash", "-c",
		"ip -o -4 address show dev lo scope global | awk '{sub(\"/.*\", \"\", $4); print $4; exit}'")
	if err != nil {
		return nil, err
	}
	b.fixed = map[string]string{
		"PATH":       filepath.Join(root, "bin") + ":" + bin + ":" + os.Getenv("PATH"),
		"KUBECONFIG": kubeconfig,
		"OUTSIDE_IP": outside,
		"FAULTS":     filepath.Join(root, "test", "faults"),
	}
	for key, value := range b.fixed {
		if err := os.Setenv(key, value); err != nil {
			return nil, err
		}
	}
	return b, b.deploy(ctx)
}

func output(ctx context.Context, name string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, name, args...).Output()
	if err != nil {
		return "", fmt.Errorf("%s %s (is the test cluster up? make cluster): %w", name, strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}

// deploy applies app.yaml and waits until it is as faults expect it.
func (b *Bed) deploy(ctx context.Context) error {
	b.vars = maps.Clone(b.fixed)
	// A pod is refused until its namespace has a service account, which is made a moment
	// after the namespace is.
	if err := b.script(ctx, `kubectl get namespace faults >/dev/null 2>&1 || kubectl create namespace faults
		kubectl -n faults wait --for=create serviceaccount/default --timeout=20s
		kubectl apply -f "$FAULTS/app.yaml"
		kubectl -n faults rollout status deployment/web --timeout=50s
		kubectl -n faults wait --for=condition=Ready pod/client pod/self --timeout=30s`); err != nil {
		return fmt.Errorf("deploy the application: %w", err)
	}
	if err := b.well(ctx, time.Minute, Fault{}.HealthyScript()); err != nil {
		return fmt.Errorf("the cluster is not healthy to begin with: %w", err)
	}
	return nil
}

// well waits until everything is ready and the script agrees. The variables are then
// those of now.
func (b *Bed) well(ctx context.Context, limit time.Duration, script string) error {
	deadline := time.Now().Add(limit)
	for {
		err := b.refresh(ctx, true)
		if err == nil {
			err = b.script(ctx, script)
		}
		if err == nil || ctx.Err() != nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(pollEvery)
	}
}

// refresh reads the variables again: pods are replaced now and then. The folder of
// the fault at hand stays the same.
func (b *Bed) refresh(ctx context.Context, settled bool) error {
	w, err := look(ctx)
	if err != nil {
		return err
	}
	if settled {
		if err := w.settled(); err != nil {
			return err
		}
	}
	vars, err := w.variables()
	if err != nil {
		return fmt.Errorf("the cluster is not what faults need: %w", err)
	}
	maps.Copy(vars, b.fixed)
	vars["WORK"] = b.vars["WORK"]
	b.vars = vars
	return nil
}

// use brings the cluster up with other options. Empty: whatever is up will do, since
// faults without options come first.
func (b *Bed) use(ctx context.Context, options string) error {
	if options == b.cluster {
		return nil
	}
	cmd := exec.CommandContext(ctx, "make", "-C", b.Root, "cluster", "CLUSTER_FLAGS="+options)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("make cluster CLUSTER_FLAGS=%q: %w: %s", options, err, tail(string(out)))
	}
	b.cluster = options
	return b.deploy(ctx)
}
