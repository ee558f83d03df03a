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
	return play(t, seconds, func(n int) (headroom.Measurement, []metrics.Replicas) {
		service, replicas := second(n)
		service.Service, replicas.Service = "shop", "shop"
		if service.Backends == nil {
			return headroom.Measurement{}, []metrics.Replicas{replicas}
		}
		return headroom.Measurement{Services: []headroom.ServiceMeasurement{service}}, []metrics.Replicas{replicas}
	})
}

// play is a story of more than one service. A measurement without any is of a balancer that is silent.
func play(t *testing.T, seconds int, second func(n int) (headroom.Measurement, []metrics.Replicas)) []string {
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
		measurement, replicas := second(n)
		if measurement.Services != nil {
			measurement.At, measurement.Window = at, headroom.Duration(time.Second)
			recorder.RecordMeasurement(measurement)
		}
		recorder.RecordReplicas(at, replicas)
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

func TestCertificatesThatEndSoonOrAreNotRenewedAreTold(t *testing.T) {
	const day = 24 * time.Hour
	healthy := []headroom.ServiceMeasurement{{Service: "shop", Backends: []headroom.BackendMeasurement{{ID: "a", Health: headroom.HealthHealthy}}}}
	lasting := func(life, left time.Duration) headroom.CertificateStatus {
		end := epoch.Add(left)
		return headroom.CertificateStatus{Names: []string{"shop.example"}, File: "shop.pem", NotBefore: end.Add(-life), NotAfter: end}
	}
	one := func(c headroom.CertificateStatus) []headroom.CertificateStatus {
		return []headroom.CertificateStatus{c}
	}
	halfReplaced := lasting(90*day, 80*day)
	halfReplaced.Error = "shop.key: is of another certificate"
	for name, c := range map[string]struct {
		seconds      int
		certificates []headroom.CertificateStatus
		want         []string
	}{
		"eight days of 90 left":         {130, one(lasting(90*day, 8*day)), []string{}},
		"six days of 90 left":           {130, one(lasting(90*day, 6*day)), []string{"CertificateExpires"}},
		"ended":                         {130, one(lasting(90*day, -time.Hour)), []string{"CertificateExpires"}},
		"six days of six left":          {130, one(lasting(6*day, 6*day)), []string{}},
		"a day of six left":             {130, one(lasting(6*day, day)), []string{"CertificateExpires"}}, // a fifth is 28.8 h
		"ten years left of ten":         {130, one(lasting(3650*day, 3650*day)), []string{}},
		"half replaced for two minutes": {130, one(halfReplaced), []string{}},
		"half replaced for a quarter of an hour, one never obtained, and one being obtained": {960, []headroom.CertificateStatus{
			halfReplaced, {Names: []string{"a.example"}, Error: "no such host"}, {Names: []string{"b.example"}},
		}, []string{"CertificateNotRenewed", "CertificateNotRenewed"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := play(t, c.seconds, func(int) (headroom.Measurement, []metrics.Replicas) {
				return headroom.Measurement{Services: healthy, Certificates: c.certificates}, nil
			})
			if !slices.Equal(got, c.want) {
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
