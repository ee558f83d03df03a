package api

import (
	"context"
	"errors"
	"strings"

	"headroom.dev/headroom"
)

// Try tries what a service would do with a policy, beside what it does now, as a gate demands. It is given policies that are valid beside the settings of
// the service. Errors are as of [Control]; a *headroom.InvalidError names fields of the gate as "gate.history".
type Try func(ctx context.Context, service string, policy headroom.ScalingPolicy, gate headroom.Gate) (Trial, error)

// Trial is what a backtest gave.
type Trial struct {
	Report headroom.GateReport
	// Current is what was in force, and has to be still when the change is made.
	Current headroom.Scaling
}

const aboutGate = "With gate it is tried on recorded load first, and refused (worse) where more requests would be outside the objective, or more replica-hours used, " +
	"than the gate allows. The answer has both results."

// gated makes a change of a policy. Where a gate is demanded, it is tried first: after it was found valid, and before anything is changed. What was in
// force then must be in force still, so that what is made is what was tried.
func (s *server) gated(ctx context.Context, gate *headroom.Gate, run func(headroom.Change) (headroom.Policy, error)) func(headroom.Change) (PolicyAnswer, error) {
	return func(change headroom.Change) (PolicyAnswer, error) {
		var answer PolicyAnswer
		if gate != nil {
			if err := errors.Join(gate.Validate("body.gate")...); err != nil {
				return answer, err
			}
			checked, err := run(headroom.Change{DryRun: true})
			if err != nil {
				return answer, err
			}
			if s.try == nil {
				return answer, ErrUnavailable
			}
			trial, err := s.try(ctx, checked.Service, checked.ScalingPolicy, *gate)
			if err != nil {
				return answer, err
			}
			if !trial.Report.Passed {
				return answer, worse(trial.Report)
			}
			answer.Gate, change.Expect = &trial.Report, &trial.Current
		}
		record := change.Also
		change.Also = func(result any) ([]headroom.Write, error) {
			policy, err := resultAs[headroom.Policy](result)
			if err != nil {
				return nil, err
			}
			return record(PolicyAnswer{policy, answer.Gate})
		}
		var err error
		answer.Policy, err = run(change)
		return answer, err
	}
}

// worse refuses a change with what the backtest gave.
func worse(report headroom.GateReport) *Problem {
	problem := newProblem("worse", strings.Join(report.Reasons, "; "))
	problem.Gate = &report
	return problem
}
