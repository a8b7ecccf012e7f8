// Command cilium is every Cilium program that the test cluster runs, in one multi-call
// binary: the name it is called by chooses the program. One link step and one file
// in the cache instead of four.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	dbg "github.com/cilium/cilium/cilium-dbg/cmd"
	agent "github.com/cilium/cilium/daemon/cmd"
	operator "github.com/cilium/cilium/operator/cmd"
	"github.com/cilium/cilium/pkg/hive"
	cni "github.com/cilium/cilium/plugins/cilium-cni/cmd"
)

func init() {
	// The CNI plugin changes network namespaces of its thread, which must be the
	// process's first one.
	if filepath.Base(os.Args[0]) == "cilium-cni" {
		runtime.LockOSThread()
	}
}

func main() {
	switch name := filepath.Base(os.Args[0]); name {
	case "cilium-agent":
		agent.Execute(agent.NewAgentCmd(func() *hive.Hive { return hive.New(agent.Agent) }))
	case "cilium-operator":
		h := hive.New(operator.Operator)
		operator.Execute(operator.NewOperatorCmd(h))
	case "cilium-cni":
		cni.PluginMain()
	case "cilium-dbg":
		dbg.Execute()
	default:
		fmt.Fprintf(os.Stderr, "unknown program %q: call this binary by the name of a Cilium program\n", name)
		os.Exit(2)
	}
}
