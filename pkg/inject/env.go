package inject

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	utilrand "k8s.io/apimachinery/pkg/util/rand"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/klog/v2"
	"k8s.io/streaming/pkg/httpstream"
)

// env is the outside world, so that tests can bring their own.
type env struct {
	client kubernetes.Interface
	// attach streams to and from a container until ctx, stdin or the container ends.
	attach func(ctx context.Context, at place, s streams) error
	// logs streams the log of a container.
	logs   func(ctx context.Context, at place, o logOptions) (io.ReadCloser, error)
	suffix func(n int) string
	// session makes an ID that nobody else has.
	session func() string
}

// logOptions are the API's; the container is filled in.
type logOptions = corev1.PodLogOptions

type place struct{ namespace, pod, container string }

// streams of an attach; with a terminal there is no stderr, and sizes are its windows.
type streams struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	tty            bool
	sizes          remotecommand.TerminalSizeQueue
}

func realEnv(client kubernetes.Interface, config *rest.Config) env {
	return env{
		client: client,
		attach: func(ctx context.Context, at place, s streams) error {
			return attach(ctx, client.CoreV1().RESTClient(), config, at, s)
		},
		logs: func(ctx context.Context, at place, o logOptions) (io.ReadCloser, error) {
			o.Container = at.container
			return client.CoreV1().Pods(at.namespace).GetLogs(at.pod, &o).Stream(ctx)
		},
		suffix:  utilrand.String,
		session: randomSession,
	}
}

func randomSession() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand, Go 1.24)
	return hex.EncodeToString(b[:])
}

// attach runs an attach: over a WebSocket, or over SPDY where a
// proxy or an old API server does not speak that, as kubectl does.
func attach(ctx context.Context, client rest.Interface, config *rest.Config, at place, s streams) error {
	url := client.Post().Resource("pods").Namespace(at.namespace).Name(at.pod).SubResource("attach").
		VersionedParams(&corev1.PodAttachOptions{Container: at.container, Stdin: true, Stdout: true, Stderr: !s.tty, TTY: s.tty}, scheme.ParameterCodec).
		URL()
	spdy, err := remotecommand.NewSPDYExecutor(config, "POST", url)
	if err != nil {
		return err
	}
	socket, err := remotecommand.NewWebSocketExecutor(config, "GET", url.String())
	if err != nil {
		return err
	}
	executor, err := remotecommand.NewFallbackExecutor(socket, spdy, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	})
	if err != nil {
		return err
	}
	// client-go would log what an attach that is given up leaves behind.
	ctx = klog.NewContext(ctx, klog.New(nil))
	return executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdin: s.stdin, Stdout: s.stdout, Stderr: s.stderr, Tty: s.tty, TerminalSizeQueue: s.sizes})
}

func asStatus(err error, status *apierrors.APIStatus) bool { return errors.As(err, status) }
