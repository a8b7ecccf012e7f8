package kernel

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestEnsure(t *testing.T) {
	appear := func(t *testing.T, proc, file string) {
		t.Helper()
		path := filepath.Join(proc, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("1\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const bridge, conntrack = "sys/net/bridge/bridge-nf-call-iptables", "sys/net/netfilter/nf_conntrack_max"
	for _, test := range []struct {
		name    string
		there   []string          // before
		brings  map[string]string // module -> file that loading it makes appear
		refuses error
		loaded  []string
		want    string // in the error; empty: none
	}{
		{name: "built in", there: []string{bridge, conntrack}},
		{name: "modules", brings: map[string]string{"br_netfilter": bridge, "nf_conntrack": conntrack},
			loaded: []string{"br_netfilter", "nf_conntrack"}},
		{name: "one is a module", there: []string{conntrack}, brings: map[string]string{"br_netfilter": bridge},
			loaded: []string{"br_netfilter"}},
		{name: "not in this kernel", there: []string{bridge}, refuses: errors.New("module nf_conntrack not found"),
			loaded: []string{"nf_conntrack"}, want: "the kernel lacks nf_conntrack: module nf_conntrack not found"},
		{name: "loaded without effect", loaded: []string{"br_netfilter"}, want: "it is loaded, yet"},
	} {
		t.Run(test.name, func(t *testing.T) {
			proc := t.TempDir()
			for _, file := range test.there {
				appear(t, proc, file)
			}
			var loaded []string
			err := ensure(proc, func(name string) error {
				loaded = append(loaded, name)
				if file := test.brings[name]; file != "" {
					appear(t, proc, file)
				}
				return test.refuses
			})
			if !slices.Equal(loaded, test.loaded) {
				t.Errorf("loaded %v, want %v", loaded, test.loaded)
			}
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("error = %v, want %q", err, test.want)
			}
		})
	}
}
