// Command app is the sample application of the test cluster: whatever a client
// may meet behind a port, each kind of it with a flag of its own. Demos and end to
// end tests run it in pods, and the outside world runs it as its HTTP server.
// Standard library only, so that the image stays small and builds in a second.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// addresses is a flag that may be repeated and may hold several, comma-separated.
type addresses []string

func (a *addresses) String() string { return strings.Join(*a, ",") }

func (a *addresses) Set(value string) error {
	for part := range strings.SplitSeq(value, ",") {
		if part = strings.TrimSpace(part); part == "" {
			return fmt.Errorf("an address is empty")
		}
		*a = append(*a, part)
	}
	return nil
}

func main() {
	log.SetFlags(log.LstdFlags | log.LUTC)
	log.SetPrefix("app: ")
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// run starts a server for each address asked for and returns when ctx ends, or
// with the error of the first address that cannot be listened on.
func run(ctx context.Context, arguments []string) error {
	flags := flag.NewFlagSet("app", flag.ContinueOnError)
	wanted := make([]addresses, len(kinds()))
	for i, kind := range kinds() {
		flags.Var(&wanted[i], kind.flag, kind.usage)
	}
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	started := 0
	for i, kind := range kinds() {
		for _, address := range wanted[i] {
			if err := kind.serve(ctx, address); err != nil {
				return fmt.Errorf("--%s %s: %w", kind.flag, address, err)
			}
			log.Printf("%s on %s", kind.flag, address)
			started++
		}
	}
	if started == 0 {
		return fmt.Errorf("nothing to serve: give at least one of the flags of app --help")
	}
	<-ctx.Done()
	log.Print("ending")
	return nil
}
