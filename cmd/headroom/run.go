package main

import (
	"time"

	"github.com/spf13/cobra"

	"headroom.dev/headroom/role"
)

func newRunCommand(a *app) *cobra.Command {
	var quiet, noLoad bool
	var drainLimit time.Duration
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Balance, watch and scale the services of the config file, in one process",
		Long: `Balance, watch and scale the services of the config file, in one process.

  Ctrl-C          stops headroom and every replica
  SIGTERM         stops headroom and leaves the replicas running for the next start to adopt
  SIGHUP          reads the config file again; so does a change of the file
  SIGUSR1         opens the access log anew, for logrotate
  SIGUSR2         hands over to the program that is now in its place; so does headroom upgrade
  headroom stop   stops headroom and every replica, from anywhere

On the terminal it tells what was measured, what was decided and why, and what was done.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.work(cmd.Context(), work{roles: role.All, story: !quiet, load: !noLoad, drainLimit: drainLimit})
		},
	}
	cmd.Flags().BoolVar(&quiet, "quiet", false, "do not tell the story on standard output")
	cmd.Flags().BoolVar(&noLoad, "no-load", false, "leave out the load: of the config file")
	addDrainLimitFlag(cmd, &drainLimit)
	return cmd
}
