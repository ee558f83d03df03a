package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"headroom.dev/headroom"
)

const gatedPolicy = `{"metric": "cpu", "threshold": 60, "action": "scale-up", "gate": {"history": "7d", "moreCost": 5}}`

// tries is a backtest that gives a result, and counts.
func (w *world) tries(report headroom.GateReport) *int {
	calls := 0
	w.try = func(_ context.Context, service string, policy headroom.ScalingPolicy, gate headroom.Gate) (Trial, error) {
		calls++
		if service != "shop" || policy.Metric != headroom.MetricCPU || policy.Step != 1 || gate.MoreCost != 5 || gate.MoreOutside != 0.01 {
			w.t.Errorf("tried %s, %+v, %+v; want what was sent, with the defaults", service, policy, gate)
		}
		return Trial{Report: report, Current: headroom.Scaling{MaxReplicas: 7}}, nil
	}
	w.restart()
	return &calls
}

func refusedReport() headroom.GateReport {
	report := *exampleGateReport()
	report.Passed, report.Reasons = false, []string{"900 replica-hours would be used"}
	return report
}

func TestAChangeThatAGateRefusesIsNotMadeAndAnsweredWithBothResults(t *testing.T) {
	w := newWorld(t)
	w.tries(refusedReport())
	for _, one := range [][2]string{{"PUT", "/api/scaling/policies/shop.memory"}, {"POST", "/api/scaling/policies"}, {"PUT", "/api/scaling/policies/shop.memory?dryRun=true"}} {
		body := gatedPolicy
		if one[0] == "POST" {
			body = strings.Replace(body, "{", `{"service": "shop", "name": "new", `, 1)
		}
		problem := w.refuse(http.StatusConflict, "worse", one[0], one[1], body)
		if problem.Gate == nil || problem.Gate.Current.ReplicaHours != 742 || problem.Gate.Proposed.ReplicaHours != 755 || problem.Detail != "900 replica-hours would be used" {
			t.Errorf("%s: answered %+v", one, problem)
		}
	}
	if len(w.control.policies) != 1 || w.control.policies[0].Metric != headroom.MetricMemory {
		t.Errorf("the policies are now %+v", w.control.policies)
	}
}

func TestAChangeThatPassesItsGateIsMadeAndAnsweredWithTheReport(t *testing.T) {
	w := newWorld(t)
	calls := w.tries(*exampleGateReport())
	var answer PolicyAnswer
	if err := json.Unmarshal(w.expect(http.StatusOK, "PUT", "/api/scaling/policies/shop.memory?dryRun=true", gatedPolicy).body, &answer); err != nil {
		t.Fatal(err)
	}
	if answer.Gate == nil || !answer.Gate.Passed || w.control.policies[0].Metric != headroom.MetricMemory {
		t.Errorf("the dry run answered %+v, and the policy is %+v", answer.Gate, w.control.policies[0])
	}
	first := w.expect(http.StatusOK, "PUT", "/api/scaling/policies/shop.memory", gatedPolicy, "Idempotency-Key", "k1")
	again := w.expect(http.StatusOK, "PUT", "/api/scaling/policies/shop.memory", gatedPolicy, "Idempotency-Key", "k1")
	if *calls != 2 || string(first.body) != string(again.body) || !strings.Contains(string(first.body), `"gate":{"passed":true`) {
		t.Errorf("tried %d times, want a dry run and once; answered\n%s\n%s", *calls, first.body, again.body)
	}
	if expect := w.control.expected; expect == nil || expect.MaxReplicas != 7 {
		t.Errorf("the change expects %+v, want what was tried", expect)
	}
}

func TestWhatIsNotValidIsNotTried(t *testing.T) {
	w := newWorld(t)
	calls := w.tries(*exampleGateReport())
	for where, body := range map[string]string{
		"body.gate.history":     `{"metric": "cpu", "threshold": 60, "action": "scale-up", "gate": {}}`,
		"body.gate.moreCost":    `{"metric": "cpu", "threshold": 60, "action": "scale-up", "gate": {"history": "1d", "moreCost": -1}}`,
		"body.gate.moreOutside": `{"metric": "cpu", "threshold": 60, "action": "scale-up", "gate": {"history": "1d", "moreOutside": "much"}}`,
		"body.gate.histroy":     `{"metric": "cpu", "threshold": 60, "action": "scale-up", "gate": {"histroy": "1d"}}`,
		"body.gate":             `{"metric": "cpu", "threshold": 60, "action": "scale-up", "gate": "7d"}`,
	} {
		problem := w.refuse(http.StatusUnprocessableEntity, "invalid-value", "PUT", "/api/scaling/policies/shop.memory", body)
		if len(problem.Errors) == 0 || problem.Errors[0].Location != where {
			t.Errorf("%s: %+v", body, problem.Errors)
		}
	}
	w.refuse(http.StatusNotFound, "unknown-name", "PUT", "/api/scaling/policies/shop.none", gatedPolicy)
	if *calls != 0 {
		t.Errorf("tried %d times", *calls)
	}
}

func TestAnErrorOfTheTrialNamesTheFieldOfTheBody(t *testing.T) {
	w := newWorld(t)
	w.try = func(context.Context, string, headroom.ScalingPolicy, headroom.Gate) (Trial, error) {
		return Trial{}, &headroom.InvalidError{Field: "gate.capacity", Expected: "must be given"}
	}
	w.restart()
	problem := w.refuse(http.StatusUnprocessableEntity, "invalid-value", "PUT", "/api/scaling/policies/shop.memory", gatedPolicy)
	if len(problem.Errors) != 1 || problem.Errors[0].Location != "body.gate.capacity" {
		t.Errorf("errors %+v", problem.Errors)
	}
	w.try = nil
	w.restart()
	w.refuse(http.StatusServiceUnavailable, "unavailable", "PUT", "/api/scaling/policies/shop.memory", gatedPolicy)
}
