package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/netlook/kubectl-netlook/pkg/cluster"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/inject"
	"github.com/netlook/kubectl-netlook/pkg/target"
	"github.com/netlook/kubectl-netlook/pkg/version"
)

// shellFlags are what was typed after `shell`.
type shellFlags struct {
	Profile     string
	Image       string
	PullPolicy  string
	PullSecrets []string
	Namespace   string // of a node's pod
	Start       time.Duration
	Lifetime    time.Duration
	Stdin       bool
}

func (a *app) shellCommand() *cobra.Command {
	var flags shellFlags
	cmd := &cobra.Command{
		Use:   "shell POD|node/NAME [-- COMMAND ARGUMENT ...]",
		Short: "Open a shell with network tools beside a pod, or on a node's network",
		Long: longText(`
			Open a shell with network tools - ip, ss, dig, curl, tcpdump, mtr, nft, conntrack,
			iperf3 and more; 'tools' lists them - in the network of a pod or of a node, or run
			one command there.

			Beside a pod it is an ephemeral container as the probe is, without any privileges
			unless --profile says so; it sees the pod's network, not its files or processes.
			The container ends with the shell, and stays in the pod's list of containers. On a
			node it is a pod, which is deleted at the end. What nobody leaves ends after
			--lifetime.

			It takes the same rights as the commands pod and node: see 'kubectl netlook rbac'.

			Exit status: that of the command or the shell; 2 where it could not be started.`),
		Example: templates.Examples(`
			# A shell in the network of that pod
			kubectl netlook shell web-0

			# One command, with the capability that it needs
			kubectl netlook shell web-0 --profile netraw -- tcpdump -ni eth0 -c 10 port 80

			# What is typed elsewhere is run there
			kubectl netlook shell web-0 < commands.sh

			# On a node's network; its pod is made in kube-system
			kubectl netlook shell node/w1 --probe-namespace kube-system`),
		Args: onePlaceAndCommand,
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := a.connect(a.kube)
			if err != nil {
				return err
			}
			v, err := shellPlace(args[0], b.Namespace(), *a.kube.Namespace, flags.Namespace)
			if err != nil {
				return usagef(cmd, "%w", err)
			}
			if err := flags.validate(v.kind); err != nil {
				return usagef(cmd, "%w", err)
			}
			s := &shellRun{diagnosis: &diagnosis{seams: a.seams, backend: b, vantage: v}, flags: flags, command: args[1:]}
			return s.Run(cmd.Context())
		},
	}
	image := cmp.Or(a.getenv("NETLOOK_TOOLBOX_IMAGE"), version.ToolboxImage)
	fl := cmd.Flags()
	fl.StringVar(&flags.Profile, "profile", "", "security `PROFILE`: restricted (default), netraw, netadmin; on a node: node (default), netraw, netadmin")
	fl.BoolVarP(&flags.Stdin, "stdin", "i", false, "pass stdin to COMMAND also where it is no terminal (a shell always gets it)")
	fl.StringVar(&flags.Image, "image", image, "toolbox `IMAGE` (also $NETLOOK_TOOLBOX_IMAGE)")
	fl.StringVar(&flags.PullPolicy, "image-pull-policy", "IfNotPresent", "`POLICY`: one of "+strings.Join(pullPolicies, ", "))
	fl.StringArrayVar(&flags.PullSecrets, "image-pull-secret", nil, "`SECRET` to pull the image with, for a node's pod (repeatable); beside a pod that pod's own are used")
	fl.StringVar(&flags.Namespace, "probe-namespace", "", "`NAMESPACE` of a node's pod (default: that of the context or -n)")
	fl.DurationVar(&flags.Start, "start-timeout", 60*time.Second, "how long it may take to start")
	fl.DurationVar(&flags.Lifetime, "lifetime", inject.DefaultShellLifetime, "end it after this time, whoever is there")
	_ = fl.SetAnnotation("image", defaultAnnotation, []string{version.ToolboxImage})
	complete(cmd, "profile", profiles...)
	complete(cmd, "image-pull-policy", pullPolicies...)
	cmd.ValidArgsFunction = a.completePlace
	return cmd
}

// onePlaceAndCommand wants one argument before --, and takes what is behind it.
func onePlaceAndCommand(cmd *cobra.Command, args []string) error {
	before := cmd.ArgsLenAtDash()
	if before < 0 {
		before = len(args)
	}
	switch {
	case before == 0:
		return usagef(cmd, "name a pod, or node/NAME")
	case before > 1:
		return usagef(cmd, "write -- before the command: %s -- %s", args[0], strings.Join(args[1:], " "))
	case cmd.ArgsLenAtDash() == len(args):
		return usagef(cmd, "a command is missing behind --")
	}
	return nil
}

// shellPlace reads NAME, pod/NAME, pod/NAMESPACE/NAME and node/NAME.
func shellPlace(arg, namespace, asked, probeNamespace string) (vantage, error) {
	if kind, _, named := strings.Cut(arg, "/"); named && slices.Contains([]string{"node", "nodes", "no"}, kind) {
		t, err := ofKind(arg, target.Node)
		return vantage{kind: facts.VantageNode, namespace: cmp.Or(probeNamespace, namespace), name: t.Name}, err
	}
	if t, err := target.Parse(arg); strings.Contains(arg, "/") && err == nil && t.Kind != target.Pod {
		return vantage{}, fmt.Errorf("%s is a %s: a shell is opened beside a pod, or on node/NAME", arg, t.Kind)
	}
	return podVantage(arg, namespace, asked)
}

func (f *shellFlags) validate(kind facts.VantageKind) error {
	known, first := inject.PodProfiles(), inject.Restricted
	if kind == facts.VantageNode {
		known, first = inject.NodeProfiles(), inject.NodeBasic
	}
	f.Profile = cmp.Or(f.Profile, first)
	switch {
	case !slices.Contains(known, f.Profile):
		return fmt.Errorf("--profile: no %q here; there are: %s", f.Profile, strings.Join(known, ", "))
	case !slices.Contains(pullPolicies, f.PullPolicy):
		return fmt.Errorf("--image-pull-policy: no %q; there are: %s", f.PullPolicy, strings.Join(pullPolicies, ", "))
	case f.Image == "":
		return errors.New("--image: an image is needed")
	case len(f.PullSecrets) > 0 && kind != facts.VantageNode:
		return errors.New("--image-pull-secret: an ephemeral container can only use the pull secrets of its pod; this flag is for node/NAME")
	case f.Start < time.Second || f.Start > time.Hour:
		return fmt.Errorf("--start-timeout: %s is not between 1s and 1h0m0s", f.Start)
	case f.Lifetime < time.Second || f.Lifetime > 24*time.Hour:
		return fmt.Errorf("--lifetime: %s is not between 1s and 24h0m0s", f.Lifetime)
	}
	return nil
}

// shellRun is one run of `shell`. Of the diagnosis it takes how a vantage point is read
// and what right is missing there.
type shellRun struct {
	*diagnosis
	flags   shellFlags
	command []string
	screen  *screen
	left    bool // a node's pod was made and not removed
}

// Run opens the shell and returns when it has ended; the error carries its status.
func (s *shellRun) Run(ctx context.Context) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	s.screen = newScreen(s.seams)
	defer s.screen.restore()
	defer context.AfterFunc(ctx, s.screen.restore)()
	s.bar = startProgress(s.seams, false)
	defer s.bar.stop()
	s.bar.say("waiting for the toolbox on %s", s.vantage.host())
	if s.screen == nil && len(s.command) == 0 && s.columns(s.Out) == 0 && isTerminal(s.In) {
		fmt.Fprintln(s.ErrOut, "stdout is no terminal, so there is no prompt: type commands, and Ctrl-D at the end")
	}
	end, err := s.backend.Shell(ctx, s.vantage, inject.ShellOptions{
		Options: inject.Options{
			Image: s.flags.Image, PullPolicy: s.flags.PullPolicy, PullSecrets: s.flags.PullSecrets, Profile: s.flags.Profile,
			Timeout: s.flags.Start, Lifetime: s.flags.Lifetime, Events: s.event,
		},
		Command: s.command, TTY: s.screen != nil, Term: s.getenv("TERM"), Sizes: s.screen.sizes(),
		Stdin: s.flags.Stdin || len(s.command) == 0, In: s.In, Out: s.Out, ErrOut: s.ErrOut,
	})
	s.screen.restore()
	s.bar.stop()
	s.farewell(end, err)
	switch {
	case ctx.Err() != nil && s.left && err != nil:
		return fmt.Errorf("interrupted: %w", err)
	case ctx.Err() != nil:
		return errors.New("interrupted")
	case errors.Is(err, inject.ErrNotAllowed):
		return s.unlockable(ctx, err.Error())
	case err != nil:
		return err
	case end.Status != 0:
		return statusError{code: end.Status}
	}
	return nil
}

// ready refuses what cannot work before anything is put anywhere.
func (s *shellRun) ready(ctx context.Context) error {
	if err := s.read(ctx); err != nil {
		return err
	}
	var unfit error
	if s.vantage.kind == facts.VantageNode {
		unfit = cluster.CheckNodeVantage(s.vantage.node)
	} else {
		unfit = cluster.CheckPodVantage(s.vantage.pod, s.vantage.node)
	}
	if unfit != nil {
		return unfit
	}
	if refused := s.refusal(ctx); refused != "" {
		return s.unlockable(ctx, refused)
	}
	return nil
}

// unlockable is the error for a right that is missing, with the role that has it.
func (s *shellRun) unlockable(ctx context.Context, why string) error {
	who, command := s.unlock(ctx, s.purpose(), s.vantage.namespace)
	return fmt.Errorf("%s%s; an admin unlocks it with: %s", why, who, command)
}

// event hears of what happens to the toolbox.
func (s *shellRun) event(e inject.Event) {
	switch e.Kind {
	case inject.EventStarted:
		s.bar.stop()
		s.screen.raw()
		return
	case inject.EventInject:
		s.placed, s.left = e.Text, s.vantage.kind == facts.VantageNode
	case inject.EventRemoved:
		s.placed, s.left = e.Text, false
		return
	}
	s.bar.say("%s", e.Text)
}

// farewell says what remains.
func (s *shellRun) farewell(end inject.ShellEnd, err error) {
	if end.Expired {
		fmt.Fprintf(s.ErrOut, "the lifetime of the toolbox has ended (--lifetime %s)\n", s.flags.Lifetime)
	}
	if end.Killed != "" {
		fmt.Fprintln(s.ErrOut, "it was killed "+end.Killed)
	}
	if more := profileFor(s.command, s.flags.Profile); end.Status != 0 && !end.Expired && more != "" {
		fmt.Fprintf(s.ErrOut, "%s may need --profile %s; this was %s\n", path.Base(s.command[0]), more, s.flags.Profile)
	}
	switch {
	case s.placed == "":
	case s.left:
		fmt.Fprintf(s.ErrOut, "the toolbox's %s; it is still there: kubectl netlook cleanup -n %s --shells\n", s.placed, s.vantage.namespace)
	case s.vantage.kind == facts.VantageNode:
		fmt.Fprintln(s.ErrOut, "the toolbox's "+s.placed)
	case end.Container == "":
		fmt.Fprintln(s.ErrOut, "the toolbox's "+s.placed)
	case errors.Is(err, inject.ErrImage):
		fmt.Fprintf(s.ErrOut, "the toolbox container %s waits for its image until %s goes: none can be removed from a pod\n", end.Container, s.vantage)
	default:
		fmt.Fprintf(s.ErrOut, "the toolbox container %s ends, and stays in the list of containers of %s, from which none can be removed\n", end.Container, s.vantage)
	}
}
