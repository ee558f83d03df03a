package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"headroom.dev/headroom/api/client"
	"headroom.dev/headroom/role"
)

func newStopCommand(a *app) *cobra.Command {
	var noWait, dryRun bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "stop",
		Short: "Stop headroom and every replica that it started",
		Long: `Stop headroom and every replica that it started. Replicas get SIGTERM and their stopGracePeriod.
To stop headroom alone, and leave the replicas running for the next start to adopt, send it SIGTERM
instead. Where headroom does not run, the replicas that it left running are stopped.

The command ends when headroom no longer answers, or with exit code 3 after --timeout.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			remote, err := a.connect()
			if err != nil {
				return err
			}
			var gone *client.UnreachableError
			if err := remote.Stop(ctx, dryRun); errors.As(err, &gone) && !dryRun {
				return a.stopLeft(ctx, gone, timeout)
			} else if err != nil {
				return err
			}
			if dryRun {
				return a.say("%sheadroom and its replicas would stop", dryRunPrefix(dryRun))
			}
			if noWait {
				return a.say("headroom is stopping")
			}
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

// stopLeft stops the replicas that a headroom which does not run any more left running. It does so only where the config
// file is that of the headroom which could not be reached.
func (a *app) stopLeft(ctx context.Context, gone *client.UnreachableError, timeout time.Duration) error {
	loaded, err := a.loadConfig()
	if err != nil || gone.Address != "http://"+dialable(loaded.Config.API.Listen) {
		return gone
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	left, err := role.StopLeft(ctx, loaded.Config.State.Dir, a.logger(loaded.Config.Log))
	switch {
	case err != nil:
		return fmt.Errorf("%w; its replicas could not be stopped: %w", gone, err)
	case left == 0:
		return gone
	default:
		return a.say("headroom did not run; the %s that it had left running have stopped", plural(left, "replica"))
	}
}

// say prints a sentence for people; programs that read JSON or YAML have the exit code.
func (a *app) say(format string, args ...any) error {
	if a.flags.output != formatTable {
		return nil
	}
	_, err := fmt.Fprintf(a.out, format+"\n", args...)
	return err
}
