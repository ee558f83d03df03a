package hpa

import (
	"errors"
	"slices"
	"testing"
	"time"
)

func proposed(replicas ...int) []Proposed {
	all := make([]Proposed, len(replicas))
	for i, n := range replicas {
		all[i] = Proposed{Proposal: Proposal{Replicas: n}}
		if n == broken {
			all[i] = Proposed{Err: errors.New("no answer")}
		}
	}
	return all
}

const broken = -1000

var (
	cpuMetric   = Metric{Source: Resource, Name: "cpu", Type: Utilization, Target: 50}
	queueMetric = Metric{Source: External, Name: "queue", Type: AverageValue, Target: 100}
)

func TestStep(t *testing.T) {
	fast := &Behavior{ScaleUp: rules(RatePods, 900, time.Minute), ScaleDown: rules(RatePercent, 100, time.Minute)}
	slow := &Behavior{ScaleUp: fast.ScaleUp, ScaleDown: DefaultScaleDown(defaults)}
	both := []Metric{cpuMetric, queueMetric}
	asleep := State{ScaledToZero: true}
	for name, c := range map[string]struct {
		bounds    Bounds
		metrics   []Metric
		behavior  *Behavior
		proposals []Proposed
		current   int
		state     State
		want      int
		why       string
		active    Condition
		able      Reason
		limited   Condition
	}{
		"the largest proposal wins": {Bounds{1, 20}, both, fast, proposed(7, 9), 5, State{}, 9, "external metric queue above target",
			Condition{true, ReasonValidMetricFound}, ReasonReadyForNewScale, Condition{false, ReasonDesiredWithinRange}},
		"all below": {Bounds{1, 20}, both, fast, proposed(3, 2), 5, State{}, 3, "All metrics below target",
			Condition{true, ReasonValidMetricFound}, ReasonReadyForNewScale, Condition{false, ReasonDesiredWithinRange}},
		"a failed metric forbids a fall": {Bounds{1, 20}, both, fast, proposed(broken, 2), 5, State{}, 5, "",
			Condition{false, ReasonFailedGetResourceMetric}, ReasonSucceededGetScale, Condition{}},
		"a failed metric does not forbid a rise": {Bounds{1, 20}, both, fast, proposed(7, broken), 5, State{}, 7,
			"cpu resource utilization (percentage of request) above target",
			Condition{true, ReasonValidMetricFound}, ReasonReadyForNewScale, Condition{false, ReasonDesiredWithinRange}},
		"all failed": {Bounds{1, 20}, both, fast, proposed(broken, broken), 5, State{}, 5, "",
			Condition{false, ReasonFailedGetResourceMetric}, ReasonSucceededGetScale, Condition{}},
		"a metric that was not read failed": {Bounds{1, 20}, both, fast, proposed(2), 5, State{}, 5, "",
			Condition{false, ReasonFailedGetExternalMetric}, ReasonSucceededGetScale, Condition{}},
		"after a restart nothing falls at once": {Bounds{1, 20}, both, slow, proposed(2, 2), 5, State{}, 5, "All metrics below target",
			Condition{true, ReasonValidMetricFound}, ReasonScaleDownStabilized, Condition{false, ReasonDesiredWithinRange}},
		"above the maximum no metric is read": {Bounds{1, 20}, both, slow, proposed(broken, broken), 25, State{}, 20,
			"Current number of replicas above Spec.MaxReplicas", Condition{}, ReasonSucceededGetScale, Condition{}},
		"below the minimum no metric is read": {Bounds{3, 20}, both, slow, proposed(9, 9), 1, State{}, 3,
			"Current number of replicas below Spec.MinReplicas", Condition{}, ReasonSucceededGetScale, Condition{}},
		"what a person set to zero stays": {Bounds{1, 20}, both, slow, proposed(9, 9), 0, State{}, 0, "",
			Condition{false, ReasonScalingDisabled}, ReasonSucceededGetScale, Condition{}},
		"what it took to zero comes back": {Bounds{0, 20}, both, fast, proposed(broken, 3), 0, asleep, 3, "external metric queue above target",
			Condition{true, ReasonValidMetricFound}, ReasonReadyForNewScale, Condition{false, ReasonDesiredWithinRange}},
		"and stays while there is nothing": {Bounds{0, 20}, both, fast, proposed(broken, 0), 0, asleep, 0, "",
			Condition{true, ReasonValidMetricFound}, ReasonReadyForNewScale, Condition{false, ReasonDesiredWithinRange}},
		"and comes back for a raised minimum": {Bounds{2, 20}, both, fast, proposed(broken, 0), 0, asleep, 2,
			"Current number of replicas below Spec.MinReplicas",
			Condition{true, ReasonValidMetricFound}, ReasonReadyForNewScale, Condition{false, ReasonDesiredWithinRange}},
		"and asks its metrics for a raised minimum": {Bounds{2, 20}, []Metric{cpuMetric}, fast, proposed(broken), 0, asleep, 0, "",
			Condition{false, ReasonFailedGetResourceMetric}, ReasonSucceededGetScale, Condition{}},
		"and stays without a metric that exists without pods": {Bounds{0, 20}, []Metric{cpuMetric}, fast, proposed(3), 0, asleep, 0, "",
			Condition{false, ReasonScalingDisabled}, ReasonSucceededGetScale, Condition{}},
		"what no metric could wake is not remembered as asleep": {Bounds{0, 20}, []Metric{cpuMetric}, fast, proposed(0), 3, State{}, 0,
			"All metrics below target", Condition{true, ReasonValidMetricFound}, ReasonReadyForNewScale, Condition{false, ReasonDesiredWithinRange}},
		"negative proposals ask for none": {Bounds{0, 20}, both, fast, proposed(-3, -7), 5, State{}, 0, "All metrics below target",
			Condition{true, ReasonValidMetricFound}, ReasonReadyForNewScale, Condition{false, ReasonDesiredWithinRange}},
		"without behavior down to the minimum": {Bounds{3, 20}, both, nil, proposed(1, 1), 5, State{Highest: []Recommendation{{2, noon}}}, 3,
			"All metrics below target", Condition{true, ReasonValidMetricFound}, ReasonScaleDownStabilized, Condition{true, ReasonTooFewReplicas}},
		"without behavior up to the double": {Bounds{3, 20}, both, nil, proposed(50, 1), 5, State{}, 10,
			"cpu resource utilization (percentage of request) above target",
			Condition{true, ReasonValidMetricFound}, ReasonReadyForNewScale, Condition{true, ReasonScaleUpLimit}},
	} {
		controller := defaults
		if c.behavior == fast {
			controller.DownscaleStabilization = 0
		}
		spec := Spec{Bounds: c.bounds, Metrics: c.metrics, Behavior: c.behavior, Controller: controller}
		d, state := Step(spec, c.proposals, c.current, c.state, noon)
		if d.Replicas != c.want || d.Rescale != (c.want != c.current) || d.Why != c.why {
			t.Errorf("%s: %d, %t, %q; want %d, %q", name, d.Replicas, d.Rescale, d.Why, c.want, c.why)
		}
		if d.Active != c.active || d.Able.Reason != c.able || d.Limited != c.limited {
			t.Errorf("%s: %+v, %+v, %+v; want %+v, %s, %+v", name, d.Active, d.Able, d.Limited, c.active, c.able, c.limited)
		}
		external := slices.Contains(c.metrics, queueMetric)
		if asleep := d.Replicas == 0 && (c.current > 0 && external || c.state.ScaledToZero); state.ScaledToZero != asleep {
			t.Errorf("%s: scaled to zero is %t, want %t", name, state.ScaledToZero, asleep)
		}
		if c.behavior != nil && d.Rescale && len(state.ScaleUps)+len(state.ScaleDowns) != 1 {
			t.Errorf("%s: the change is not remembered: %+v", name, state)
		}
	}
}

func TestStepChangesNoStateThatItWasGiven(t *testing.T) {
	b := Behavior{ScaleUp: rules(RatePods, 4, time.Minute), ScaleDown: rules(RatePods, 4, time.Minute)}
	b.ScaleDown.StabilizationWindow = time.Minute
	spec := Spec{Bounds: wide(), Metrics: []Metric{queueMetric}, Behavior: &b, Controller: defaults}
	_, state := Step(spec, proposed(20), 10, State{}, noon)
	for second := range 200 {
		before, _ := Step(spec, proposed(second%7), 10, state, at(float64(second)))
		Step(spec, proposed(30), 10, state, at(float64(second))) // another future of the same past
		Step(spec, proposed(1), 10, state, at(float64(second)))
		after, next := Step(spec, proposed(second%7), 10, state, at(float64(second)))
		if before != after {
			t.Fatalf("second %d: %+v, then %+v", second, before, after)
		}
		state = next
	}
}

func TestOfNothingAndLessTheLaterStays(t *testing.T) {
	if c := Combine([]Metric{cpuMetric, queueMetric}, proposed(0, -5), 5); !c.Valid || c.Replicas != -5 || c.Deciding != 1 {
		t.Errorf("%+v, want -5 of the second", c)
	}
}

func TestTheErrorNamesTheMetricThatFailed(t *testing.T) {
	c := Combine([]Metric{cpuMetric, queueMetric}, proposed(3, broken), 5)
	if want := "1 of 2 metrics failed: external metric queue: no answer"; c.Err == nil || c.Err.Error() != want {
		t.Errorf("%v, want %s", c.Err, want)
	}
}
