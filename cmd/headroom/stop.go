package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"headroom.dev/headroom/api/client"
)

func newStopCommand(a *app) *cobra.Command {
	var noWait, dryRun bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "stop",
		Short: "Stop a running headroom and every replica that it started",
		Long: `Stop a running headroom and every replica that it started. Replicas get SIGTERM and their
stopGracePeriod. To stop headroom alone, and leave the replicas running for the next start to adopt,
send it SIGTERM instead.

The command ends when headroom no longer answers, or with exit code 3 after --timeout.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			remote, err := a.connect()
			if err != nil {
				return err
			}
			if err := remote.Stop(ctx, dryRun); err != nil {
				return err
			}
			if dryRun {
				return a.say("%sheadroom and its replicas would stop", dryRunPrefix(dryRun))
			}
			if noWait {
				return a.say("headroom is stopping")
			}
			var gone *client.UnreachableError
			deadline := a.now().Add(timeout)
			for a.now().Before(deadline) {
				if _, err := remote.Status(ctx, ""); errors.As(err, &gone) {
					return a.say("headroom has stopped")
				}
				if !a.tick(ctx, stopInterval) {
					return errors.New("interrupted; headroom goes on stopping")
				}
			}
			return &timeoutError{fmt.Sprintf("headroom still answers after %v; it goes on stopping", timeout)}
		},
	}
	cmd.Flags().BoolVar(&noWait, "no-wait", false, "do not wait until it has stopped")
	cmd.Flags().DurationVar(&timeout, "timeout", time.Minute, "how long to wait")
	must(cmd.RegisterFlagCompletionFunc("timeout", cobra.NoFileCompletions))
	addDryRunFlag(cmd, &dryRun)
	return cmd
}

// stopInterval is how often stop looks whether headroom is gone; an idle one is gone within a fraction of a second.
const stopInterval = 200 * time.Millisecond

// say prints a sentence for people; programs that read JSON or YAML have the exit code.
func (a *app) say(format string, args ...any) error {
	if a.flags.output != formatTable {
		return nil
	}
	_, err := fmt.Fprintf(a.out, format+"\n", args...)
	return err
}
