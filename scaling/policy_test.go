package scaling

import (
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom"
)

// own is a service with a signal named queue and one policy.
func own(policy headroom.ScalingPolicy, change func(*headroom.Scaling)) headroom.Scaling {
	policy.Name = "p"
	return policyOf(func(p *headroom.Scaling) {
		p.Policies = []headroom.ScalingPolicy{policy}
		p.Signals = map[headroom.Metric]headroom.SignalFrom{"queue": {StaleAfter: seconds(60)}}
		if change != nil {
			change(p)
		}
	})
}

func onQueue(t headroom.TargetPolicy) headroom.ScalingPolicy {
	t.Metric = "queue"
	return headroom.ScalingPolicy{Target: &t}
}

func TestATargetKeepsASignal(t *testing.T) {
	cpu := headroom.ScalingPolicy{Target: &headroom.TargetPolicy{Metric: headroom.MetricCPU, Utilization: 60}}
	average, value := onQueue(headroom.TargetPolicy{AverageValue: 30}), onQueue(headroom.TargetPolicy{Value: 200})
	latency := headroom.ScalingPolicy{Target: &headroom.TargetPolicy{Metric: headroom.MetricLatency, Value: 200}}
	for _, test := range []struct {
		name   string
		policy headroom.ScalingPolicy
		metric headroom.Metric
		total  float64
		want   int // of 4
	}{
		{"utilization: 330 % in all are 5.5 times 60 %", cpu, headroom.MetricCPU, 330, 6},
		{"utilization: within the tolerance", cpu, headroom.MetricCPU, 260, 4},
		{"average value: 290 of 30 each", average, "queue", 290, 10},
		{"average value: none", average, "queue", 0, 1},
		{"average value: within the tolerance", average, "queue", 131, 4},
		{"value: half more", value, "queue", 300, 6},
		{"value: at most twice at once", value, "queue", 2000, 8},
		{"value: within the tolerance", value, "queue", 219, 4},
		{"value: far below, one less", value, "queue", 20, 3},
		{"value: with one less it would be 160 of 200: no", value, "queue", 121, 4}, // 121 × 4/3 = 161 > 160
		{"value: with one less it would be 160 of 200: yes", value, "queue", 119, 3},
		{"value of a latency", latency, headroom.MetricLatency, 250, 5},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := reading(test.total, 4)
			if test.metric.Shared() {
				r = millis(test.total)
			}
			d, _ := Decide("d", own(test.policy, nil), observe(counts(4, 0), steady(test.metric, r)), wanted(4))
			if d.To != test.want {
				t.Errorf("got %d, want %d: %s", d.To, test.want, d.Reason)
			}
			if p := d.Proposals[0]; p.Source != "policy p" || p.Kind != headroom.KindTarget || p.Metric != test.metric {
				t.Errorf("proposal %+v", p)
			}
		})
	}
}

func TestStepsAreTakenByBand(t *testing.T) {
	bands := headroom.ScalingPolicy{Steps: &headroom.StepPolicy{Metric: "cpu", Steps: []headroom.Step{
		{From: pointer(70.0), Until: pointer(90.0), Add: 1}, {From: pointer(90.0), AddPercent: 50}, {Until: pointer(30.0), AddPercent: -30}}}}
	for _, test := range []struct {
		name     string
		replicas headroom.ReplicaCounts
		r        headroom.Reading
		changed  time.Duration // ago
		want     int           // of 5
		abstains bool
	}{
		{"between the bands", counts(5, 0), reading(5*50, 5), time.Hour, 5, true},
		{"from, inclusive", counts(5, 0), reading(5*70, 5), time.Hour, 6, false},
		{"until, exclusive", counts(5, 0), reading(5*30, 5), time.Hour, 5, true},
		{"50 % of 5, rounded up", counts(5, 0), reading(5*90, 5), time.Hour, 8, false},
		{"30 % of 5, rounded up", counts(5, 0), reading(5*10, 5), time.Hour, 3, false},
		{"once in a stable window", counts(5, 0), reading(5*90, 5), 15*time.Second - 1, 5, false},
		{"and again", counts(5, 0), reading(5*90, 5), 15 * time.Second, 8, false},
		{"not up while some are starting", counts(4, 1), reading(4*90, 4), time.Hour, 5, false},
		{"not up while some warm up", headroom.ReplicaCounts{Ready: pointer(5), Starting: pointer(0), Warming: 1, Synced: true}, reading(5*90, 5), time.Hour, 5, false},
		{"not down while some warm up", headroom.ReplicaCounts{Ready: pointer(5), Starting: pointer(0), Warming: 1, Synced: true}, reading(5*10, 5), time.Hour, 5, false},
		{"one that could not be read is idle on the way up: 95 × 4/5 = 76", counts(5, 0), partial(4*95, 4, 5), time.Hour, 6, false},
		{"two of them: 95 × 3/5 = 57", counts(5, 0), partial(3*95, 3, 5), time.Hour, 5, true},
		{"and holds on the way down", counts(5, 0), partial(4*10, 4, 5), time.Hour, 5, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			state := headroom.ScalerState{Wanted: 5, LastUp: noon.Add(-test.changed)}
			d, _ := Decide("d", own(bands, nil), observe(test.replicas, steady("cpu", test.r)), state)
			if d.To != test.want || (d.Proposals[0].Replicas == nil) != test.abstains {
				t.Errorf("got %d, want %d: %s", d.To, test.want, d.Reason)
			}
		})
	}
	for _, odd := range []headroom.Step{{}, {Add: 1}, {AddPercent: -1e300}, {Add: -1 << 62}} {
		policy := own(headroom.ScalingPolicy{Steps: &headroom.StepPolicy{Metric: "cpu", Steps: []headroom.Step{odd}}}, nil)
		if d, _ := Decide("d", policy, observe(counts(5, 0), steady("cpu", reading(50, 5))), wanted(5)); d.To < 1 || d.To > 100 {
			t.Errorf("%+v: %d", odd, d.To)
		}
	}
}

func TestFallbacksAreUsedAfterFailuresInARow(t *testing.T) {
	gone := func(failures int) map[headroom.Metric]headroom.Signal {
		none := headroom.Reading{Unknown: "connection refused"}
		return map[headroom.Metric]headroom.Signal{"queue": {Metric: "queue", Fast: none, Stable: none, Failures: failures}}
	}
	for _, test := range []struct {
		behavior string
		replicas int
		failures int
		want     int // of 5
	}{
		{"static", 3, 3, 3}, {"static", 8, 3, 8}, {"static", 3, 2, 5},
		{"current", 0, 3, 5},
		{"current-if-higher", 3, 3, 5}, {"current-if-higher", 8, 3, 8},
		{"current-if-lower", 3, 3, 3}, {"current-if-lower", 8, 3, 5},
		{"formula", 3, 9, 5}, {"none", 3, 9, 5}, {"", 3, 9, 5},
	} {
		fallback := func(p *headroom.Scaling) {
			p.Signals["queue"] = headroom.SignalFrom{StaleAfter: seconds(60), Fallback: headroom.SignalFallback{Behavior: test.behavior, Replicas: test.replicas, After: 3}}
		}
		for name, policy := range map[string]headroom.ScalingPolicy{
			"target":    onQueue(headroom.TargetPolicy{AverageValue: 30}),
			"threshold": {Metric: "queue", Threshold: 5, Action: headroom.ActionScaleDown, Step: 1},
			"steps":     {Steps: &headroom.StepPolicy{Metric: "queue", Steps: []headroom.Step{{Until: pointer(5.0), Add: -1}}}},
			"kubernetes": {Kubernetes: &headroom.KubernetesPolicy{SyncPeriod: seconds(15), Behavior: &headroom.Behavior{ScaleDown: headroom.BehaviorRules{StabilizationWindow: lasting(0)}},
				Metrics: []headroom.KubernetesMetric{{Type: "External", Name: "queue", TargetType: "AverageValue", Target: 30}}}},
		} {
			d, _ := Decide("d", own(policy, fallback), observe(counts(5, 0), gone(test.failures)), wanted(5))
			if d.To != test.want {
				t.Errorf("%s, %q of %d after %d failures: got %d, want %d: %s", name, test.behavior, test.replicas, test.failures, d.To, test.want, d.Reason)
			}
		}
	}
	policy := own(onQueue(headroom.TargetPolicy{AverageValue: 30}), func(p *headroom.Scaling) {
		p.Signals["queue"] = headroom.SignalFrom{StaleAfter: seconds(60), Fallback: headroom.SignalFallback{Behavior: "static", Replicas: 8, After: 3}}
	})
	known := signals(map[headroom.Metric]float64{"queue": 60}, 5)
	known["queue"] = headroom.Signal{Metric: "queue", Fast: known["queue"].Fast, Stable: known["queue"].Stable, Failures: 9}
	if d, _ := Decide("d", policy, observe(counts(5, 0), known), wanted(5)); d.To != 2 {
		t.Errorf("a value that is not stale yet is used: got %d: %s", d.To, d.Reason)
	}
}

func TestASignalThatIsUnknownOrStaleHolds(t *testing.T) {
	stale := reading(30, 5)
	stale.Age = seconds(61)
	for name, all := range map[string]map[headroom.Metric]headroom.Signal{
		"never read": {}, "stale": steady("queue", stale), "not a number": steady("queue", reading(-1, 5)),
	} {
		for _, policy := range []headroom.ScalingPolicy{
			onQueue(headroom.TargetPolicy{AverageValue: 30}), onQueue(headroom.TargetPolicy{Value: 30}),
			{Rule: &headroom.RulePolicy{When: "signal.queue.total < 100", Replicas: "1"}},
			{Rule: &headroom.RulePolicy{When: "true", Replicas: "signal.queue.total / 30"}},
			{Formula: &headroom.FormulaPolicy{Value: "signal.queue.total", Target: 30, Type: "averageValue"}},
			{Kubernetes: &headroom.KubernetesPolicy{SyncPeriod: seconds(15), Metrics: []headroom.KubernetesMetric{{Type: "External", Name: "queue", TargetType: "AverageValue", Target: 30}}}},
		} {
			both := own(policy, func(p *headroom.Scaling) { p.TargetRequestsPerSecond = 50 })
			obs := observe(counts(5, 0), all)
			obs.Signals[headroom.MetricRequestsPerSecond] = headroom.Signal{Fast: reading(50, 5), Stable: reading(50, 5)}
			if d, _ := Decide("d", both, obs, wanted(5)); d.To != 5 {
				t.Errorf("%s, %s: shrinks to %d: %s", name, policy.Kind(), d.To, d.Reason)
			}
			obs.Signals[headroom.MetricRequestsPerSecond] = headroom.Signal{Fast: reading(500, 5), Stable: reading(500, 5)}
			if d, _ := Decide("d", both, obs, wanted(5)); d.To != 10 {
				t.Errorf("%s, %s: grows to %d: %s", name, policy.Kind(), d.To, d.Reason)
			}
		}
	}
}

func TestAScheduleAsksWhileItsWindowHolds(t *testing.T) {
	policy := own(headroom.ScalingPolicy{Schedule: &headroom.SchedulePolicy{Window: headroom.Window{From: "0 12 * * *", Until: "0 13 * * *"}, Replicas: 6}}, targetRPS(50))
	for at, want := range map[time.Duration]int{-time.Second: 2, 0: 6, time.Hour - 1: 6, time.Hour: 2} {
		obs := observe(counts(4, 0), steady(headroom.MetricRequestsPerSecond, reading(100, 4)))
		obs.At = noon.Add(at)
		if d, _ := Decide("d", policy, obs, wanted(4)); d.To != want {
			t.Errorf("at noon %+v: got %d, want %d: %s", at, d.To, want, d.Reason)
		}
	}
}

func TestWhatCannotBeReadHoldsAndSaysWhy(t *testing.T) {
	policy := own(headroom.ScalingPolicy{Rule: &headroom.RulePolicy{When: "signal.queue.total >", Replicas: "1"}}, targetRPS(50))
	obs := observe(counts(5, 0), steady(headroom.MetricRequestsPerSecond, reading(50, 5)))
	if d, _ := Decide("d", policy, obs, wanted(5)); d.To != 5 || !strings.Contains(d.Reason, "the policy p cannot be read: column 21: ") {
		t.Errorf("got %d: %s", d.To, d.Reason)
	}
}

func TestNothingShrinksBecauseOfReplicasThatWarmUp(t *testing.T) {
	for _, test := range []struct {
		warming, ready, want int // of 6, each for 50 requests/s, under 200 of which those that are warm carry all
	}{{0, 6, 4}, {1, 6, 5}, {2, 6, 6}, {5, 6, 6}} {
		replicas := counts(test.ready, 0)
		replicas.Warming = test.warming
		d, _ := Decide("d", policyOf(targetRPS(50)), observe(replicas, steady(headroom.MetricRequestsPerSecond, reading(200, 6))), wanted(6))
		if d.To != test.want {
			t.Errorf("%d of 6 warm up: got %d, want %d: %s", test.warming, d.To, test.want, d.Reason)
		}
	}
	slow := steady(headroom.MetricLatency, millis(20))
	replicas := counts(3, 0)
	for warming, want := range map[int]int{0: 2, 1: 3} {
		replicas.Warming = warming
		policy := policyOf(func(p *headroom.Scaling) { p.TargetLatency = headroom.Duration(200 * time.Millisecond) })
		if d, _ := Decide("d", policy, observe(replicas, slow), wanted(3)); d.To != want {
			t.Errorf("latency, %d of 3 warm up: got %d, want %d: %s", warming, d.To, want, d.Reason)
		}
	}
}
