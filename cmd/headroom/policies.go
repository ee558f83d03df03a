package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"headroom.dev/headroom"
	"headroom.dev/headroom/api"
)

func newPoliciesCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "policies",
		Aliases: []string{"policy"},
		Short:   "List, add and change policies",
		Long: `List, add and change what decides beside the targets: thresholds, targets on any signal, steps, schedules,
concurrency, rules, formulas, and the metrics of a HorizontalPodAutoscaler. A shadow is computed and
shown, and decides nothing. What is added or changed here is kept over restarts. With --gate a change is
made only if a backtest of it is not worse than what is in force.`,
		Args: noSuchCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.listPolicies(cmd.Context(), "") },
	}
	cmd.AddCommand(newPoliciesListCommand(a), newPoliciesAddCommand(a), newPoliciesSetCommand(a), newPoliciesApplyCommand(a), newPoliciesRemoveCommand(a), newPoliciesImportCommand(a))
	return cmd
}

func newPoliciesListCommand(a *app) *cobra.Command {
	var service string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the policies",
		Args:  noArguments,
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.listPolicies(cmd.Context(), service) },
	}
	cmd.Flags().StringVar(&service, "service", "", "only of this `service`")
	must(cmd.RegisterFlagCompletionFunc("service", a.complete(serviceNames)))
	a.addWatchFlag(cmd)
	return cmd
}

func (a *app) listPolicies(ctx context.Context, service string) error {
	remote, err := a.connect()
	if err != nil {
		return err
	}
	return a.show(ctx, func(ctx context.Context) (any, func(io.Writer, style) error, error) {
		list, err := remote.Policies(ctx, service)
		if err != nil {
			return nil, nil, a.suggestService(ctx, remote, service, err)
		}
		return api.PolicyList{Policies: list}, func(w io.Writer, s style) error { return writePolicies(w, s, list) }, nil
	})
}

func newPoliciesAddCommand(a *app) *cobra.Command {
	var f policyFlags
	cmd := &cobra.Command{
		Use:   "add SERVICE [NAME] {--metric METRIC --threshold N | --file FILE}",
		Short: "Add a policy to a service",
		Long: `Add a policy to a service: a threshold by flags, a policy of any kind by a file, which is written as one of
scaling.policies in the config, with the same defaults. NAME may be in the file instead.`,
		Example:           "  headroom policies add shop cpu-scaling --metric cpu --threshold 70 --action scale-up --step 2\n  headroom policies add shop evenings --file evenings.yaml --shadow",
		Args:              arguments(1, 2),
		ValidArgsFunction: a.completeOne(serviceNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			policy := headroom.ScalingPolicy{Name: strings.Join(args[1:], "")}
			if policy.Name == "" && f.file == "" {
				return usagef(usageHint(cmd), "a policy needs a name")
			}
			if err := f.apply(a, cmd, &policy); err != nil {
				return err
			}
			gate, err := f.gate.demand(a, cmd, f.written)
			if err != nil {
				return err
			}
			remote, err := a.connect()
			if err != nil {
				return err
			}
			added, err := remote.CreatePolicy(cmd.Context(), args[0], policy, gate, f.dryRun)
			if err != nil {
				err = a.suggestService(cmd.Context(), remote, args[0], err)
			}
			return a.printChanged(added, f.dryRun, err)
		},
	}
	f.add(cmd)
	cmd.MarkFlagsOneRequired("metric", "file")
	cmd.MarkFlagsOneRequired("threshold", "file")
	return cmd
}

func newPoliciesRemoveCommand(a *app) *cobra.Command {
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "remove SERVICE.NAME",
		Short: "Remove a policy that was added here, or take back a change of one of the config file",
		Long: `Remove a policy that was added here. One of the config file that was changed here is again as the file
says; one that was not is removed in the file.`,
		Args:              arguments(1, 1),
		ValidArgsFunction: a.completeOne(policyIDs),
		RunE: func(cmd *cobra.Command, args []string) error {
			remote, err := a.connect()
			if err != nil {
				return err
			}
			if err := remote.RemovePolicy(cmd.Context(), args[0], dryRun); err != nil {
				return a.suggest(cmd.Context(), remote, policyIDs, args[0], err)
			}
			if a.flags.output != formatTable {
				return nil
			}
			_, err = fmt.Fprintf(a.out, "%s%s: removed, or as in the config file again\n", dryRunPrefix(dryRun), args[0])
			return err
		},
	}
	addDryRunFlag(cmd, &dryRun)
	return cmd
}

func newPoliciesSetCommand(a *app) *cobra.Command {
	var f policyFlags
	cmd := &cobra.Command{
		Use:               "set SERVICE.NAME [--metric METRIC] [--threshold N] [--action A] [--step N] [--shadow] [--file FILE]",
		Short:             "Change a policy; what is not given stays, but a file replaces all of it",
		Example:           "  headroom policies set shop.cpu-scaling --threshold 60\n  headroom policies set shop.evenings --shadow=false",
		Args:              arguments(1, 1),
		ValidArgsFunction: a.completeOne(policyIDs),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.setPolicy(cmd, args[0], f)
		},
	}
	f.add(cmd)
	cmd.MarkFlagsOneRequired("metric", "threshold", "action", "step", "shadow", "file")
	return cmd
}

// setPolicy reads the policy and writes it back with the changes.
func (a *app) setPolicy(cmd *cobra.Command, id string, f policyFlags) error {
	ctx := cmd.Context()
	remote, err := a.connect()
	if err != nil {
		return err
	}
	policies, err := remote.Policies(ctx, "")
	if err != nil {
		return err
	}
	var ids []string
	for _, policy := range policies {
		if policy.ID != id {
			ids = append(ids, policy.ID)
			continue
		}
		if err := f.apply(a, cmd, &policy.ScalingPolicy); err != nil {
			return err
		}
		gate, err := f.gate.demand(a, cmd, f.written)
		if err != nil {
			return err
		}
		changed, err := remote.UpdatePolicy(ctx, id, policy.ScalingPolicy, gate, f.dryRun)
		return a.printChanged(changed, f.dryRun, err)
	}
	return unknownName("policy", id, ids)
}

func writePolicies(w io.Writer, s style, policies []headroom.Policy) error {
	if len(policies) == 0 {
		_, err := fmt.Fprintln(w, "no policies; services scale on their targets (headroom status SERVICE shows them)")
		return err
	}
	t := newTable(s, "ID", "SERVICE", "KIND", "SOURCE", "WHAT IT DOES")
	for _, p := range policies {
		t.add(text(p.ID), text(p.Service), text(string(p.Kind())), text(string(p.Source)), text(p.Summary()))
	}
	return t.write(w)
}
