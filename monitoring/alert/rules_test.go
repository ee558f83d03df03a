package alert_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/monitoring/alert"
	"headroom.dev/headroom/monitoring/metrics"
)

var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// story plays seconds of a service through the recorder, the real store and the built-in rules, and
// returns the rules that are firing at the end.
func story(t *testing.T, seconds int, second func(n int) (headroom.ServiceMeasurement, metrics.Replicas)) []string {
	t.Helper()
	store, err := metrics.Open(metrics.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	recorder := metrics.NewRecorder(metrics.RecorderOptions{Store: store})
	runner := alert.NewRunner(alert.Options{Querier: store, Rules: alert.Builtin()})
	for n := range seconds {
		at := epoch.Add(time.Duration(n) * time.Second)
		service, replicas := second(n)
		service.Service, replicas.Service = "shop", "shop"
		if service.Backends != nil {
			recorder.RecordMeasurement(headroom.Measurement{At: at, Window: headroom.Duration(time.Second), Services: []headroom.ServiceMeasurement{service}})
		}
		recorder.RecordReplicas(at, []metrics.Replicas{replicas})
		if n%max(2, seconds/40) == 0 {
			runner.Evaluate(context.Background(), at)
		}
	}
	for _, status := range runner.Rules() {
		if status.Error != "" {
			t.Errorf("rule %s: %s", status.Rule.Name, status.Error)
		}
	}
	firing := []string{}
	for _, a := range runner.Active() {
		if a.State == headroom.AlertFiring {
			firing = append(firing, a.Rule)
		}
	}
	return firing
}

func traffic(ok, failed uint64) headroom.Traffic {
	return headroom.Traffic{Outcomes: headroom.Outcomes{Success: ok, ServerError: failed}}
}

func TestBuiltinRulesFireOnWhatTheyName(t *testing.T) {
	two, ten, fifteen := 2, 10, 15
	healthy := []headroom.BackendMeasurement{{ID: "a", Health: headroom.HealthHealthy}}
	sick := []headroom.BackendMeasurement{{ID: "a", Health: headroom.HealthUnhealthy}}
	fine := metrics.Replicas{Desired: 2, Ready: &two, Min: 2, Max: 10, Unlimited: &two}
	for name, c := range map[string]struct {
		seconds int
		second  func(int) (headroom.ServiceMeasurement, metrics.Replicas)
		want    []string
	}{
		"all well": {130, func(int) (headroom.ServiceMeasurement, metrics.Replicas) {
			return headroom.ServiceMeasurement{Traffic: traffic(96, 4), Backends: healthy}, fine
		}, []string{}},
		"6 % fail": {130, func(int) (headroom.ServiceMeasurement, metrics.Replicas) {
			return headroom.ServiceMeasurement{Traffic: traffic(94, 6), Backends: healthy}, fine
		}, []string{"HighErrorShare"}},
		"one failed request a night": {200, func(n int) (headroom.ServiceMeasurement, metrics.Replicas) {
			failed := uint64(0)
			if n == 100 {
				failed = 1
			}
			return headroom.ServiceMeasurement{Traffic: traffic(0, failed), Backends: healthy}, fine
		}, []string{}},
		"no healthy backend": {14, func(int) (headroom.ServiceMeasurement, metrics.Replicas) {
			return headroom.ServiceMeasurement{Traffic: traffic(1, 0), Backends: sick}, fine
		}, []string{"NoHealthyBackend"}},
		"balancer dies": {40, func(n int) (headroom.ServiceMeasurement, metrics.Replicas) {
			if n > 5 {
				return headroom.ServiceMeasurement{}, fine
			}
			return headroom.ServiceMeasurement{Backends: healthy}, fine
		}, []string{"BalancerSilent"}},
		"at the maximum": {303, func(int) (headroom.ServiceMeasurement, metrics.Replicas) {
			return headroom.ServiceMeasurement{Backends: healthy}, metrics.Replicas{Desired: 10, Ready: &ten, Min: 2, Max: 10, Unlimited: &fifteen}
		}, []string{"AtMaximumReplicas"}},
		"replicas missing": {63, func(int) (headroom.ServiceMeasurement, metrics.Replicas) {
			return headroom.ServiceMeasurement{Backends: healthy}, metrics.Replicas{Desired: 3, Ready: &two, Min: 3, Max: 10}
		}, []string{"ReplicasMissing"}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := story(t, c.seconds, c.second); !slices.Equal(got, c.want) {
				t.Errorf("firing are %v; expected %v", got, c.want)
			}
		})
	}
}

func TestBuiltinRulesAreValid(t *testing.T) {
	for _, rule := range alert.Builtin() {
		if err := alert.Check(rule, "alerts", metrics.CheckQuery); err != nil {
			t.Error(err)
		}
	}
}

func TestCheckNamesTheFieldAndThePlace(t *testing.T) {
	err := alert.Check(headroom.AlertRule{Name: "X", Expr: "rate(x)", Severity: "warning"}, "monitoring.alerts[0]", metrics.CheckQuery)
	if err == nil || !strings.Contains(err.Error(), "monitoring.alerts[0].expr") || !strings.Contains(err.Error(), "line 1, column 6") {
		t.Errorf("error is %v; expected the field and the place", err)
	}
	if err := alert.Check(headroom.AlertRule{}, "a", metrics.CheckQuery); err == nil || !strings.Contains(err.Error(), "a.name") || !strings.Contains(err.Error(), "a.expr") {
		t.Errorf("error is %v; expected name and expr", err)
	}
}
