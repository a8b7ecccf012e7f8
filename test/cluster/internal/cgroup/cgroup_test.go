package cgroup

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	const (
		tmpfs   = "26 23 0:25 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
		cpu     = "30 26 0:27 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n"
		pids    = "31 26 0:28 / /sys/fs/cgroup/pids rw,relatime shared:9 - cgroup cgroup rw,pids\n"
		unified = "32 26 0:29 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n"
		pure    = "33 23 0:30 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
		foreign = "34 23 0:31 / /var/lib/engine/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
	)
	for _, test := range []struct {
		name, mountinfo string
		want            Hierarchies
		fails           bool
	}{
		{name: "version 1", mountinfo: tmpfs + pids + cpu + foreign,
			want: Hierarchies{Roots: []string{"/sys/fs/cgroup/cpu", "/sys/fs/cgroup/pids"}}},
		{name: "hybrid", mountinfo: tmpfs + cpu + unified,
			want: Hierarchies{Roots: []string{"/sys/fs/cgroup/cpu", "/sys/fs/cgroup/unified"}}},
		{name: "version 2", mountinfo: pure,
			want: Hierarchies{V2: true, Roots: []string{"/sys/fs/cgroup"}}},
		{name: "mounted twice", mountinfo: cpu + cpu,
			want: Hierarchies{Roots: []string{"/sys/fs/cgroup/cpu"}}},
		{name: "none", mountinfo: tmpfs, fails: true},
		{name: "garbage", mountinfo: "x\n - \na b - \n", fails: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := parse(strings.NewReader(test.mountinfo))
			if (err != nil) != test.fails {
				t.Fatalf("error = %v", err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("hierarchies (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAddPIDs(t *testing.T) {
	for _, test := range []struct {
		name, content string
		want          map[int]bool
		fails         bool
	}{
		{name: "empty", want: map[int]bool{}},
		{name: "two", content: "12\n345\n", want: map[int]bool{12: true, 345: true}},
		{name: "never init, never another namespace's", content: "0\n1\n7\n", want: map[int]bool{7: true}},
		{name: "garbage", content: "12\nx\n", want: map[int]bool{12: true}, fails: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := map[int]bool{}
			if err := addPIDs(got, test.content); (err != nil) != test.fails {
				t.Fatalf("error = %v", err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("pids (-want +got):\n%s", diff)
			}
		})
	}
}
