package main

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"headroom.dev/headroom"
	"headroom.dev/headroom/api"
	"headroom.dev/headroom/api/client"
)

func newBackendsCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "backends",
		Short: "List, add, change, drain and remove backends",
		Long: `List, add, change, drain and remove backends: the addresses that get a service's requests.

Replicas that headroom starts are backends too; they come and go by themselves.`,
		Args: noSuchCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.listBackends(cmd.Context(), "") },
	}
	cmd.AddCommand(newBackendsListCommand(a), newBackendsAddCommand(a), newBackendsSetCommand(a), newBackendsDrainCommand(a), newBackendsUndrainCommand(a),
		newBackendsRemoveCommand(a))
	return cmd
}

func newBackendsListCommand(a *app) *cobra.Command {
	var service string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the backends and how each of them is",
		Args:  noArguments,
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.listBackends(cmd.Context(), service) },
	}
	cmd.Flags().StringVar(&service, "service", "", "only of this `service`")
	must(cmd.RegisterFlagCompletionFunc("service", a.complete(serviceNames)))
	a.addWatchFlag(cmd)
	return cmd
}

func (a *app) listBackends(ctx context.Context, service string) error {
	remote, err := a.connect()
	if err != nil {
		return err
	}
	return a.show(ctx, func(ctx context.Context) (any, func(io.Writer, style) error, error) {
		list, err := remote.Backends(ctx, service)
		if err != nil {
			return nil, nil, a.suggestService(ctx, remote, service, err)
		}
		return api.BackendList{Backends: list}, func(w io.Writer, s style) error { return writeBackends(w, s, list) }, nil
	})
}

func newBackendsAddCommand(a *app) *cobra.Command {
	weight, how := 1, client.Change{}
	var placement headroom.Placement
	cmd := &cobra.Command{
		Use:               "add SERVICE ADDRESS",
		Short:             "Add an address that someone else runs",
		Example:           "  headroom backends add shop 127.0.0.1:9001 --weight 2",
		Args:              arguments(2, 2),
		ValidArgsFunction: a.completeOne(serviceNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.changeBackend(cmd.Context(), how.DryRun, func(ctx context.Context, remote *client.Client) (headroom.Backend, error) {
				backend, err := remote.AddBackend(ctx, args[0], args[1], &weight, placement, how)
				return backend, a.suggestService(ctx, remote, args[0], err)
			})
		},
	}
	cmd.Flags().IntVar(&weight, "weight", 1, "share of the traffic relative to the other backends; 0 gets none")
	cmd.Flags().StringVar(&placement.Zone, "zone", "", "where it runs: balancers of the same zone ask it first")
	cmd.Flags().StringVar(&placement.Region, "region", "", "the larger place where it runs")
	cmd.Flags().IntVar(&placement.Priority, "priority", 0, "0 is asked first; backends of a higher one stand by")
	addChangeFlags(cmd, &how)
	return cmd
}

func newBackendsSetCommand(a *app) *cobra.Command {
	var weight int
	var state string
	var how client.Change
	states := []string{string(headroom.BackendActive), string(headroom.BackendDraining)}
	cmd := &cobra.Command{
		Use:               "set ID [--weight N] [--state active|draining]",
		Short:             "Change the weight or the state of a backend",
		Example:           "  headroom backends set shop-3 --weight 5",
		Args:              arguments(1, 1),
		ValidArgsFunction: a.completeOne(backendIDs),
		RunE: func(cmd *cobra.Command, args []string) error {
			var change headroom.BackendUpdate
			if cmd.Flags().Changed("weight") {
				change.Weight = &weight
			}
			if cmd.Flags().Changed("state") {
				if state != states[0] && state != states[1] {
					return usagef(didYouMean(state, states), "--state %s: expected active or draining", state)
				}
				wanted := headroom.BackendState(state)
				change.State = &wanted
			}
			return a.setBackend(cmd.Context(), args[0], change, how)
		},
	}
	cmd.Flags().IntVar(&weight, "weight", 1, "share of the traffic relative to the other backends; 0 gets none")
	cmd.Flags().StringVar(&state, "state", states[0], "active, or draining: finish what it has and get nothing new")
	cmd.MarkFlagsOneRequired("weight", "state")
	must(cmd.RegisterFlagCompletionFunc("state", cobra.FixedCompletions(states, cobra.ShellCompDirectiveNoFileComp)))
	addChangeFlags(cmd, &how)
	return cmd
}

func newBackendsDrainCommand(a *app) *cobra.Command {
	var how client.Change
	cmd := &cobra.Command{
		Use:               "drain ID",
		Short:             "Let a backend finish what it has and send it nothing new",
		Args:              arguments(1, 1),
		ValidArgsFunction: a.completeOne(backendIDs),
		RunE: func(cmd *cobra.Command, args []string) error {
			draining := headroom.BackendDraining
			return a.setBackend(cmd.Context(), args[0], headroom.BackendUpdate{State: &draining}, how)
		},
	}
	addChangeFlags(cmd, &how)
	return cmd
}

func newBackendsUndrainCommand(a *app) *cobra.Command {
	var how client.Change
	cmd := &cobra.Command{
		Use:               "undrain ID",
		Short:             "Send new requests to a backend again that was drained here",
		Args:              arguments(1, 1),
		ValidArgsFunction: a.completeOne(backendIDs),
		RunE: func(cmd *cobra.Command, args []string) error {
			active := headroom.BackendActive
			return a.setBackend(cmd.Context(), args[0], headroom.BackendUpdate{State: &active}, how)
		},
	}
	addChangeFlags(cmd, &how)
	return cmd
}

func newBackendsRemoveCommand(a *app) *cobra.Command {
	var how client.Change
	cmd := &cobra.Command{
		Use:               "remove ID",
		Short:             "Remove a backend that was added through the API, after it has been drained",
		Args:              arguments(1, 1),
		ValidArgsFunction: a.completeOne(backendIDs),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.removeBackend(cmd.Context(), args[0], how)
		},
	}
	addChangeFlags(cmd, &how)
	return cmd
}

func (a *app) setBackend(ctx context.Context, id string, change headroom.BackendUpdate, how client.Change) error {
	return a.changeBackend(ctx, how.DryRun, func(ctx context.Context, remote *client.Client) (headroom.Backend, error) {
		backend, err := remote.UpdateBackend(ctx, id, change, how)
		return backend, a.suggestBackend(ctx, remote, id, err)
	})
}

func (a *app) removeBackend(ctx context.Context, id string, how client.Change) error {
	remote, err := a.connect()
	if err != nil {
		return err
	}
	if err := remote.RemoveBackend(ctx, id, how); err != nil {
		return a.suggestBackend(ctx, remote, id, err)
	}
	if a.flags.output != formatTable {
		return nil // the API answers with nothing
	}
	_, err = fmt.Fprintf(a.out, "%s%s is drained and then removed\n", dryRunPrefix(how.DryRun), a.style().heading(id))
	return err
}

// changeBackend carries out one change and says how the backend is then.
func (a *app) changeBackend(ctx context.Context, dryRun bool, change func(context.Context, *client.Client) (headroom.Backend, error)) error {
	remote, err := a.connect()
	if err != nil {
		return err
	}
	backend, err := change(ctx, remote)
	if err != nil {
		return err
	}
	return a.print(a.out, backend, func(w io.Writer, s style) error {
		_, err := fmt.Fprintf(w, "%s%s of %s at %s: %s, weight %d\n", dryRunPrefix(dryRun), s.heading(backend.ID), backend.Service, backend.Address,
			s.byMood(string(backend.State)), backend.Weight)
		return err
	})
}

func writeBackends(w io.Writer, s style, backends []headroom.BackendStatus) error {
	if len(backends) == 0 {
		_, err := fmt.Fprintln(w, "no backends")
		return err
	}
	t := newTable(s, "ID", "SERVICE", "ADDRESS", ">WEIGHT", "STATE", "SOURCE", "HEALTH", "BREAKER", ">REQUESTS/S", ">IN FLIGHT", ">P95", "LAST FAILURE")
	for _, b := range backends {
		perSecond, inFlight := unknownText, unknownText
		if b.RequestsPerSecond != nil {
			perSecond = rateText(*b.RequestsPerSecond)
		}
		if b.InFlight != nil {
			inFlight = strconv.FormatInt(*b.InFlight, 10)
		}
		t.add(text(b.ID), text(b.Service), text(b.Address), number(strconv.Itoa(b.Weight)), t.mood(string(b.State)), text(string(b.Source)),
			t.mood(healthText(b)), t.mood(string(b.Breaker)), number(perSecond), number(inFlight), number(latencyText(b.LatencyP95)), text(b.LastFailure))
	}
	return t.write(w)
}

// addChangeFlags adds the flags of changes that may say why.
func addChangeFlags(cmd *cobra.Command, how *client.Change) {
	addDryRunFlag(cmd, &how.DryRun)
	cmd.Flags().StringVar(&how.Reason, "why", "", "the `reason`, for the audit log and the event")
}

func addDryRunFlag(cmd *cobra.Command, dryRun *bool) {
	cmd.Flags().BoolVar(dryRun, "dry-run", false, "check all and answer as if, but change nothing")
}

func dryRunPrefix(dryRun bool) string {
	if dryRun {
		return "dry run, nothing changed: "
	}
	return ""
}

// healthText is the health of a backend, or that it is ejected although checks find it healthy.
func healthText(b headroom.BackendStatus) string {
	if b.Ejected != "" && b.Health == headroom.HealthHealthy {
		return "ejected"
	}
	return string(b.Health)
}
