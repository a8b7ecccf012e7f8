//go:build linux

package underlay

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/netlook/kubectl-netlook/test/cluster/internal/topology"
)

// inNamespace runs the rest of the test in a network namespace of its own.
func inNamespace(t *testing.T) {
	t.Helper()
	needRoot(t)
	// Never unlocked: the thread ends with the test's goroutine, and its namespace.
	runtime.LockOSThread()
	namespace, err := netns.New()
	if err != nil {
		t.Fatal(err)
	}
	namespace.Close()
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	if os.Getenv("NETLOOK_REQUIRE_NETNS") != "" {
		t.Fatal("NETLOOK_REQUIRE_NETNS is set, and this is not root")
	}
	t.Skip("needs root")
}

func TestFree(t *testing.T) {
	for _, test := range []struct {
		name, address string
		link          string // empty: lo
		dual          bool
		want          string // in the error; empty: none
	}{
		{name: "another network", address: "172.31.0.1/16"},
		{name: "the same network", address: "172.30.0.7/24", want: "172.30.0.0/24 is in use on this machine: lo has 172.30.0.7/24"},
		{name: "a network around it", address: "172.30.200.1/16", want: "lo has 172.30.200.1/16"},
		{name: "an address in it", address: "172.30.0.10/32", want: "lo has 172.30.0.10/32"},
		{name: "a running cluster's own", address: "172.30.0.254/24", link: topology.MachineLink},
		{name: "IPv6 that is not asked for", address: "fd00:172:30::1/64"},
		{name: "IPv6", address: "fd00:172:30::1/64", dual: true, want: "fd00:172:30::/64 is in use on this machine: lo"},
	} {
		t.Run(test.name, func(t *testing.T) {
			inNamespace(t)
			address, err := netlink.ParseAddr(test.address)
			if err != nil {
				t.Fatal(err)
			}
			name := "lo"
			if test.link != "" {
				name = test.link
				attributes := netlink.NewLinkAttrs()
				attributes.Name = name
				if err := netlink.LinkAdd(&netlink.Bridge{LinkAttrs: attributes}); err != nil {
					t.Fatal(err)
				}
			}
			link, err := netlink.LinkByName(name)
			if err != nil {
				t.Fatal(err)
			}
			if err := netlink.AddrAdd(link, address); err != nil {
				t.Fatal(err)
			}
			err = Free(test.dual)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("error = %v, want %q", err, test.want)
			}
		})
	}
}

// TestUnpin lets go of a pinned namespace, and of the file that a killed `up` left
// before it was one.
func TestUnpin(t *testing.T) {
	needRoot(t)
	for _, mounted := range []bool{true, false} {
		file := filepath.Join(t.TempDir(), topology.Netns("w1"))
		if err := os.WriteFile(file, nil, 0o444); err != nil {
			t.Fatal(err)
		}
		if mounted {
			if err := unix.Mount("/proc/self/ns/net", file, "", unix.MS_BIND, ""); err != nil {
				t.Fatal(err)
			}
		}
		if err := unpin(file); err != nil {
			t.Errorf("mounted %v: %v", mounted, err)
		}
		if _, err := os.Lstat(file); !os.IsNotExist(err) {
			t.Errorf("mounted %v: the file is still there (%v)", mounted, err)
		}
	}
}
