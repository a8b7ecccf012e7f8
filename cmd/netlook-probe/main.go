// Command netlook-probe is the binary inside the probe image: it reads plans from its
// stdin and writes results to its stdout, as package wire describes.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check/checks"
	"github.com/netlook/kubectl-netlook/pkg/netsys"
	"github.com/netlook/kubectl-netlook/pkg/probe"
	"github.com/netlook/kubectl-netlook/pkg/version"
	"github.com/netlook/kubectl-netlook/pkg/wire"
)

func main() {
	cfg := probe.Config{In: os.Stdin, Out: os.Stdout, Log: os.Stderr, Registry: &checks.Registry, Version: version.Version, Build: version.Build(), UID: os.Geteuid()}
	flag.DurationVar(&cfg.Wait, "wait", 30*time.Second, "how long to wait for a plan")
	flag.DurationVar(&cfg.MaxIdle, "max-idle", 10*time.Minute, "the longest time to wait for another plan")
	flag.DurationVar(&cfg.Lifetime, "lifetime", 15*time.Minute, "end after this time, whatever happens")
	showVersion := flag.Bool("version", false, "print the version and exit")
	flag.Parse()
	if *showVersion {
		fmt.Println(version.Version, version.Build())
		return
	}
	if ahead := os.Getenv("NETLOOK_AHEAD"); ahead != "" {
		cfg.Ahead = wire.DecodeAhead(ahead)
	}
	probe.Tune()
	if err := probe.GoFirst(); err != nil {
		fmt.Fprintln(os.Stderr, "netlook-probe: where memory lacks, the kernel may end the application instead:", err)
	}
	cfg.Capabilities, cfg.CapabilitiesErr = netsys.Capabilities()
	cfg.Netns, _ = os.Readlink("/proc/self/ns/net") // "" is an honest answer
	// As PID 1 it would otherwise ignore SIGTERM, and hold up the deletion of its pod.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	reason := probe.Run(ctx, cfg)
	stop()
	fmt.Fprintln(os.Stderr, "netlook-probe:", reason)
	os.Exit(int(reason))
}
