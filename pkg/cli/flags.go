package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/netlook/kubectl-netlook/pkg/report"
	"github.com/netlook/kubectl-netlook/pkg/report/printer"
	"github.com/netlook/kubectl-netlook/pkg/target"
	"github.com/netlook/kubectl-netlook/pkg/version"
)

// wellKnown is what is resolved and reached outside the cluster when nobody says
// what: a name that every user of this tool knows, served from many places.
const wellKnown = "kubernetes.io:443"

// diagnoseFlags are what was typed after `pod` or `node`.
type diagnoseFlags struct {
	To          []string
	ToServices  bool // every service of the namespace
	Outside     bool // try ways in from this machine too
	External    []string
	Profile     string
	NoInject    bool
	Image       string
	PullPolicy  string
	PullSecrets []string
	Namespace   string // of a node probe
	Attempts    int
	Timeout     time.Duration
	Deadline    time.Duration
	Start       time.Duration
	KeepAlive   time.Duration
	Output      string
	Baseline    string // the file of an older report
	Deep        string
	// profiles are those to choose from; nil when there is no choice.
	profiles []string
}

// The profiles that a user may choose, and the pull policies.
var (
	profiles     = []string{"restricted", "netraw", "netadmin"}
	pullPolicies = []string{"IfNotPresent", "Always", "Never"}
)

func (f *diagnoseFlags) add(cmd *cobra.Command, getenv func(string) string) {
	image := version.Image
	if own := getenv("NETLOOK_IMAGE"); own != "" {
		image = own
	}
	fl := cmd.Flags()
	fl.StringArrayVar(&f.To, "to", nil, "`TARGET` to reach: svc/NAME[:PORT], pod/NAME, node/NAME, deploy/NAME, IP[:PORT], HOST, URL (repeatable); an object of another namespace is svc/NAMESPACE/NAME")
	fl.StringArrayVar(&f.External, "external", []string{wellKnown}, "`HOST`, IP or URL outside the cluster to reach (repeatable); none leaves it out")
	fl.BoolVar(&f.NoInject, "no-inject", false, "read the API only: put nothing into the cluster, send no packet")
	fl.StringVar(&f.Image, "image", image, "probe `IMAGE` (also $NETLOOK_IMAGE)")
	fl.StringVar(&f.PullPolicy, "image-pull-policy", "IfNotPresent", "`POLICY`: one of "+strings.Join(pullPolicies, ", "))
	fl.IntVar(&f.Attempts, "attempts", 3, "how often each endpoint is tried, so that partial loss shows")
	fl.DurationVar(&f.Timeout, "timeout", 2*time.Second, "deadline of one check, all its attempts together")
	fl.DurationVar(&f.Deadline, "deadline", time.Minute, "deadline of the whole run")
	fl.DurationVar(&f.Start, "start-timeout", 30*time.Second, "how long the probe may take to start")
	fl.StringVar(&f.Deep, "deep", deepOff, "`WHEN` to also ask the kernels of the nodes at both ends, from probes on them: true, false, auto (only where the cause cannot be told otherwise)")
	fl.Lookup("deep").NoOptDefVal = deepAlways
	addOutput(cmd, &f.Output)
	addBaseline(cmd, &f.Baseline)
	complete(cmd, "image-pull-policy", pullPolicies...)
	complete(cmd, "deep", deepAlways, deepAuto)
}

// addServices is for commands whose targets are the user's to choose.
func (f *diagnoseFlags) addServices(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.ToServices, "to-all-services", false, "reach every service of the namespace")
}

func (f *diagnoseFlags) addPod(cmd *cobra.Command) {
	f.profiles = profiles
	cmd.Flags().StringVar(&f.Profile, "profile", "restricted", "security `PROFILE` of the probe: "+strings.Join(profiles, ", "))
	cmd.Flags().DurationVar(&f.KeepAlive, "keep-alive", 2*time.Minute, "how long the probe waits for another run; 0 ends it at once")
	complete(cmd, "profile", profiles...)
}

func (f *diagnoseFlags) addNode(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.Namespace, "probe-namespace", "", "`NAMESPACE` of the probe's pod (default: that of the context or -n)")
	cmd.Flags().StringArrayVar(&f.PullSecrets, "image-pull-secret", nil, "`SECRET` in the probe's namespace to pull the image with (repeatable)")
}

// options are the flags, parsed and judged: what will run.
type options struct {
	targets         []target.Target
	external        []target.Target
	externalDefault bool
	printer         printer.Printer
	baseline        *report.Report // nil without one
	flags           diagnoseFlags
}

// options parses the flags. Every error names the flag.
func (f diagnoseFlags) options() (options, error) {
	o := options{flags: f}
	var err error
	if o.printer, err = printer.Get(f.Output); err != nil {
		return options{}, fmt.Errorf("--output: %w", err)
	}
	for _, raw := range f.To {
		t, err := target.Parse(raw)
		if err != nil {
			return options{}, fmt.Errorf("--to: %w", err)
		}
		o.targets = append(o.targets, t)
	}
	o.externalDefault = slices.Equal(f.External, []string{wellKnown})
	for _, raw := range f.External {
		if raw == "" || raw == "none" {
			continue
		}
		t, err := target.Parse(raw)
		if err != nil {
			return options{}, fmt.Errorf("--external: %w", err)
		}
		if t.Kind != target.IP && t.Kind != target.Host && t.Kind != target.URL {
			return options{}, fmt.Errorf("--external: %q is a %s of the cluster; use --to %s", raw, t.Kind, raw)
		}
		o.external = append(o.external, t)
	}
	if err := o.validate(); err != nil {
		return options{}, err
	}
	if f.Baseline != "" {
		// Read before anything is put anywhere: a bad file is to cost nothing.
		if o.baseline, err = readReport(f.Baseline, strings.NewReader("")); err != nil {
			return options{}, fmt.Errorf("--baseline: %w", err)
		}
	}
	return o, nil
}

func (o options) validate() error {
	f := o.flags
	oneOf := func(flag, value string, known []string) error {
		if known == nil || slices.Contains(known, value) {
			return nil
		}
		return fmt.Errorf("--%s: no %q; there are: %s", flag, value, strings.Join(known, ", "))
	}
	within := func(flag string, value, least, most time.Duration) error {
		if value >= least && value <= most {
			return nil
		}
		return fmt.Errorf("--%s: %s is not between %s and %s", flag, value, least, most)
	}
	errs := []error{
		oneOf("profile", f.Profile, f.profiles),
		oneOf("deep", f.Deep, []string{deepOff, deepAlways, deepAuto}),
		oneOf("image-pull-policy", f.PullPolicy, pullPolicies),
		within("timeout", f.Timeout, 10*time.Millisecond, 10*time.Minute),
		within("deadline", f.Deadline, time.Second, time.Hour),
		within("start-timeout", f.Start, time.Second, time.Hour),
		within("keep-alive", f.KeepAlive, 0, time.Hour),
	}
	if f.Attempts < 1 || f.Attempts > 100 {
		errs = append(errs, fmt.Errorf("--attempts: %d is not between 1 and 100", f.Attempts))
	}
	if f.NoInject && f.Deep == deepAlways {
		errs = append(errs, errors.New("--deep takes probes on nodes, and --no-inject allows none: leave one of them out"))
	}
	if f.NoInject && f.Outside {
		errs = append(errs, errors.New("--from-outside sends packets, and --no-inject allows none: leave one of them out"))
	}
	if f.Image == "" {
		errs = append(errs, errors.New("--image: an image is needed"))
	}
	for _, err := range errs {
		if err != nil {
			return err // one line: the first
		}
	}
	return nil
}
