package scaling

import (
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom"
)

// toZero is a policy that may stop the last replica after a minute without a request.
func toZero(change func(*headroom.Scaling)) headroom.Scaling {
	return policyOf(func(p *headroom.Scaling) {
		p.MinReplicas, p.TargetRequestsPerSecond, p.ScaleToZeroAfter = 0, 50, headroom.Duration(time.Minute)
		change(p)
	})
}

func signals(values map[headroom.Metric]float64, replicas int) map[headroom.Metric]headroom.Signal {
	all := map[headroom.Metric]headroom.Signal{}
	for metric, value := range values {
		all[metric] = headroom.Signal{Metric: metric, Fast: reading(value, replicas), Stable: reading(value, replicas)}
	}
	return all
}

// quietLoad is a service without a request.
func quietLoad(more map[headroom.Metric]float64) map[headroom.Metric]float64 {
	all := map[headroom.Metric]float64{headroom.MetricRequestsPerSecond: 0, headroom.MetricInFlight: 0}
	for metric, value := range more {
		all[metric] = value
	}
	return all
}

func TestTheLastReplicaGoesOnlyAfterAWhileWithoutActivity(t *testing.T) {
	rps, inFlight, queue := headroom.MetricRequestsPerSecond, headroom.MetricInFlight, headroom.Metric("queue")
	load := map[headroom.Metric]float64{rps: 5, inFlight: 1}
	nothing := func(*headroom.Scaling) {}
	byQueue := func(p *headroom.Scaling) {
		p.Signals = map[headroom.Metric]headroom.SignalFrom{queue: {StaleAfter: headroom.Duration(time.Minute)}}
		p.Activation = map[headroom.Metric]float64{queue: 5}
	}
	for _, test := range []struct {
		name   string
		change func(*headroom.Scaling)
		from   int
		load   map[headroom.Metric]float64
		idle   time.Duration // since the last activity
		want   int
	}{
		{"a minute idle", nothing, 1, quietLoad(nil), time.Minute, 0},
		{"a moment less", nothing, 1, quietLoad(nil), time.Minute - 1, 1},
		{"several go to one at first", nothing, 4, quietLoad(nil), time.Second, 1},
		{"and all at once when it has been idle", nothing, 4, quietLoad(nil), time.Minute, 0},
		{"a request keeps it", nothing, 1, load, time.Hour, 1},
		{"a request in flight keeps it", nothing, 1, quietLoad(map[headroom.Metric]float64{inFlight: 0.2}), time.Hour, 1},
		{"unknown activity keeps it", nothing, 1, nil, time.Hour, 1},
		{"half of it unknown keeps it too", nothing, 1, map[headroom.Metric]float64{rps: 0}, time.Hour, 1},
		{"a target on the processor does not", targetCPU(70), 1, quietLoad(map[headroom.Metric]float64{headroom.MetricCPU: 3}), time.Minute, 0},
		{"nor does a busy one that serves nobody", targetCPU(70), 1, quietLoad(map[headroom.Metric]float64{headroom.MetricCPU: 90}), time.Minute, 0},
		{"no target at all", func(p *headroom.Scaling) { p.TargetRequestsPerSecond = 0 }, 2, quietLoad(nil), time.Minute, 0},
		{"all have to agree, and all are blind", func(p *headroom.Scaling) {
			p.TargetRequestsPerSecond, p.TargetCPUUtilization, p.Combine = 0, 70, headroom.CombineAll
		}, 1, quietLoad(map[headroom.Metric]float64{headroom.MetricCPU: 3}), time.Minute, 0},
		{"a spare replica does not keep itself", func(p *headroom.Scaling) { p.Headroom.Replicas = 1 }, 1, quietLoad(nil), time.Minute, 0},
		{"nor does it while not idle long enough", func(p *headroom.Scaling) { p.Headroom.Replicas = 1 }, 2, quietLoad(nil), time.Second, 1},
		{"the cooldown holds the last one too", func(p *headroom.Scaling) { p.ScaleDownCooldown = headroom.Duration(3 * time.Hour) }, 1, quietLoad(nil), time.Hour, 1},
		{"a paused scale-down holds it", func(p *headroom.Scaling) { p.Pause = headroom.PauseDown }, 1, quietLoad(nil), time.Hour, 1},

		{"from zero: nothing", nothing, 0, quietLoad(nil), 0, 0},
		{"from zero: unknown", nothing, 0, nil, 0, 0},
		{"from zero: a request", nothing, 0, load, 0, 1},
		{"from zero: as many as are needed at once", nothing, 0, map[headroom.Metric]float64{rps: 120, inFlight: 9}, 0, 3},
		{"from zero: the processor of nobody", targetCPU(70), 0, quietLoad(map[headroom.Metric]float64{headroom.MetricCPU: 90}), 0, 0},
		{"from zero: a queue at its value", byQueue, 0, quietLoad(map[headroom.Metric]float64{queue: 5}), 0, 0},
		{"from zero: a queue above it", byQueue, 0, quietLoad(map[headroom.Metric]float64{queue: 6}), 0, 1},
		{"from zero: requests do not count beside a queue", byQueue, 0, map[headroom.Metric]float64{rps: 5, queue: 0}, 0, 0},
		{"a queue that is not known keeps the last", byQueue, 1, quietLoad(nil), time.Hour, 1},
		{"from zero: paused", func(p *headroom.Scaling) { p.Pause = headroom.PauseUp }, 0, load, 0, 0},
		{"from zero: rates are of what there is, and do not hold it", func(p *headroom.Scaling) {
			p.Behavior.ScaleUp.Policies = []headroom.RatePolicy{{Type: "percent", Value: 50, Period: headroom.Duration(time.Minute)}}
		}, 0, load, 0, 1},
		{"from zero: spare ones with the first", func(p *headroom.Scaling) { p.Headroom.Replicas = 1 }, 0, load, 0, 2},
		{"from zero: a schedule that asks", func(p *headroom.Scaling) {
			p.Policies = []headroom.ScalingPolicy{{Name: "day", Schedule: &headroom.SchedulePolicy{Window: headroom.Window{From: "0 8 * * *", Until: "0 18 * * *"}, Replicas: 3}}}
		}, 0, quietLoad(nil), 0, 3},
		{"from zero: one in the shadow does not", func(p *headroom.Scaling) {
			p.Policies = []headroom.ScalingPolicy{{Name: "day", Shadow: true, Schedule: &headroom.SchedulePolicy{Window: headroom.Window{From: "0 8 * * *", Until: "0 18 * * *"}, Replicas: 3}}}
		}, 0, quietLoad(nil), 0, 0},
		{"from zero: a minimum at this time", func(p *headroom.Scaling) {
			p.Schedule = []headroom.BoundsWindow{{Name: "day", Window: headroom.Window{From: "0 8 * * *", Until: "0 18 * * *"}, MinReplicas: pointer(2)}}
		}, 0, quietLoad(nil), 0, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			state := headroom.ScalerState{Wanted: test.from, Zero: test.from == 0, LastDown: noon.Add(-2 * time.Hour), LastActive: noon.Add(-test.idle)}
			d, next := Decide("d", toZero(test.change), observe(counts(test.from, 0), signals(test.load, test.from)), state)
			if d.To != test.want {
				t.Errorf("got %d, want %d: %s", d.To, test.want, d.Reason)
			}
			if next.Zero != (d.To == 0) {
				t.Errorf("state %+v", next)
			}
		})
	}
}

func TestAScaleUpCooldownMeansWhatItSaysFromZero(t *testing.T) {
	policy := toZero(func(p *headroom.Scaling) { p.ScaleUpCooldown = headroom.Duration(time.Minute) })
	for after, want := range map[time.Duration]int{59 * time.Second: 0, time.Minute: 1} {
		obs := observe(counts(0, 0), signals(map[headroom.Metric]float64{headroom.MetricRequestsPerSecond: 5, headroom.MetricInFlight: 1}, 0))
		d, _ := Decide("d", policy, obs, headroom.ScalerState{Zero: true, LastUp: noon.Add(-after), LastDown: noon.Add(-time.Second)})
		if d.To != want {
			t.Errorf("%s after the last scale-up: got %d, want %d: %s", after, d.To, want, d.Reason)
		}
	}
}

func TestAKubernetesPolicyOnTheProcessorDoesNotKeepAnIdleServiceBetweenItsSyncs(t *testing.T) {
	policy := toZero(func(p *headroom.Scaling) {
		p.TargetRequestsPerSecond = 0
		p.Policies = []headroom.ScalingPolicy{{Name: "hpa", Kubernetes: &headroom.KubernetesPolicy{SyncPeriod: headroom.Duration(15 * time.Second),
			Metrics: []headroom.KubernetesMetric{{Type: "Resource", Name: "cpu", TargetType: "Utilization", Target: 60}}}}}
	})
	state := headroom.ScalerState{Wanted: 1, LastActive: noon.Add(-55 * time.Second)}
	for second := range 6 {
		obs := observe(counts(1, 0), signals(quietLoad(map[headroom.Metric]float64{headroom.MetricCPU: 60}), 1))
		obs.At = noon.Add(time.Duration(second) * time.Second)
		d, next := Decide("d", policy, obs, state)
		if idle := second >= 5; idle != (d.To == 0) {
			t.Fatalf("second %d: %d: %s", second, d.To, d.Reason)
		}
		if d.To == 0 && !strings.HasPrefix(d.Reason, "nothing has been active on shop for 1m; 1 is wanted now") {
			t.Errorf("reason: %s", d.Reason)
		}
		state = next
	}
}
