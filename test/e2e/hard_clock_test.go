//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/netlook/kubectl-netlook/pkg/report"
)

// skewed stands before the API server and tells its times as if its clock were off: the
// field Date of each answer, and every time in its objects, which are of the same clock.
type skewed struct {
	by time.Duration
	// dates and times are how many were moved.
	dates, times atomic.Int64
}

// stamp is a time in JSON (RFC 3339, of whole seconds or of microseconds).
var stamp = regexp.MustCompile(`"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z"`)

func (s *skewed) move(data []byte) []byte {
	return stamp.ReplaceAllFunc(data, func(text []byte) []byte {
		layout := `"2006-01-02T15:04:05Z"`
		if bytes.Contains(text, []byte(".")) {
			layout = `"2006-01-02T15:04:05.000000Z"`
		}
		at, err := time.Parse(layout, string(text))
		if err != nil {
			return text
		}
		s.times.Add(1)
		return []byte(at.Add(s.by).Format(layout)) // as long as before
	})
}

// answer moves the times of an answer, line by line: those of a watch come one by one.
func (s *skewed) answer(r *http.Response) error {
	if at, err := http.ParseTime(r.Header.Get("Date")); err == nil {
		r.Header.Set("Date", at.Add(s.by).UTC().Format(http.TimeFormat))
		s.dates.Add(1)
	}
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		return nil
	}
	body := r.Body
	read, write := io.Pipe()
	go func() {
		lines := bufio.NewReader(body)
		for {
			line, err := lines.ReadBytes('\n')
			if _, failed := write.Write(s.move(line)); failed != nil {
				err = failed
			}
			if err != nil {
				_ = write.CloseWithError(err)
				return
			}
		}
	}()
	r.Body = struct {
		io.Reader
		io.Closer
	}{read, closers{body, read}}
	return nil
}

type closers []io.Closer

func (c closers) Close() (err error) {
	for _, one := range c {
		err = one.Close()
	}
	return err
}

// kubeconfig starts the server and returns a kubeconfig that leads to it.
func (s *skewed) kubeconfig(t *testing.T) string {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", cluster.kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	config.NextProtos = []string{"http/1.1"} // upgrades, as attach needs one, are of it only
	config.DisableCompression = true
	transport, err := rest.TransportFor(config)
	if err != nil {
		t.Fatal(err)
	}
	to, err := url.Parse(config.Host)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(&httputil.ReverseProxy{
		Transport: transport, FlushInterval: -1, ModifyResponse: s.answer,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.Out.Header.Del("Accept-Encoding")
			if accept := r.Out.Header.Get("Accept"); strings.HasPrefix(accept, "application/vnd.kubernetes.protobuf,") {
				r.Out.Header.Set("Accept", "application/json") // which can be read here
			}
		},
	})
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections)
	through := clientcmdapi.NewConfig()
	through.Clusters["skewed"] = &clientcmdapi.Cluster{Server: server.URL}
	through.Contexts["skewed"] = &clientcmdapi.Context{Cluster: "skewed"}
	through.CurrentContext = "skewed"
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*through, file); err != nil {
		t.Fatal(err)
	}
	return file
}

// firstCause is the code of the first cause of a report, "" where it has none.
func firstCause(rep report.Report) string {
	if len(rep.Verdict.Causes) == 0 {
		return ""
	}
	return rep.Verdict.Causes[0].Code
}

// TestHardClock: the API server's clock is an hour off this machine's. A run comes to
// the same, and says so.
func TestHardClock(t *testing.T) {
	hard(t)
	for _, args := range [][]string{
		{"pod", "client", "-n", hardNS, "--to", "pod/other:8080"},
		{"service", "empty", "-n", hardNS, "--from", "pod/client"},
	} {
		plain := netlook(t, append(args, "-o", "json")...)
		whole := tasksOf(decode(t, []byte(plain.stdout)))
		first := firstCause(decode(t, []byte(plain.stdout)))
		for _, by := range []time.Duration{time.Hour, -time.Hour} {
			way := "behind"
			if by < 0 {
				way = "ahead of"
			}
			s := &skewed{by: by}
			r := netlook(t, append(args, "-o", "json", "--kubeconfig", s.kubeconfig(t))...)
			_, problems := honest(r.code, r.stdout, r.stderr, whole, plain.code)
			if r.code != plain.code {
				problems = append(problems, fmt.Sprintf("status %d, and %d with the right clock", r.code, plain.code))
			} else {
				rep := decode(t, []byte(r.stdout))
				if got := firstCause(rep); got != first {
					problems = append(problems, fmt.Sprintf("cause %q, and %q with the right clock", got, first))
				}
				if told := regexp.MustCompile(`this machine's clock is (1h0m\d|59m5\d)s ` + way + ` the API server's`); !told.MatchString(notices(rep)) {
					problems = append(problems, "does not tell of the clocks: "+notices(rep))
				}
			}
			t.Logf("%s, %s: status %d, %d fields Date and %d times moved", args[0], by, r.code, s.dates.Load(), s.times.Load())
			if s.dates.Load() == 0 || s.times.Load() == 0 {
				problems = append(problems, "no time was moved: this proves nothing")
			}
			survived(t, fmt.Sprintf("this machine's clock an hour %s the API server's, `%s`", way, args[0]), fmt.Sprintf("status %d as with the right clock, told", plain.code), problems...)
		}
	}
}
