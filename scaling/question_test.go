package scaling

import (
	"errors"
	"testing"
	"time"

	"headroom.dev/headroom"
)

func question() Question {
	return Question{
		Policy:      headroom.Scaling{Enabled: true, MinReplicas: 1, MaxReplicas: 10, TargetCPUUtilization: 70, LatencyQuantile: 0.95, Tolerance: 0.1, PanicThreshold: 1.5, StableWindow: headroom.Duration(15 * time.Second)},
		Observation: headroom.Observation{Service: "shop", At: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)},
	}
}

func TestAQuestionThatCannotBeAnsweredNamesTheField(t *testing.T) {
	t.Parallel()
	if errs := question().Validate(""); len(errs) > 0 {
		t.Errorf("a question that is right: %v", errs)
	}
	minusOne := -1
	for field, spoil := range map[string]func(*Question){
		"body.observation.service":          func(q *Question) { q.Observation.Service = "" },
		"body.observation.at":               func(q *Question) { q.Observation.At = time.Time{} },
		"body.observation.replicas.ready":   func(q *Question) { q.Observation.Replicas.Ready = &minusOne },
		"body.observation.replicas.warming": func(q *Question) { q.Observation.Replicas.Warming = -1 },
		"body.state.wanted":                 func(q *Question) { q.State.Wanted = mostReplicas + 1 },
		"body.policy.maxReplicas":           func(q *Question) { q.Policy.MinReplicas = 11 },
		"body.policy.timeZone":              func(q *Question) { q.Policy.TimeZone = "Mars" },
		"body.policy.policies[0].formula.value": func(q *Question) {
			q.Policy.Policies = []headroom.ScalingPolicy{{Name: "f", Step: 1, Formula: &headroom.FormulaPolicy{Value: "1 +", Target: 1, Type: "value"}}}
		},
	} {
		q := question()
		spoil(&q)
		errs := q.Validate("body")
		invalid := (*headroom.InvalidError)(nil)
		if len(errs) != 1 || !errors.As(errs[0], &invalid) || invalid.Field != field {
			t.Errorf("expected one error of %s, not %v", field, errs)
		}
	}
}

func TestTheStateOfAnAnswerIsThatOfTheNextQuestion(t *testing.T) {
	t.Parallel()
	q := question()
	two, none, used := 2, 0, 180.0
	reading := headroom.Reading{Total: &used, Measured: 2, Replicas: 2}
	q.Observation.Replicas = headroom.ReplicaCounts{Ready: &two, Starting: &none, Synced: true}
	q.Observation.Signals = map[headroom.Metric]headroom.Signal{headroom.MetricCPU: {Metric: headroom.MetricCPU, Fast: reading, Stable: reading}}
	first := q.Answer("a")
	q.State = first.State
	second := q.Answer("b")
	// The first decision starts at the replicas that there are; then 180 % / 70 % = 2.57 need 3.
	if first.Decision.To != 2 || second.Decision.From != 2 || second.Decision.To != 3 {
		t.Errorf("first to %d, then from %d to %d", first.Decision.To, second.Decision.From, second.Decision.To)
	}
}
