package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	namespace = "netlook-bench"
	appImage  = "docker.io/netlook/app:test"
	// runLimit bounds one run of any program.
	runLimit = 2 * time.Minute
)

// Bed is the test cluster, with what is measured on it.
type Bed struct {
	root   string // of the checkout
	image  string // of the probe
	config *rest.Config
	client kubernetes.Interface
	log    func(format string, args ...any)
}

// Open finds the test cluster that is up and puts the sample objects on it.
func Open(ctx context.Context, root, image string, log func(string, ...any)) (*Bed, error) {
	b := &Bed{root: root, image: image, log: log}
	testcluster := filepath.Join(root, "bin", "testcluster")
	kubeconfig, err := b.output(ctx, testcluster, "kubeconfig")
	if err != nil {
		return nil, fmt.Errorf("is the test cluster up? (make cluster): %w", err)
	}
	bin, err := b.output(ctx, testcluster, "bin")
	if err != nil {
		return nil, err
	}
	path := strings.Join([]string{filepath.Join(root, "bin"), bin, os.Getenv("PATH")}, string(os.PathListSeparator))
	if err := errors.Join(os.Setenv("PATH", path), os.Setenv("KUBECONFIG", kubeconfig), os.Setenv("NETLOOK_IMAGE", image)); err != nil {
		return nil, err
	}
	if b.config, err = clientcmd.BuildConfigFromFlags("", kubeconfig); err != nil {
		return nil, err
	}
	b.config.QPS = -1 // the cluster is ours, and filled as fast as it takes it
	if b.client, err = kubernetes.NewForConfig(b.config); err != nil {
		return nil, err
	}
	return b, b.deploy(ctx)
}

func (b *Bed) deploy(ctx context.Context) error {
	for _, args := range [][]string{
		{"apply", "-f", filepath.Join(b.root, "test", "bench", "app.yaml")},
		{"-n", namespace, "wait", "--for=create", "serviceaccount/default", "--timeout=30s"},
		{"-n", namespace, "rollout", "status", "deployment/web", "--timeout=120s"},
	} {
		if _, err := b.kubectl(ctx, args...); err != nil {
			return err
		}
	}
	return nil
}

// Close deletes what Open made.
func (b *Bed) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), runLimit)
	defer cancel()
	_, err := b.kubectl(ctx, "delete", "namespace", namespace, "--ignore-not-found")
	return err
}

// pod makes a pod that waits to be looked from, of its own for each use: ephemeral
// containers stay with a pod for good.
func (b *Bed) pod(ctx context.Context, name string) error {
	if _, err := b.kubectl(ctx, "-n", namespace, "run", name, "--image="+appImage, "--image-pull-policy=IfNotPresent",
		`--overrides={"spec":{"terminationGracePeriodSeconds":1}}`, "--", "--http", ":8080"); err != nil {
		return err
	}
	_, err := b.kubectl(ctx, "-n", namespace, "wait", "--for=condition=Ready", "pod/"+name, "--timeout=60s")
	return err
}

// ran is one finished run of a program.
type ran struct {
	stdout []byte
	took   time.Duration
}

// run runs a program to its end and measures it. Exit status 1 of netlook says that it
// found something, so good lists what is no error.
func (b *Bed) run(ctx context.Context, good []int, name string, args ...string) (ran, error) {
	ctx, cancel := context.WithTimeout(ctx, runLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	start := time.Now()
	err := cmd.Run()
	r := ran{stdout: stdout.Bytes(), took: time.Since(start)}
	var exit *exec.ExitError
	if errors.As(err, &exit) && ctx.Err() == nil {
		for _, code := range good {
			if exit.ExitCode() == code {
				return r, nil
			}
		}
	}
	if err != nil {
		return r, fmt.Errorf("%s %s: %w: %s", filepath.Base(name), strings.Join(args, " "), err, tail(stderr.String()+stdout.String()))
	}
	return r, nil
}

// netlook runs the plugin and expects it to find nothing wrong.
func (b *Bed) netlook(ctx context.Context, args ...string) (ran, error) {
	return b.run(ctx, nil, "kubectl", append([]string{"netlook"}, args...)...)
}

func (b *Bed) kubectl(ctx context.Context, args ...string) (ran, error) {
	return b.run(ctx, nil, "kubectl", args...)
}

func (b *Bed) output(ctx context.Context, name string, args ...string) (string, error) {
	r, err := b.run(ctx, nil, name, args...)
	return strings.TrimSpace(string(r.stdout)), err
}

// tail is the end of what a program said, where its errors are.
func tail(text string) string {
	const most = 600
	text = strings.TrimSpace(text)
	return text[max(0, len(text)-most):]
}
