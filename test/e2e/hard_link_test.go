//go:build e2e

package e2e

import (
	"bytes"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// link is a TCP proxy before the API server: the way from the user's machine to the
// cluster, which can be cut, blocked, or made to swallow everything.
type link struct {
	net.Listener
	server string

	mu      sync.Mutex
	changed *sync.Cond
	conns   map[net.Conn]bool
	// refuse: connections are closed as soon as they are made.
	refuse bool
	// stuck: nothing moves, in either direction; what was sent meanwhile arrives later.
	stuck bool
	// total are the bytes that came from the server, attached those of attaches.
	total, attached int
	// cutAt: all is cut when so many bytes have come, once; of attaches with cutAttach.
	// refusing is for how long connections are refused then.
	cutAt     int
	cutAttach bool
	refusing  time.Duration
	wasCut    bool
}

func newLink(t *testing.T) *link {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &link{Listener: listener, conns: map[net.Conn]bool{}, server: serverOf(t)}
	l.changed = sync.NewCond(&l.mu)
	t.Cleanup(func() { listener.Close(); l.set(func() { l.stuck = false }); l.cut() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go l.carry(client)
		}
	}()
	return l
}

// serverOf is the API server's host and port.
func serverOf(t *testing.T) string {
	t.Helper()
	config, err := os.ReadFile(cluster.kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	server := regexp.MustCompile(`server: "?https://([^\s"]+)"?`).FindSubmatch(config)
	if server == nil {
		t.Fatalf("no server in %s", cluster.kubeconfig)
	}
	return string(server[1])
}

// env is an environment whose kubeconfig leads through the link.
func (l *link) env(t *testing.T) []string {
	t.Helper()
	config, err := os.ReadFile(cluster.kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	host, _, err := net.SplitHostPort(l.server)
	if err != nil {
		t.Fatal(err)
	}
	direct := regexp.MustCompile(`server: "?https://[^\s"]+"?`)
	through := direct.ReplaceAllString(string(config), "server: https://"+l.Addr().String()+"\n    tls-server-name: "+host)
	copied := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(copied, []byte(through), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"KUBECONFIG=" + copied}
}

func (l *link) set(change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
	l.changed.Broadcast()
}

// carry moves bytes between a client and the API server.
func (l *link) carry(client net.Conn) {
	l.mu.Lock()
	refused := l.refuse
	l.mu.Unlock()
	if refused {
		abort(client)
		return
	}
	upstream, err := net.Dial("tcp", l.server)
	if err != nil {
		abort(client)
		return
	}
	l.set(func() { l.conns[client], l.conns[upstream] = true, true })
	var isAttach atomic.Bool
	for _, way := range []struct {
		to, from net.Conn
		down     bool
	}{{upstream, client, false}, {client, upstream, true}} {
		go func() {
			l.copy(way.to, way.from, way.down, &isAttach)
			way.to.Close()
			way.from.Close()
			l.set(func() { delete(l.conns, way.to); delete(l.conns, way.from) })
		}()
	}
}

func (l *link) copy(to io.Writer, from io.Reader, down bool, isAttach *atomic.Bool) {
	buffer := make([]byte, 4096)
	for first := true; ; first = false {
		n, err := from.Read(buffer)
		if first && !down {
			// The API is read over HTTP/2, which the TLS hello offers (RFC 7301); an attach
			// is an upgrade of HTTP/1.1.
			isAttach.Store(n > 0 && !bytes.Contains(buffer[:n], []byte("\x02h2")))
		}
		l.mu.Lock()
		for l.stuck {
			l.changed.Wait()
		}
		cut := false
		if down {
			n, cut = l.count(n, isAttach.Load())
		}
		l.mu.Unlock()
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if cut {
			l.breakFor(l.refusing)
		}
		if err != nil || cut {
			return
		}
	}
}

// count adds bytes, and returns how many of them may pass, and whether that is the end.
// The lock is held.
func (l *link) count(n int, isAttach bool) (pass int, cut bool) {
	l.total += n
	sum := l.total
	if isAttach {
		l.attached += n
	}
	if l.cutAttach {
		sum = l.attached
	}
	if l.cutAt == 0 || l.wasCut || sum < l.cutAt || l.cutAttach && !isAttach {
		return n, false
	}
	l.wasCut = true
	return max(0, n-(sum-l.cutAt)), true
}

// carried is how many bytes came from the server so far, and over attaches.
func (l *link) carried() (total, attached int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.total, l.attached
}

// cutHappened says whether the bytes of cutAt have come.
func (l *link) cutHappened() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.wasCut
}

// breakFor cuts all and refuses for a time, then carries again.
func (l *link) breakFor(d time.Duration) {
	l.set(func() { l.refuse = true })
	l.cut()
	time.AfterFunc(d, func() { l.set(func() { l.refuse = false }) })
}

// holdFor makes the link swallow everything for a time.
func (l *link) holdFor(d time.Duration) {
	l.set(func() { l.stuck = true })
	time.AfterFunc(d, func() { l.set(func() { l.stuck = false }) })
}

// cut resets every connection, and leaves the listener.
func (l *link) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for conn := range l.conns {
		abort(conn)
	}
	clear(l.conns)
}

// abort closes with a reset, as a router that lost its state does.
func abort(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	conn.Close()
}

// short is the last line of stderr, for messages.
func short(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}
