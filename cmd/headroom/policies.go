package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"headroom.dev/headroom"
	"headroom.dev/headroom/api"
)

func newPoliciesCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "policies",
		Short: "List, add and change threshold policies",
		Long: `List, add and change threshold policies: steps of so many replicas that are taken when a metric is
above (scale-up) or below (scale-down) a threshold. What is added or changed here is kept over restarts.`,
		Args: noSuchCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.listPolicies(cmd.Context(), "") },
	}
	cmd.AddCommand(newPoliciesListCommand(a), newPoliciesAddCommand(a), newPoliciesSetCommand(a))
	return cmd
}

func newPoliciesListCommand(a *app) *cobra.Command {
	var service string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the threshold policies",
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

// policyFlags are the flags that describe a threshold policy.
type policyFlags struct {
	metric, action string
	threshold      float64
	step           int
	dryRun         bool
}

func (f *policyFlags) add(cmd *cobra.Command) {
	set := cmd.Flags()
	set.StringVar(&f.metric, "metric", "", "what is compared, per replica: "+strings.Join(metricNames(), ", "))
	set.Float64Var(&f.threshold, "threshold", 0, "`number` in the metric's unit: percent, requests, or milliseconds")
	set.StringVar(&f.action, "action", string(headroom.ActionScaleUp), "scale-up (above the threshold) or scale-down (below it)")
	set.IntVar(&f.step, "step", 1, "how `many` replicas to add or remove at once")
	addDryRunFlag(cmd, &f.dryRun)
	must(cmd.RegisterFlagCompletionFunc("metric", cobra.FixedCompletions(metricNames(), cobra.ShellCompDirectiveNoFileComp)))
	must(cmd.RegisterFlagCompletionFunc("action", cobra.FixedCompletions(actionNames(), cobra.ShellCompDirectiveNoFileComp)))
}

// apply writes the flags that were given over a policy.
func (f *policyFlags) apply(cmd *cobra.Command, policy *headroom.ScalingPolicy) error {
	set := cmd.Flags()
	if set.Changed("metric") {
		policy.Metric = headroom.Metric(f.metric)
	}
	if set.Changed("threshold") {
		policy.Threshold = f.threshold
	}
	if set.Changed("action") || policy.Action == "" {
		policy.Action = headroom.ThresholdAction(f.action)
	}
	if set.Changed("step") || policy.Step == 0 {
		policy.Step = f.step
	}
	if err := oneOf("--metric", string(policy.Metric), metricNames()); err != nil {
		return err
	}
	return oneOf("--action", string(policy.Action), actionNames())
}

func oneOf(flag, value string, allowed []string) error {
	for _, name := range allowed {
		if value == name {
			return nil
		}
	}
	return usagef(didYouMean(value, allowed), "%s %s: expected one of %s", flag, value, strings.Join(allowed, ", "))
}

func metricNames() []string {
	var names []string
	for _, metric := range headroom.Metrics() {
		names = append(names, string(metric))
	}
	return names
}

func actionNames() []string {
	return []string{string(headroom.ActionScaleUp), string(headroom.ActionScaleDown)}
}

func newPoliciesAddCommand(a *app) *cobra.Command {
	var f policyFlags
	cmd := &cobra.Command{
		Use:               "add SERVICE NAME --metric METRIC --threshold N",
		Short:             "Add a threshold policy to a service",
		Example:           "  headroom policies add shop cpu-scaling --metric cpu --threshold 70 --action scale-up --step 2",
		Args:              arguments(2, 2),
		ValidArgsFunction: a.completeOne(serviceNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			policy := headroom.ScalingPolicy{Name: args[1]}
			if err := f.apply(cmd, &policy); err != nil {
				return err
			}
			remote, err := a.connect()
			if err != nil {
				return err
			}
			added, err := remote.CreatePolicy(cmd.Context(), args[0], policy, f.dryRun)
			if err != nil {
				return a.suggestService(cmd.Context(), remote, args[0], err)
			}
			return a.printPolicy(added, f.dryRun)
		},
	}
	f.add(cmd)
	must(cmd.MarkFlagRequired("metric"))
	must(cmd.MarkFlagRequired("threshold"))
	return cmd
}

func newPoliciesSetCommand(a *app) *cobra.Command {
	var f policyFlags
	cmd := &cobra.Command{
		Use:               "set SERVICE.NAME [--metric METRIC] [--threshold N] [--action A] [--step N]",
		Short:             "Change a threshold policy; what is not given stays",
		Example:           "  headroom policies set shop.cpu-scaling --threshold 60",
		Args:              arguments(1, 1),
		ValidArgsFunction: a.completeOne(policyIDs),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.setPolicy(cmd, args[0], f)
		},
	}
	f.add(cmd)
	cmd.MarkFlagsOneRequired("metric", "threshold", "action", "step")
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
		if err := f.apply(cmd, &policy.ScalingPolicy); err != nil {
			return err
		}
		changed, err := remote.UpdatePolicy(ctx, id, policy.ScalingPolicy, f.dryRun)
		if err != nil {
			return err
		}
		return a.printPolicy(changed, f.dryRun)
	}
	return unknownName("policy", id, ids)
}

func (a *app) printPolicy(policy headroom.Policy, dryRun bool) error {
	return a.print(a.out, policy, func(w io.Writer, s style) error {
		_, err := fmt.Fprintf(w, "%s%s: %s\n", dryRunPrefix(dryRun), s.heading(policy.ID), policySentence(policy))
		return err
	})
}

func policySentence(p headroom.Policy) string {
	where, doing := "above", "add"
	if p.Action == headroom.ActionScaleDown {
		where, doing = "below", "remove"
	}
	return fmt.Sprintf("%s %s while %s is %s %s", doing, plural(p.Step, "replica"), p.Metric, where, amountText(p.Threshold, p.Metric))
}

func writePolicies(w io.Writer, s style, policies []headroom.Policy) error {
	if len(policies) == 0 {
		_, err := fmt.Fprintln(w, "no threshold policies; services scale on their targets (headroom status SERVICE shows them)")
		return err
	}
	t := newTable(s, "ID", "SERVICE", "METRIC", ">THRESHOLD", "ACTION", ">STEP", "SOURCE")
	for _, p := range policies {
		t.add(text(p.ID), text(p.Service), text(string(p.Metric)), number(amountText(p.Threshold, p.Metric)),
			text(string(p.Action)), number(strconv.Itoa(p.Step)), text(string(p.Source)))
	}
	return t.write(w)
}
