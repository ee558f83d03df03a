package scaling

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/scaling/hpa"
	"headroom.dev/headroom/scaling/rule"
)

// Compiled is a policy that is ready to decide: its expressions and schedules have been read. It is immutable and safe for concurrent use.
type Compiled struct {
	policy    headroom.Scaling
	proposers []proposer
	sources   []string // Proposal.Source of each
	bounds    []bounds
	behavior  *hpa.Behavior
	location  *time.Location
	spared    bool
}

// proposer is one target or policy. The second result is true where too little is known to say that fewer would do.
type proposer interface {
	propose(s *situation) (headroom.Proposal, bool)
}

// compiler is made once: setting CEL up takes milliseconds.
var compiler = sync.OnceValues(rule.NewCompiler)

// Compile reads what users write in a policy: expressions, schedules, time zones. The error names every field that cannot be read. A Compiled comes back in any
// case: what cannot be read abstains, and nothing shrinks meanwhile.
func Compile(policy headroom.Scaling) (*Compiled, error) {
	c := &Compiled{policy: policy, location: time.UTC, spared: policy.Headroom != headroom.Spare{}}
	var errs []error
	broken := func(field string, err error) {
		errs = append(errs, &headroom.InvalidError{Field: field, Expected: err.Error()})
	}
	if policy.TimeZone != "" {
		zone, err := location(policy.TimeZone)
		if err != nil {
			broken("timeZone", err)
		}
		c.location = zone
	}
	c.targets()
	for i, p := range policy.Policies {
		at := fmt.Sprintf("policies[%d].%s", i, p.Kind())
		made, field, err := c.compile(p)
		if err != nil {
			broken(at+field, err)
			made = unreadable{p, err}
		}
		c.proposers, c.sources = append(c.proposers, made), append(c.sources, ofPolicy+p.Name)
	}
	for i, b := range policy.Schedule {
		w, field, err := c.window(b.Window)
		if err != nil {
			broken(fmt.Sprintf("schedule[%d].%s", i, field), err)
			continue
		}
		c.bounds = append(c.bounds, bounds{b, w})
	}
	for _, name := range slices.Sorted(maps.Keys(policy.Signals)) {
		from := policy.Signals[name]
		if from.Cron == nil {
			continue
		}
		if _, field, err := c.window(from.Cron.Window); err != nil {
			broken(fmt.Sprintf("signals.%s.cron.%s", name, field), err)
		}
	}
	c.behavior = behaviorOf(policy.Behavior, policy.Tolerance)
	return c, errors.Join(errs...)
}

// ofPolicy begins Proposal.Source of a policy.
const ofPolicy = "policy "

// PolicyOf is the name of the policy that made a proposal; a target has none.
func PolicyOf(p headroom.Proposal) (name string, made bool) {
	return strings.CutPrefix(p.Source, ofPolicy)
}

// Check says what Compile cannot read, with paths under the given one.
func Check(path string, policy headroom.Scaling) []error {
	_, err := Compile(policy)
	if err == nil {
		return nil
	}
	var errs []error
	for _, one := range err.(interface{ Unwrap() []error }).Unwrap() {
		if invalid := (*headroom.InvalidError)(nil); errors.As(one, &invalid) {
			invalid.Field = path + "." + invalid.Field
		}
		errs = append(errs, one)
	}
	return errs
}

// targets are the shorthands of Scaling, in the order of its fields.
func (c *Compiled) targets() {
	for _, t := range [...]target{
		{metric: headroom.MetricCPU, value: c.policy.TargetCPUUtilization},
		{metric: headroom.MetricMemory, value: c.policy.TargetMemoryUtilization},
		{metric: headroom.MetricRequestsPerSecond, value: c.policy.TargetRequestsPerSecond},
		{metric: headroom.MetricInFlight, value: c.policy.TargetInFlight},
		{metric: headroom.MetricLatency, value: float64(time.Duration(c.policy.TargetLatency)) / float64(time.Millisecond), proportional: true},
	} {
		if t.value > 0 && possible(t.value) {
			c.proposers, c.sources = append(c.proposers, t), append(c.sources, "target "+string(t.metric))
		}
	}
}

// compile reads one policy. The text is where in it the error is.
func (c *Compiled) compile(p headroom.ScalingPolicy) (proposer, string, error) {
	switch p.Kind() {
	case headroom.KindTarget:
		return c.withFallback(p, p.Target.Metric, targetOf(p)), "", nil
	case headroom.KindSteps:
		return c.withFallback(p, p.Steps.Metric, steps{p}), "", nil
	case headroom.KindSchedule:
		w, field, err := c.window(p.Schedule.Window)
		return scheduled{p, w}, "." + field, err
	case headroom.KindConcurrency:
		return concurrencyOf(p), "", nil
	case headroom.KindRule:
		return c.rule(p)
	case headroom.KindFormula:
		return c.formula(p)
	case headroom.KindKubernetes:
		return kubernetesOf(p, c.policy), "", nil
	default:
		return c.withFallback(p, p.Metric, threshold{p}), "", nil
	}
}

// unreadable is a policy that could not be compiled.
type unreadable struct {
	policy headroom.ScalingPolicy
	err    error
}

func (u unreadable) propose(*situation) (headroom.Proposal, bool) {
	return headroom.Proposal{Kind: u.policy.Kind(), Shadow: u.policy.Shadow,
		Note: fmt.Sprintf("the policy %s cannot be read: %v", u.policy.Name, u.err)}, true
}

type threshold struct{ policy headroom.ScalingPolicy }

func (t threshold) propose(s *situation) (headroom.Proposal, bool) { return s.threshold(&t.policy) }
