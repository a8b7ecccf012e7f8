package cli

import (
	"context"
	"strings"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/diagnose/causes"
	"github.com/netlook/kubectl-netlook/pkg/inject"
)

// TestOtherWords: what people type instead of NAME is understood, or answered with a
// command that exists.
func TestOtherWords(t *testing.T) {
	tests := map[string]struct {
		args           []string
		code           int
		stdout, stderr string // what they say
	}{
		"a pod of a deployment": {args: []string{"pod", "deploy/payments"}, code: 0,
			stdout: "! looked at from pod payments-7d9f of deployment/payments: it suits best of those that run"},
		"a deployment of another namespace": {args: []string{"pod", "deploy/faults/payments"}, code: 0, stdout: "pod/faults/payments-7d9f on node w1"},
		"policies of a deployment's pod":    {args: []string{"policy", "deploy/payments", "svc/web:80"}, code: 0, stdout: "looked at from pod payments-7d9f of deployment/payments"},
		"a deployment without pods":         {args: []string{"pod", "deploy/none"}, code: 2, stderr: "error: no pod of deployment shop/none can be looked from\n"},
		"a deployment is no node":           {args: []string{"node", "deploy/web"}, code: 2, stderr: "deploy/web is a workload, not a node: try kubectl netlook pod deployment/web\n"},
		"a service is no pod":               {args: []string{"pod", "svc/shop/web"}, code: 2, stderr: "svc/shop/web is a service, not a pod: try kubectl netlook service web -n shop\n"},
		"a deployment is no service":        {args: []string{"service", "deploy/web"}, code: 2, stderr: "try kubectl netlook pod deployment/web\n"},
		"a namespace before a pod":          {args: []string{"pod", "newcomer/checkout"}, code: 2, stderr: "newcomer/checkout: a namespace is named with -n: kubectl netlook pod checkout -n newcomer\n"},
		"a namespace before a service":      {args: []string{"service", "newcomer/payments"}, code: 2, stderr: "newcomer/payments: a namespace is named with -n: kubectl netlook service payments -n newcomer\n"},
		"a kind mistyped":                   {args: []string{"pod", "pdo/web"}, code: 2, stderr: "did you mean po/web?"},
		"a pod without its command":         {args: []string{"pod/checkout"}, code: 2, stderr: `error: no command "pod/checkout": try kubectl netlook pod checkout` + "\n"},
		"a service without its command":     {args: []string{"svc/shop/web"}, code: 2, stderr: "try kubectl netlook service web -n shop\n"},
		"deep, with a space":                {args: []string{"pod", "web-0", "--deep", "yes"}, code: 2, stderr: `write --deep alone, without "yes": a value of --deep needs the =, as in --deep=auto`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := runWith(t, t.Context(), &fakeBackend{}, tt.args...)
			if got.code != tt.code || !strings.Contains(got.stdout, tt.stdout) || !strings.Contains(got.stderr, tt.stderr) {
				t.Errorf("exit status %d, want %d with %q\n%s%s", got.code, tt.code, tt.stdout+tt.stderr, got.stdout, got.stderr)
			}
		})
	}
}

// TestImageToldOnce: what the registry said stands in the report, in full, one time.
func TestImageToldOnce(t *testing.T) {
	err := &inject.Error{Kind: inject.ErrImage, Text: "image x:1 cannot be pulled: a long story", Short: "image x:1 cannot be pulled (ErrImagePull)", Hint: "see --image"}
	f := &fakeBackend{inject: func(context.Context, inject.Options) (prober, error) { return nil, err }}
	got := runOn(t, t.Context(), f, func(s *seams) { s.causes = &causes.Registry }, "pod", "web-0")
	if n := strings.Count(got.stdout, "a long story"); n != 1 || got.stderr != "error: image x:1 cannot be pulled (ErrImagePull); see --image\n" {
		t.Errorf("%d times\n%s%s", n, got.stdout, got.stderr)
	}
	if !strings.Contains(got.stdout, "! image x:1 cannot be pulled (ErrImagePull); reading the API only\n") || !strings.Contains(got.stdout, "NL-TOOL-IMAGE") {
		t.Error(got.stdout)
	}
}
