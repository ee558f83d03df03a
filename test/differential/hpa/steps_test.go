package hpa

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	autoscaling "k8s.io/api/autoscaling/v2"

	"headroom.dev/headroom/scaling/hpa"
)

const stepsPerSequence = 100

// TestRandomStepsDecideAsTheControllerDoes drives the controller itself, clock and all.
func TestRandomStepsDecideAsTheControllerDoes(t *testing.T) {
	sequences := (*cases + stepsPerSequence - 1) / stepsPerSequence
	t.Logf("-seed %d -cases %d: %d sequences of %d steps", *seed, *cases, sequences, stepsPerSequence)
	seen := map[hpa.Reason]int{}
	rescales := 0
	for number := range sequences {
		if *only >= 0 && number != uint64(*only) {
			continue
		}
		synctest.Test(t, func(t *testing.T) {
			s := newSequence(number)
			defer s.theirs.stop()
			for step := range stepsPerSequence {
				d := s.step(t)
				if t.Failed() {
					t.Fatalf("-seed %d -only %d, step %d: %+v", *seed, number, step, s.spec)
				}
				seen[d.Able.Reason]++
				seen[d.Active.Reason]++
				seen[d.Limited.Reason]++
				if d.Rescale {
					rescales++
				}
			}
		})
		if t.Failed() {
			return
		}
	}
	t.Logf("%d changes, reasons: %v", rescales, seen)
	if *only >= 0 || *cases < 10_000 {
		return
	}
	for _, reason := range []hpa.Reason{
		hpa.ReasonSucceededGetScale, hpa.ReasonReadyForNewScale, hpa.ReasonScaleUpStabilized, hpa.ReasonScaleDownStabilized,
		hpa.ReasonScalingDisabled, hpa.ReasonValidMetricFound, hpa.ReasonFailedGetResourceMetric, hpa.ReasonFailedGetContainerResourceMetric,
		hpa.ReasonFailedGetPodsMetric, hpa.ReasonFailedGetObjectMetric, hpa.ReasonFailedGetExternalMetric, hpa.ReasonDesiredWithinRange,
		hpa.ReasonScaleUpLimit, hpa.ReasonScaleDownLimit, hpa.ReasonTooManyReplicas, hpa.ReasonTooFewReplicas,
	} {
		if seen[reason] == 0 {
			t.Errorf("%s was never reached", reason)
		}
	}
}

// sequence is one autoscaler, here and in Kubernetes, over time.
type sequence struct {
	random
	spec     hpa.Spec
	state    hpa.State
	theirs   *controller
	wanted   int
	interval time.Duration // about how long between steps
	last     [3]hpa.Condition
}

func newSequence(number uint64) *sequence {
	r := newRandom(*seed, number)
	s := &sequence{random: r, spec: r.spec(), wanted: r.IntN(12), interval: r.seconds(1, 5, 15, 15, 60)}
	s.theirs = start(s.spec.Controller)
	return s
}

// step lets both sides decide once, and compares all that they say.
func (s *sequence) step(t *testing.T) hpa.Decision {
	t.Helper()
	time.Sleep(s.pause())
	s.adjust()
	now := time.Now()
	w := s.world(s.spec.Metrics, s.spec.Controller, now)
	s.steer(w)

	proposals := make([]hpa.Proposed, len(s.spec.Metrics))
	for i, m := range s.spec.Metrics {
		proposals[i] = w.propose(m, s.spec.Tolerance(), s.spec.Controller, now)
	}
	d, next := hpa.Step(s.spec, proposals, s.wanted, s.state, now)

	s.theirs.refuse = s.chance(3)
	s.theirs.reconcile(t, w, kubernetesSpec(s.spec))
	s.compare(t, d, next)
	if s.theirs.refuse {
		// As the comment of Step says: the recommendation stays, the change did not happen.
		next.ScaleUps, next.ScaleDowns, next.ScaledToZero = s.state.ScaleUps, s.state.ScaleDowns, s.state.ScaledToZero
	} else {
		s.wanted = d.Replicas
	}
	s.state = next
	return d
}

func (s *sequence) compare(t *testing.T, d hpa.Decision, next hpa.State) {
	t.Helper()
	if theirs := s.theirs.replicas; (theirs != nil) != d.Rescale || (theirs != nil && *theirs != d.Replicas) {
		t.Errorf("from %d: ours %+v, theirs %v; state %+v", s.wanted, d, show(theirs), s.state)
		return
	}
	able := d.Able
	switch {
	case d.Rescale && s.theirs.refuse:
		able = hpa.Condition{Reason: "FailedUpdateScale"}
	case d.Rescale:
		able.Reason = "SucceededRescale"
		if !s.sameReason(d, s.theirs.why) {
			t.Errorf("ours because %q, theirs because %q", d.Why, s.theirs.why)
		}
		if asleep := s.theirs.condition(autoscaling.ScaledToZero).Status; asleep != next.ScaledToZero {
			t.Errorf("scaled to zero: ours %t, theirs %t", next.ScaledToZero, asleep)
		}
	}
	ours := [3]hpa.Condition{able, d.Active, d.Limited}
	for i, kind := range []autoscaling.HorizontalPodAutoscalerConditionType{
		autoscaling.AbleToScale, autoscaling.ScalingActive, autoscaling.ScalingLimited,
	} {
		if ours[i] == (hpa.Condition{}) {
			ours[i] = s.last[i]
		}
		if theirs := s.theirs.condition(kind); theirs != ours[i] {
			t.Errorf("%s: ours %+v, theirs %+v; %+v", kind, ours[i], theirs, d)
		}
	}
	s.last = ours
}

// sameReason compares reasons without the labels of metrics, and without the kind of an object: Kubernetes calls an AverageValue of an
// object external.
func (s *sequence) sameReason(d hpa.Decision, theirs string) bool {
	if d.Deciding < 0 || !strings.HasSuffix(d.Why, " above target") || isPerPod(s.spec.Metrics[d.Deciding]) {
		return d.Why == theirs
	}
	metric := s.spec.Metrics[d.Deciding].Name
	return strings.HasSuffix(theirs, " above target") && strings.Contains(theirs, "metric "+metric) && strings.Contains(d.Why, "metric "+metric)
}

func show(replicas *int) string {
	if replicas == nil {
		return "no change"
	}
	return fmt.Sprint(*replicas)
}

// TestDefaultRulesAreThoseOfTheAPIServer compares what is filled in where a behavior leaves something out.
func TestDefaultRulesAreThoseOfTheAPIServer(t *testing.T) {
	for window := range 3 {
		c := hpa.DefaultController()
		c.DownscaleStabilization = time.Duration(window) * 1500 * time.Millisecond
		theirs := kubernetesDefaults(autoscaling.HorizontalPodAutoscalerSpec{Behavior: &autoscaling.HorizontalPodAutoscalerBehavior{}}).Behavior
		if theirs.ScaleDown.StabilizationWindowSeconds != nil {
			t.Fatal("the API server fills in the scale-down window")
		}
		seconds := int32(c.DownscaleStabilization.Seconds()) // as maybeInitScaleDownStabilizationWindow does
		theirs.ScaleDown.StabilizationWindowSeconds = &seconds
		up, down := kubernetesRules(hpa.DefaultScaleUp(c)), kubernetesRules(hpa.DefaultScaleDown(c))
		up.Tolerance, down.Tolerance = nil, nil // theirs falls back on the controller's when it is read
		if !reflect.DeepEqual(up, theirs.ScaleUp) || !reflect.DeepEqual(down, theirs.ScaleDown) {
			t.Errorf("ours %+v, %+v, theirs %+v, %+v", up, down, theirs.ScaleUp, theirs.ScaleDown)
		}
	}
}
