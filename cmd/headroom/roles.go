package main

import (
	"time"

	"github.com/spf13/cobra"

	"headroom.dev/headroom/role"
)

const apartLong = `

The three roles together behave as headroom run does, on the same config file. They find each other through the
state directory and in any order; each goes on while another is away, and catches up when it returns.`

func newBalancerCommand(a *app) *cobra.Command {
	var drainLimit time.Duration
	cmd := &cobra.Command{
		Use:   "balancer",
		Short: "Run the balancer alone: it takes the traffic",
		Long:  `Run the balancer alone: it takes the traffic. Without a scaler it serves on with the backends it knew last.` + apartLong,
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.work(cmd.Context(), work{roles: role.Roles{Balancer: true}, drainLimit: drainLimit})
		},
	}
	addDrainLimitFlag(cmd, &drainLimit)
	return cmd
}

func newMonitorCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "monitor",
		Short: "Run the monitor alone: it keeps the measurements and raises alerts",
		Long:  `Run the monitor alone: it keeps the measurements, judges objectives and raises alerts.` + apartLong,
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.work(cmd.Context(), work{roles: role.Roles{Monitor: true}})
		},
	}
}

func newScalerCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "scaler",
		Short: "Run the scaler alone: it decides, starts and stops replicas, and has the API",
		Long: `Run the scaler alone: it decides how many replicas there are, starts and stops them, and has the API.
Ctrl-C stops the replicas, and the other roles, too; SIGTERM leaves them running.` + apartLong,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.work(cmd.Context(), work{roles: role.Roles{Scaler: true}})
		},
	}
}

// addDrainLimitFlag adds --drain-limit. Five minutes are enough for all but the largest downloads; who stays connected for longer, by a
// WebSocket, has to connect again now and then anyway.
func addDrainLimitFlag(cmd *cobra.Command, limit *time.Duration) {
	cmd.Flags().DurationVar(limit, "drain-limit", 5*time.Minute, "how long connections may last after an upgrade has replaced this process")
	must(cmd.RegisterFlagCompletionFunc("drain-limit", cobra.NoFileCompletions))
}
