// Package kernel sees to the parts of the kernel that the cluster uses and that a
// distribution's kernel keeps in modules which nothing loads by itself. What a
// mount, a link or a rule needs, the kernel loads when it is first asked; a file
// below /proc/sys that does not exist asks for nothing. Standard library only.
package kernel

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// module is a module, known to be there (or built in) by what it adds to /proc.
type module struct{ name, proof string }

func modules() []module {
	return []module{
		// Rules see what is bridged between two pods of a node.
		{"br_netfilter", "sys/net/bridge/bridge-nf-call-iptables"},
		// kube-proxy ends if it cannot set the timeouts of connections.
		{"nf_conntrack", "sys/net/netfilter/nf_conntrack_max"},
	}
}

// Ensure loads what is missing, and names what cannot be loaded.
func Ensure(ctx context.Context) error {
	return ensure("/proc", func(name string) error { return modprobe(ctx, name) })
}

func ensure(proc string, load func(name string) error) error {
	for _, module := range modules() {
		proof := filepath.Join(proc, module.proof)
		if _, err := os.Stat(proof); err == nil {
			continue
		}
		reason := load(module.name)
		if _, err := os.Stat(proof); err == nil {
			continue // whatever modprobe said
		} else if reason == nil && errors.Is(err, fs.ErrNotExist) {
			reason = fmt.Errorf("it is loaded, yet there is no %s", proof)
		}
		return fmt.Errorf("the kernel lacks %s: %w; boot a kernel that has it, or, in a container, run modprobe %s on its host",
			module.name, reason, module.name)
	}
	return nil
}

func modprobe(ctx context.Context, name string) error {
	output, err := exec.CommandContext(ctx, "modprobe", name).CombinedOutput()
	if said := strings.TrimSpace(string(output)); err != nil && said != "" {
		return fmt.Errorf("%w: %s", err, said)
	}
	return err
}
