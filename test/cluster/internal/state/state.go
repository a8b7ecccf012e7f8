// Package state knows where the files of a running cluster are. The place is fixed,
// not relative to a checkout, so that every checkout's testcluster finds the same
// cluster. It imports the standard library and topology only.
package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/netlook/kubectl-netlook/test/cluster/internal/topology"
)

const (
	// Env overrides where the state is kept.
	Env = "NETLOOK_TESTCLUSTER_DIR"

	defaultDir = "/var/lib/netlook-testcluster"
	// marker makes sure that `down` removes a folder that somebody chose only if
	// `up` made it.
	marker = ".netlook-testcluster"
)

// Dir is the folder of the run state.
type Dir string

// Open returns the folder in use; it need not exist.
func Open() (Dir, error) {
	chosen := os.Getenv(Env)
	if chosen == "" {
		return defaultDir, nil
	}
	if !filepath.IsAbs(chosen) {
		return "", fmt.Errorf("%s=%s: want an absolute path", Env, chosen)
	}
	return Dir(filepath.Clean(chosen)), nil
}

// Path joins names below the folder.
func (d Dir) Path(names ...string) string {
	return filepath.Join(append([]string{string(d)}, names...)...)
}

// Kubeconfig is the administrator's, usable from the machine's root namespace.
func (d Dir) Kubeconfig() string { return d.Path("admin.kubeconfig") }

// PKI is the folder of keys and certificates.
func (d Dir) PKI() string { return d.Path("pki") }

// UserKubeconfig is where `user` writes the file for name.
func (d Dir) UserKubeconfig(name string) string { return d.Path("users", name+".kubeconfig") }

// ComponentKubeconfig is the one of a daemon, such as "kubelet-w1".
func (d Dir) ComponentKubeconfig(name string) string {
	return d.Path("kubeconfigs", name+".kubeconfig")
}

// Log is the log file of a member's daemon.
func (d Dir) Log(member, daemon string) string { return d.Path("logs", member+"-"+daemon+".log") }

// Node is the folder of one node's own files.
func (d Dir) Node(node string, names ...string) string {
	return d.Path(append([]string{"nodes", node}, names...)...)
}

// Record is what `up` remembers of the cluster it started.
type Record struct {
	Options    topology.Options  `json:"options"`
	Components map[string]string `json:"components"` // name -> cache key: what it runs
	Cache      string            `json:"cache"`      // folder of the components; another caller's may differ
	Setup      string            `json:"setup"`      // identifies what configured it
	Ready      bool              `json:"ready"`      // up came to its end
}

// ErrNone means that there is no record of a cluster.
var ErrNone = errors.New("no cluster is up")

// Create makes the empty folder, with its marker.
func (d Dir) Create() error {
	if err := os.MkdirAll(string(d), 0o755); err != nil {
		return fmt.Errorf("make the state folder: %w", err)
	}
	entries, err := os.ReadDir(string(d))
	if err != nil {
		return err
	}
	if len(entries) > 0 {
		return fmt.Errorf("state folder %s is not empty and not known as the cluster's: empty it, or set %s to another", d, Env)
	}
	if err := os.WriteFile(d.Path(marker), nil, 0o644); err != nil {
		return err
	}
	for _, name := range []string{"logs", "kubeconfigs", "users", "nodes"} {
		if err := os.Mkdir(d.Path(name), 0o755); err != nil {
			return err
		}
	}
	return nil
}

// Remove removes the folder if it is the cluster's. A missing one is no error.
func (d Dir) Remove() error {
	if !d.Left() {
		return nil
	}
	return os.RemoveAll(string(d))
}

// Left tells whether the folder is still there. One in the default place is the
// cluster's whatever it holds: nobody else has a use for that name, and a folder
// removed under a running cluster is made again by kubelet, without the marker.
func (d Dir) Left() bool {
	proof := d.Path(marker)
	if d == defaultDir {
		proof = string(d)
	}
	_, err := os.Lstat(proof)
	return err == nil
}

// Save writes the record.
func (d Dir) Save(record Record) error {
	content, err := json.MarshalIndent(record, "", "  ")
	if err != nil {
		return err
	}
	temporary := d.Path("state.json.new")
	if err := os.WriteFile(temporary, append(content, '\n'), 0o644); err != nil {
		return fmt.Errorf("save the state: %w", err)
	}
	return os.Rename(temporary, d.Path("state.json"))
}

// Load reads the record; ErrNone if there is none.
func (d Dir) Load() (Record, error) {
	var record Record
	content, err := os.ReadFile(d.Path("state.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return record, ErrNone
	}
	if err != nil {
		return record, err
	}
	if err := json.Unmarshal(content, &record); err != nil {
		return record, fmt.Errorf("read %s: %w", d.Path("state.json"), err)
	}
	if len(record.Options.Nodes) == 0 {
		return record, fmt.Errorf("read %s: it names no node", d.Path("state.json"))
	}
	return record, nil
}
