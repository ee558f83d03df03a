package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"headroom.dev/headroom/role"
)

func newUpgradeCommand(a *app) *cobra.Command {
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "upgrade [role]",
		Short: "Replace the running headroom by the program that is now in its place",
		Long: `Replace the running headroom by the program that is now in its place, without a refused connection or a
failed request. It is found by the state directory of the config file; SIGUSR2 to it does the same.

It starts the program of the path it was started by itself, with the same arguments, and hands over the
sockets that it listens on. Once the new process has read the config file and has opened what it needs, it
takes over locks, state and replicas, and the traffic; the old one finishes the connections that it has,
for at most its --drain-limit. Where the new one fails, the old one goes on, and this command says why.

Where the roles run apart, those that run on this machine are upgraded one after the other, or the one that
is named.`,
		Args:      arguments(0, 1),
		ValidArgs: role.RoleNames(),
		RunE: func(cmd *cobra.Command, args []string) error {
			names := role.RoleNames()
			if len(args) == 1 && !slices.Contains(names, args[0]) {
				return usagef(didYouMean(args[0], names), "there is no role %q", args[0])
			}
			if len(args) == 1 {
				names = args
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			err := a.upgrade(ctx, names)
			if errors.Is(err, context.DeadlineExceeded) {
				return &timeoutError{fmt.Sprintf("the upgrade has not ended after %v; it goes on", timeout)}
			}
			return err
		},
	}
	cmd.Flags().DurationVar(&timeout, "timeout", 2*time.Minute, "how long to wait")
	must(cmd.RegisterFlagCompletionFunc("timeout", cobra.NoFileCompletions))
	return cmd
}

// upgrade has every process with one of these roles upgrade itself.
func (a *app) upgrade(ctx context.Context, names []string) error {
	loaded, err := a.loadConfig()
	if err != nil {
		return err
	}
	done := map[string]bool{}
	for _, name := range names {
		if done[name] {
			continue // it shares the process of one before
		}
		result, err := role.OrderUpgrade(ctx, loaded.Config.State.Dir, name)
		if errors.Is(err, role.ErrNotRunning) {
			continue
		}
		if err != nil {
			return fmt.Errorf("upgrade the %s: %w", name, err)
		}
		for _, other := range result.Roles {
			done[other] = true
		}
		if err := a.say("%s: process %d, headroom %s", strings.Join(result.Roles, ", "), result.PID, result.Version); err != nil {
			return err
		}
	}
	if len(done) == 0 {
		return &hintedError{fmt.Errorf("no headroom runs on the state in %s", loaded.Config.State.Dir), "headroom run starts one"}
	}
	return nil
}
