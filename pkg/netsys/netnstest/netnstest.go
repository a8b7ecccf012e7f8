//go:build linux

// Package netnstest runs tests in network namespaces of their own, and builds small
// networks in them. It is for tests only.
//
// A test that calls Isolate runs in a new process whose every thread is in a fresh
// network namespace: threads moved with setns would leak, since Go's runtime starts
// others where it likes.
package netnstest

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// childEnv marks the process that Isolate started, with the name of its test.
const childEnv = "NETLOOK_NETNS_CHILD"

// Isolate runs the calling test again in a process with a network namespace of its
// own, where it returns true. In the calling process it returns false, after it has
// taken over the other's outcome: the test then returns at once.
func Isolate(t *testing.T) bool {
	t.Helper()
	if os.Getenv(childEnv) == t.Name() {
		up(t, netlinkHere(t), "lo")
		return true
	}
	cmd := self(t)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) {
		Lacking(t, "no network namespace may be created here: %v", err)
	}
	take(t, out, err)
	return false
}

// Unprivileged runs the calling test again as an ordinary user without capabilities,
// in the network namespace of the caller, and takes over its outcome. It returns
// true in that process. For use inside an isolated test, whose part before it is run
// once only: the caller asks InUnprivileged first.
func Unprivileged(t *testing.T) {
	t.Helper()
	cmd := self(t)
	const nobody = 65534
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody, NoSetGroups: os.Getuid() != 0}}
	cmd.Env = append(cmd.Env, childEnv+"_NOBODY=1")
	out, err := cmd.CombinedOutput()
	take(t, out, err)
}

// InUnprivileged reports whether this is the process that Unprivileged started.
func InUnprivileged() bool { return os.Getenv(childEnv+"_NOBODY") == "1" }

// self is a command that runs the calling test again. It names the binary by its
// link in /proc, which works for a user who could not enter its directory.
func self(t *testing.T) *exec.Cmd {
	parts := strings.Split(t.Name(), "/")
	for i, p := range parts {
		parts[i] = "^" + regexp.QuoteMeta(p) + "$"
	}
	cmd := exec.Command("/proc/self/exe", "-test.v", "-test.count=1", "-test.run="+strings.Join(parts, "/"))
	cmd.Env = append(os.Environ(), childEnv+"="+t.Name())
	return cmd
}

// take makes the outcome of a process that ran one test the caller's own.
func take(t *testing.T, out []byte, err error) {
	t.Helper()
	text := string(out)
	switch {
	case err != nil:
		t.Fatalf("in the namespace: %v\n%s", err, text)
	case strings.Contains(text, "--- SKIP"):
		t.Skipf("in the namespace:\n%s", text)
	case !strings.Contains(text, "--- PASS: "+t.Name()):
		t.Fatalf("in the namespace the test did not run:\n%s", text)
	}
	t.Logf("in the namespace:\n%s", text)
}

// Namespace is a network namespace of a test.
type Namespace struct {
	*netlink.Handle
	ns netns.NsHandle
}

// Here is the namespace that the test itself runs in.
func Here(t *testing.T) *Namespace {
	t.Helper()
	ns, err := netns.Get()
	must(t, err)
	t.Cleanup(func() { _ = ns.Close() })
	return &Namespace{Handle: netlinkHere(t), ns: ns}
}

// New creates another namespace, which forwards between its interfaces and answers
// like any host. It ends with the test.
func New(t *testing.T) *Namespace {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	home, err := netns.Get()
	must(t, err)
	defer home.Close()
	ns, err := netns.New()
	must(t, err)
	must(t, netns.Set(home))
	handle, err := netlink.NewHandleAt(ns)
	must(t, err)
	t.Cleanup(func() {
		handle.Close()
		_ = ns.Close()
	})
	n := &Namespace{Handle: handle, ns: ns}
	up(t, handle, "lo")
	n.Set(t, "net/ipv4/ip_forward", "1")
	n.Set(t, "net/ipv6/conf/all/forwarding", "1")
	return n
}

// Do runs f on a thread in the namespace.
func (n *Namespace) Do(t *testing.T, f func()) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	home, err := netns.Get()
	must(t, err)
	defer home.Close()
	must(t, netns.Set(n.ns))
	defer func() { must(t, netns.Set(home)) }()
	f()
}

// Set writes a kernel setting of the namespace, by its path below /proc/sys.
func (n *Namespace) Set(t *testing.T, path, value string) {
	t.Helper()
	n.Do(t, func() {
		// proc(5): /proc/sys/net shows the namespace of the thread that opens it.
		must(t, os.WriteFile("/proc/sys/"+path, []byte(value), 0o644))
	})
}

// End is one end of a veth pair.
type End struct {
	NS    *Namespace
	Name  string
	MTU   int // 0 for 1500
	Addrs []string
}

// Join makes a veth pair between two ends, with addresses (CIDR notation), both up.
func Join(t *testing.T, a, b End) {
	t.Helper()
	for _, end := range []End{a, b} {
		// Without it no neighbour resolves for two seconds: the link-local addresses
		// first wait for duplicates to speak up (RFC 4862).
		end.NS.Set(t, "net/ipv6/conf/default/accept_dad", "0")
		end.NS.Set(t, "net/ipv6/conf/all/accept_dad", "0")
	}
	veth := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: a.Name}, PeerName: b.Name, PeerNamespace: netlink.NsFd(b.NS.ns)}
	must(t, a.NS.LinkAdd(veth))
	for _, end := range []End{a, b} {
		link, err := end.NS.LinkByName(end.Name)
		must(t, err)
		if end.MTU != 0 {
			must(t, end.NS.LinkSetMTU(link, end.MTU))
		}
		// Neighbours that are not there shall fail in a third of a second, not in three.
		end.NS.Set(t, "net/ipv4/neigh/"+end.Name+"/retrans_time_ms", "100")
		end.NS.Set(t, "net/ipv6/neigh/"+end.Name+"/retrans_time_ms", "100")
		up(t, end.NS.Handle, end.Name)
		for _, addr := range end.Addrs {
			end.NS.Addr(t, end.Name, addr)
		}
	}
	for _, end := range []End{a, b} {
		end.NS.carrier(t, end.Name)
	}
}

// carrier waits until an interface really sends: for a moment after both ends are up
// the kernel still drops what it is given.
func (n *Namespace) carrier(t *testing.T, name string) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); {
		link, err := n.LinkByName(name)
		must(t, err)
		if link.Attrs().OperState == netlink.OperUp {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("%s has no carrier", name)
}

// Dead waits until the kernel says that an interface does not send any more, which it
// does a moment after the other end has gone down.
func (n *Namespace) Dead(t *testing.T, name string) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); {
		link, err := n.LinkByName(name)
		must(t, err)
		if link.Attrs().OperState != netlink.OperUp {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("%s still has a carrier", name)
}

// Addr adds an address in CIDR notation, without waiting for duplicates to speak up.
func (n *Namespace) Addr(t *testing.T, dev, cidr string) {
	t.Helper()
	link, err := n.LinkByName(dev)
	must(t, err)
	addr, err := netlink.ParseAddr(cidr)
	must(t, err)
	if addr.IP.To4() == nil {
		addr.Flags = unix.IFA_F_NODAD
	}
	must(t, n.AddrAdd(link, addr))
}

// Route adds a route to dst (CIDR notation) by a gateway, or by a device when the
// gateway is "".
func (n *Namespace) Route(t *testing.T, dst, gateway, dev string) {
	t.Helper()
	_, prefix, err := net.ParseCIDR(dst)
	must(t, err)
	route := &netlink.Route{Dst: prefix, Gw: net.ParseIP(gateway)}
	if dev != "" {
		link, err := n.LinkByName(dev)
		must(t, err)
		route.LinkIndex = link.Attrs().Index
		if gateway == "" {
			route.Scope = netlink.SCOPE_LINK
		} else {
			route.Flags = int(netlink.FLAG_ONLINK)
		}
	}
	must(t, n.RouteAdd(route))
}

// OpenPing lets every group use ping sockets, as containerd does for pods.
func (n *Namespace) OpenPing(t *testing.T) {
	t.Helper()
	n.Set(t, "net/ipv4/ping_group_range", "0 2147483647")
}

func netlinkHere(t *testing.T) *netlink.Handle {
	t.Helper()
	handle, err := netlink.NewHandle()
	must(t, err)
	t.Cleanup(handle.Close)
	return handle
}

func up(t *testing.T, handle *netlink.Handle, name string) {
	t.Helper()
	link, err := handle.LinkByName(name)
	must(t, err)
	must(t, handle.LinkSetUp(link))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
