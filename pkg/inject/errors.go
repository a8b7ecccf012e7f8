package inject

import (
	"context"
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/wire"
)

// maxMessage is the length at which foreign text in an error or an event is cut.
const maxMessage = 400

// The kinds of Error, for errors.Is.
var (
	// ErrNotAllowed: RBAC. The API-only rung is left.
	ErrNotAllowed = errors.New("not allowed")
	// ErrRefused: an admission plugin or webhook, such as Pod Security.
	ErrRefused = errors.New("refused by admission")
	// ErrWebhook: an admission webhook that the API server cannot ask.
	ErrWebhook = errors.New("admission webhook does not answer")
	// ErrKubelet: the API server does not reach the kubelet of the probe's node.
	ErrKubelet = errors.New("kubelet not reached by the API server")
	// ErrUnsupported: the cluster has no ephemeral containers.
	ErrUnsupported = errors.New("not supported by the cluster")
	// ErrImage: the image cannot be had.
	ErrImage = errors.New("image not available")
	// ErrStart: the container was made but does not run, or has ended.
	ErrStart = errors.New("probe does not start")
	// ErrGone: the pod or the node went away.
	ErrGone = errors.New("vantage point is gone")
	// ErrTimeout: nothing of the above, but too late.
	ErrTimeout = errors.New("probe not ready in time")
	// ErrBusy: another run has the probe.
	ErrBusy = errors.New("probe is busy")
	// ErrVersion: the probe is of a build that speaks another version of the wire.
	ErrVersion = errors.New("probe of another wire version")
	// ErrAPI: the API server cannot be reached, or gave an unexpected answer.
	ErrAPI = errors.New("API server")
)

// Error is why there is no probe: one line that says what happened to which object,
// and one that says what to do.
type Error struct {
	Kind error // one of the sentinels
	Text string
	Hint string // "" when there is nothing to advise
	// Short is Text without what others said at length, "" when Text is short already.
	Short string
	// Webhook is the one of ErrWebhook.
	Webhook *facts.Webhook
	// Kubelet is the one of ErrKubelet.
	Kubelet *facts.Kubelet

	// ended says that the container has run and is over: another may do better.
	ended bool
}

// Error implements error: both, in one line.
func (e *Error) Error() string {
	if e.Hint == "" {
		return e.Text
	}
	return e.Text + "; " + e.Hint
}

// Unwrap gives errors.Is the kind.
func (e *Error) Unwrap() error { return e.Kind }

// Brief is the error in few words, and the advice, for where the whole is told beside it.
func Brief(err error) (text, hint string) {
	var own *Error
	if errors.As(err, &own) && own.Short != "" {
		return own.Short, own.Hint
	}
	return err.Error(), ""
}

func fail(kind error, hint, format string, args ...any) *Error {
	return &Error{Kind: kind, Hint: hint, Text: wire.Clean(fmt.Sprintf(format, args...), 2*maxMessage)}
}

// message is the text of a foreign error, bounded and harmless.
func message(err error) string { return wire.Clean(err.Error(), maxMessage) }

// apiError explains an error of the API server while doing what to which object. The
// profile is that of the probe, "" when the request does not make one.
func apiError(err error, profile, doing string) error {
	var own *Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &own):
		return err
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("%s: %w", doing, context.Canceled)
	case apierrors.IsForbidden(err):
		return forbidden(err, profile, doing)
	case apierrors.IsNotFound(err):
		return fail(ErrGone, "", "%s: it is not there any more", doing)
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err):
		return fail(ErrRefused, "", "%s: %s", doing, message(err))
	case errors.Is(err, context.DeadlineExceeded):
		return fail(ErrTimeout, "", "%s: no answer of the API server in time", doing)
	}
	if w := webhookOf(err, doing); w != nil {
		return webhookError(w)
	}
	return fail(ErrAPI, "run it again when the API server answers", "%s: %s", doing, message(err))
}

// forbidden tells rights from admission: both answer 403. The authorizer's message
// says which user cannot do what (apiserver: pkg/endpoints/handlers/responsewriters).
func forbidden(err error, profile, doing string) error {
	text := message(err)
	if strings.Contains(text, " cannot ") && !strings.Contains(text, "admission webhook") && !strings.Contains(text, "violates PodSecurity") {
		return fail(ErrNotAllowed, "", "%s: %s", doing, text)
	}
	if _, rest, found := strings.Cut(text, "violates PodSecurity "); found {
		// The level comes quoted: "restricted:latest": what is wrong.
		level, wrong, _ := strings.Cut(strings.TrimPrefix(rest, `"`), `"`)
		return fail(ErrRefused, securityHint(profile, wrong), "%s: the namespace enforces Pod Security %s%s", doing, level, wrong)
	}
	return fail(ErrRefused, "", "%s: admission refuses it: %s", doing, text)
}

func securityHint(profile, wrong string) string {
	switch {
	case strings.Contains(wrong, "host namespaces"):
		return "a node probe needs a namespace of level privileged, such as kube-system: choose one with --probe-namespace"
	case profile != Restricted:
		return "use the default profile (restricted), which every level accepts"
	}
	// kubernetes issue 118961: Pod Security judges the whole pod again.
	return "the profile restricted complies by itself: other containers of this pod, perhaps an ephemeral one of an earlier debug session, do not; recreate the pod, or use --no-inject"
}
