package main

import (
	"slices"

	"github.com/spf13/cobra"

	"headroom.dev/headroom"
	"headroom.dev/headroom/api"
)

func newPoliciesApplyCommand(a *app) *cobra.Command {
	var gate gateFlags
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "apply SERVICE FILE",
		Short: "Make the policy of a file, or change it to what the file says",
		Long: `Make the policy of a file, or change it to what the file says where the service has one of that name.
The file has one policy, as it is written in scaling.policies, YAML or JSON; - is standard input.

With --gate the policy is tried first, on the load that was measured in that time, beside what is in
force. If more requests would be outside the objective, or more replica-hours be used, than
--more-outside and --more-cost allow, nothing is changed and the exit code is 4: a gate for CI. With
--dry-run nothing is changed either way. The file may say the same in a block gate:.`,
		Example: `  headroom policies apply shop evenings.yaml
  headroom policies apply shop evenings.yaml --gate 7d --more-cost 5
  headroom policies apply shop evenings.yaml --gate-load black-friday.csv --capacity 95 --dry-run`,
		Args:              arguments(2, 2),
		ValidArgsFunction: a.completeOne(serviceNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.applyPolicy(cmd, args[0], policyFlags{file: args[1], gate: gate, dryRun: dryRun})
		},
	}
	gate.add(cmd)
	addDryRunFlag(cmd, &dryRun)
	return cmd
}

func (a *app) applyPolicy(cmd *cobra.Command, service string, f policyFlags) error {
	ctx := cmd.Context()
	var policy headroom.ScalingPolicy
	if err := f.read(a, &policy); err != nil {
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
	policies, err := remote.Policies(ctx, service)
	if err != nil {
		return a.suggestService(ctx, remote, service, err)
	}
	var answer api.PolicyAnswer
	if slices.ContainsFunc(policies, func(p headroom.Policy) bool { return p.Name == policy.Name }) {
		answer, err = remote.UpdatePolicy(ctx, service+"."+policy.Name, policy, gate, f.dryRun)
	} else {
		answer, err = remote.CreatePolicy(ctx, service, policy, gate, f.dryRun)
	}
	return a.printChanged(answer, f.dryRun, err)
}
