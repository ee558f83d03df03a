package main

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"headroom.dev/headroom"
	"headroom.dev/headroom/api"
	"headroom.dev/headroom/config"
)

// policyFlags are the flags that describe a policy: a threshold by itself, one of another kind by a file.
type policyFlags struct {
	metric, action string
	threshold      float64
	step           int
	file           string
	shadow, dryRun bool
	gate           gateFlags
	written        *headroom.Gate // that of the file
}

func (f *policyFlags) add(cmd *cobra.Command) {
	set := cmd.Flags()
	set.StringVar(&f.metric, "metric", "", "of a threshold: what is compared, per replica: "+strings.Join(metricNames(), ", "))
	set.Float64Var(&f.threshold, "threshold", 0, "of a threshold: `number` in the metric's unit: percent, requests, or milliseconds")
	set.StringVar(&f.action, "action", string(headroom.ActionScaleUp), "of a threshold: scale-up (above it) or scale-down (below it)")
	set.IntVar(&f.step, "step", 1, "of a threshold: how `many` replicas to add or remove at once")
	set.StringVarP(&f.file, "file", "f", "", "`file` with a policy of any kind, YAML or JSON; - is standard input")
	set.BoolVar(&f.shadow, "shadow", false, "it is computed and shown, and decides nothing")
	addDryRunFlag(cmd, &f.dryRun)
	f.gate.add(cmd)
	cmd.MarkFlagsMutuallyExclusive("file", "metric")
	cmd.MarkFlagsMutuallyExclusive("file", "threshold")
	cmd.MarkFlagsMutuallyExclusive("file", "action")
	cmd.MarkFlagsMutuallyExclusive("file", "step")
	must(cmd.MarkFlagFilename("file", "yaml", "yml", "json"))
	must(cmd.RegisterFlagCompletionFunc("metric", cobra.FixedCompletions(metricNames(), cobra.ShellCompDirectiveNoFileComp)))
	must(cmd.RegisterFlagCompletionFunc("action", cobra.FixedCompletions(actionNames(), cobra.ShellCompDirectiveNoFileComp)))
}

// apply writes what was given over a policy.
func (f *policyFlags) apply(a *app, cmd *cobra.Command, policy *headroom.ScalingPolicy) error {
	set := cmd.Flags()
	if set.Changed("file") {
		if err := f.read(a, policy); err != nil {
			return err
		}
	}
	if set.Changed("shadow") {
		policy.Shadow = f.shadow
	}
	if set.Changed("file") {
		return nil
	}
	if kind := policy.Kind(); kind != headroom.KindThreshold {
		for _, name := range []string{"metric", "threshold", "action", "step"} {
			if set.Changed(name) {
				return usagef("change it with --file", "--%s: %s is no threshold, but of kind %s", name, policy.Name, kind)
			}
		}
		return nil
	}
	return f.applyThreshold(set, policy)
}

// read replaces a policy by that of the file, but for its name.
func (f *policyFlags) read(a *app, policy *headroom.ScalingPolicy) error {
	name, text, err := a.readInput(f.file)
	if err != nil {
		return err
	}
	var written api.PolicyUpdate
	if err := config.Read(name, "", text, &written); err != nil {
		return err
	}
	if policy.Name == "" {
		policy.Name = written.Name
	}
	if written.Name != "" && written.Name != policy.Name {
		return usagef("leave the name out of the file", "%s: name: %s, and the policy is named %s", name, written.Name, policy.Name)
	}
	written.ScalingPolicy.Name = policy.Name
	*policy, f.written = written.ScalingPolicy, written.Gate
	return errors.Join(policy.Validate("")...)
}

func (f *policyFlags) applyThreshold(set *pflag.FlagSet, policy *headroom.ScalingPolicy) error {
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
	if set.Changed("metric") {
		if err := oneOf("--metric", string(policy.Metric), metricNames()); err != nil {
			return err
		}
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
