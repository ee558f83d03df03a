package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"headroom.dev/headroom"
	"headroom.dev/headroom/api/client"
)

// scaleFlags are the flags of headroom scale.
type scaleFlags struct {
	hold    string
	reason  string
	dryRun  bool
	wait    bool
	timeout time.Duration
}

func newScaleCommand(a *app) *cobra.Command {
	var f scaleFlags
	cmd := &cobra.Command{
		Use:   "scale SERVICE REPLICAS",
		Short: "Set the number of replicas for a while, over the policies",
		Long: `Set the number of replicas for a while, over the policies. After --for the policies decide again.

The number must be between the service's minReplicas and maxReplicas. With --wait the command ends
when so many replicas are ready, or with exit code 3 after --timeout.`,
		Example:           `  headroom scale shop 5 --for 10m --reason "sale starts at noon" --wait`,
		Args:              arguments(2, 2),
		ValidArgsFunction: a.completeOne(serviceNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.scale(cmd, args, f)
		},
	}
	set := cmd.Flags()
	set.StringVar(&f.hold, "for", "", "`time` for which the number overrides the policies, such as 10m (default scaleDownCooldown of the service)")
	set.StringVar(&f.reason, "reason", "", "`text` that is kept with the decision")
	set.BoolVar(&f.wait, "wait", false, "wait until so many replicas are ready")
	set.DurationVar(&f.timeout, "timeout", 2*time.Minute, "how long to wait")
	addDryRunFlag(cmd, &f.dryRun)
	for _, name := range []string{"for", "reason", "timeout"} {
		must(cmd.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions))
	}
	return cmd
}

func (a *app) scale(cmd *cobra.Command, args []string, f scaleFlags) error {
	order := headroom.ScaleOrder{Service: args[0], Reason: f.reason}
	var err error
	if order.Replicas, err = strconv.Atoi(args[1]); err != nil || order.Replicas < 0 {
		return usagef(usageHint(cmd), "%q is not a number of replicas: expected 0 or more", args[1])
	}
	if f.hold != "" {
		if order.For, err = headroom.ParseDuration(f.hold); err != nil {
			return usagef(usageHint(cmd), "--for: %s", err)
		}
	}
	remote, err := a.connect()
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	decision, err := remote.Scale(ctx, order, f.dryRun)
	if err != nil {
		return a.suggestService(ctx, remote, order.Service, err)
	}
	if f.wait && !f.dryRun {
		if err := a.waitForReplicas(ctx, remote, order, f.timeout); err != nil {
			return err
		}
	}
	return a.print(a.out, decision, func(w io.Writer, s style) error {
		_, err := fmt.Fprintln(w, dryRunPrefix(f.dryRun)+scaleSentence(s, a.now(), decision, f.wait && !f.dryRun))
		return err
	})
}

func scaleSentence(s style, now time.Time, d headroom.Decision, ready bool) string {
	sentence := fmt.Sprintf("%s: %s wanted, from %d", s.heading(d.Service), plural(d.To, "replica"), d.From)
	if ready {
		sentence += ", all ready"
	}
	if m := d.Observation.Manual; m != nil {
		sentence += ", held until " + clockText(now, m.Until)
	}
	return sentence
}

// waitForReplicas looks each second until the ordered number is ready, and neither more nor fewer.
func (a *app) waitForReplicas(ctx context.Context, remote *client.Client, order headroom.ScaleOrder, timeout time.Duration) error {
	deadline := a.now().Add(timeout)
	for {
		services, err := remote.Status(ctx, "")
		if err != nil {
			return err
		}
		status, err := findService(services, order.Service)
		if err != nil {
			return err
		}
		if settled(status, order.Replicas) {
			return nil
		}
		if m := status.Manual; m != nil && m.Replicas != order.Replicas {
			return fmt.Errorf("%s was meanwhile ordered to have %s%s", order.Service, plural(m.Replicas, "replica"), by(m.By))
		}
		if !a.now().Before(deadline) {
			return &timeoutError{fmt.Sprintf("%s has %s of %s ready after %v; the order stands", order.Service, countText(status.ReadyReplicas), plural(order.Replicas, "replica"), timeout)}
		}
		if !a.tick(ctx, watchInterval) {
			return fmt.Errorf("interrupted while waiting for %s; the order stands", order.Service)
		}
	}
}

func settled(status headroom.ServiceStatus, replicas int) bool {
	return status.ReadyReplicas != nil && *status.ReadyReplicas == replicas && len(status.Operations) == 0
}
