package cli

import (
	"context"
	"fmt"

	"al.essio.dev/pkg/shellescape"

	"github.com/netlook/kubectl-netlook/pkg/cluster"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/report"
)

// refusal says what right is missing to place a probe, "" when none is known to be.
// A review that cannot be had is no refusal: the attempt itself will tell.
func (d *diagnosis) refusal(ctx context.Context) string {
	access := cluster.Access{For: d.purpose(), Namespace: d.vantage.namespace, ProbeNamespace: d.vantage.namespace, SkipOptional: true}
	if d.vantage.kind == facts.VantagePod {
		access.Pod = d.vantage.name
	}
	missing, err := d.backend.Preflight(ctx, access)
	if err != nil {
		return ""
	}
	missing = cluster.Required(missing)
	if len(missing) == 0 {
		return ""
	}
	for _, rule := range missing {
		// The usual case, in words: the roles admin and edit do not have this one.
		if rule.Resource == "pods/ephemeralcontainers" {
			return "no right to add ephemeral containers in namespace " + rule.Namespace
		}
	}
	text := "no right to " + missing[0].String()
	if more := len(missing) - 1; more > 0 {
		text += fmt.Sprintf(" (and %d more)", more)
	}
	return text
}

func (d *diagnosis) purpose() cluster.Purpose {
	if d.vantage.kind == facts.VantageNode {
		return cluster.ForNode
	}
	return cluster.ForPod
}

// fallback notes why the run goes on without a probe, and what would change that.
func (d *diagnosis) fallback(ctx context.Context, why string) {
	who, unlock := d.unlock(ctx, d.purpose(), d.vantage.namespace)
	d.notice(report.Notice{
		Kind:    report.Fallback,
		Message: why + who + "; reading the API only (an admin can unlock it)",
		Unlock:  unlock,
	})
}

// unlock is what an admin types to grant the rights for a purpose to the user of this
// run, and who that is, when it can be told.
func (d *diagnosis) unlock(ctx context.Context, purpose cluster.Purpose, namespace string) (who, command string) {
	command = fmt.Sprintf("kubectl netlook rbac --for %s -n %s", purpose, namespace)
	if user, err := d.backend.WhoAmI(ctx); err == nil && user != "" {
		who = fmt.Sprintf(" (user %s)", user)
		command += " --user " + shellescape.Quote(user)
	}
	return who, command + " | kubectl apply -f -"
}
