package api

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/scaling"
)

const questionBody = `{"policy": {"targetCPUUtilization": 70}, "state": {"wanted": 2},
	"observation": {"service": "shop", "at": "2026-01-31T12:00:00Z", "replicas": {"ready": 2, "starting": 0, "synced": true},
		"signals": {"cpu": {"fast": {"total": 184, "measured": 2, "replicas": 2}, "stable": {"total": 184, "measured": 2, "replicas": 2}}}}}`

func TestAPolicyIsTriedWithTheDefaultsOfTheConfig(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	answer := into[scaling.Answer](t, w.expect(http.StatusOK, "POST", "/api/scaling/decide", questionBody))
	// 184 % in all at a target of 70 % are 2.63.
	if d := answer.Decision; d.From != 2 || d.To != 3 || d.Policy.Tolerance != 0.1 || d.Policy.MaxReplicas != 10 || !d.Policy.Enabled {
		t.Errorf("decided %+v", d)
	}
	if answer.State.Wanted != 3 {
		t.Errorf("the next state is %+v", answer.State)
	}
	next, err := json.Marshal(map[string]any{"policy": answer.Decision.Policy, "observation": answer.Decision.Observation, "state": answer.State})
	if err != nil {
		t.Fatal(err)
	}
	if again := into[scaling.Answer](t, w.expect(http.StatusOK, "POST", "/api/scaling/decide", string(next))); again.Decision.From != 3 {
		t.Errorf("after the answer: %+v", again.Decision)
	}
	if records := w.audit(); len(records) != 0 {
		t.Errorf("a question that changes nothing is in the audit log: %+v", records)
	}
}

func TestAQuestionThatIsWrongIsRefusedWithThePathOfWhatIsWrong(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for change, says := range map[string]string{
		`"targetCPUUtilization": 70`:                                                ``,
		`"targetCPUUtilisation": 70`:                                                `body.policy.targetCPUUtilisation`,
		`"targetCPUUtilization": "70"`:                                              `body.policy.targetCPUUtilization`,
		`"stableWindow": "15"`:                                                      `body.policy.stableWindow`,
		`"stableWindow": "1h"`:                                                      `body.policy.stableWindow`,
		`"policies": [{"name": "a", "target": {"metric": "cpu"}}]`:                  `body.policy.policies[0].target`,
		`"policies": [{"name": "a", "target": {"value": 3}}]`:                       `body.policy.policies[0].target.metric: must be given`,
		`"policies": [{"name": "a", "rule": {"when": "true &&", "replicas": "3"}}]`: `body.policy.policies[0].rule.when`,
	} {
		body := strings.Replace(questionBody, `"targetCPUUtilization": 70`, change, 1)
		if says == "" {
			w.expect(http.StatusOK, "POST", "/api/scaling/decide", body)
			continue
		}
		problem := w.refuse(http.StatusUnprocessableEntity, "invalid-value", "POST", "/api/scaling/decide", body)
		if !strings.Contains(problem.Detail, says) {
			t.Errorf("%s: %q, expected %q", change, problem.Detail, says)
		}
	}
}

// record puts a decision into the journal, as the scaler does: a moment later.
func (w *world) record(minute, from, to int) headroom.Decision {
	d := exampleDecision()
	d.At = exampleTime().Add(time.Duration(minute) * time.Minute)
	d.ID, d.From, d.To, d.State.Wanted = d.At.Format("d15:04"), from, to, from
	before := w.now
	w.now = func() time.Time { return d.At.Add(3 * time.Millisecond) }
	w.append(headroom.EntryDecision, "shop", d.ID, d)
	w.now = before
	return d
}

func TestTheDecisionThatWasInForceIsExplained(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	// Before 12:00, when the status has its newest decision, from 2 to 3.
	w.record(-30, 2, 4)
	w.record(-29, 4, 4)
	w.record(-20, 4, 2)
	w.now = func() time.Time { return exampleTime().Add(time.Minute) }
	for query, id := range map[string]string{
		"":                                    "shop-1769860800-1",
		"&at=2026-01-31T12:00:00Z":            "shop-1769860800-1",
		"&at=2026-01-31T11:59:59Z":            "d11:40",
		"&at=2026-01-31T11:40:00Z":            "d11:40",
		"&at=2026-01-31T11:39:59Z":            "d11:31",
		"&at=22m":                             "d11:31",
		"&at=2026-01-31T11:30:30Z":            "d11:30",
		"&replicas=3":                         "shop-1769860800-1",
		"&replicas=4":                         "d11:30",
		"&replicas=2&at=2026-01-31T11:50:00Z": "d11:40",
	} {
		answer := into[Explanation](t, w.expect(http.StatusOK, "GET", "/api/scaling/explain?service=shop"+query, ""))
		if answer.Decision.ID != id || !strings.Contains(answer.Text, "Decision "+id) {
			t.Errorf("%s: %s, expected %s", query, answer.Decision.ID, id)
		}
	}
	w.refuse(http.StatusNotFound, "unknown-name", "GET", "/api/scaling/explain?service=shop&at=1h", "")
	w.refuse(http.StatusNotFound, "unknown-name", "GET", "/api/scaling/explain?service=shop&replicas=9", "")
	w.refuse(http.StatusNotFound, "unknown-name", "GET", "/api/scaling/explain?service=shpo", "")
	w.refuse(http.StatusUnprocessableEntity, "invalid-value", "GET", "/api/scaling/explain?service=shop&at=noon", "")
	w.refuse(http.StatusUnprocessableEntity, "invalid-value", "GET", "/api/scaling/explain", "")
	w.refuse(http.StatusUnprocessableEntity, "invalid-value", "GET", "/api/scaling/why-not?service=shop", "")

	other := into[Explanation](t, w.expect(http.StatusOK, "GET", "/api/scaling/why-not?service=shop&replicas=20", ""))
	if !strings.Contains(other.Text, "3 replicas rather than 20") || !strings.Contains(other.Text, "maxReplicas 10") {
		t.Errorf("why not 20: %s", other.Text)
	}
	listed := into[DecisionList](t, w.expect(http.StatusOK, "GET", "/api/scaling/decisions?service=shop&before=22m", ""))
	if len(listed.Decisions) != 2 || listed.Decisions[0].ID != "d11:31" {
		t.Errorf("before 11:39: %+v", listed.Decisions)
	}
}
