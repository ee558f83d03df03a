package scaling

import (
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom"
)

func TestExplainTellsInputsProposalsLimitsAndWhatWouldHaveBeen(t *testing.T) {
	policy := policyOf(targetRPS(50))
	policy.MinReplicas, policy.MaxReplicas, policy.TargetCPUUtilization = 2, 10, 70
	policy.ScaleUpCooldown = headroom.Duration(3 * time.Minute)
	fastReading, stableReading := reading(620, 4), reading(600, 4)
	fastReading.Age, stableReading.Age = headroom.Duration(200*time.Millisecond), headroom.Duration(200*time.Millisecond)
	obs := observe(counts(4, 0), moving(headroom.MetricRequestsPerSecond, fastReading, stableReading))
	obs.Signals[headroom.MetricCPU] = headroom.Signal{
		Fast: headroom.Reading{Unknown: "no replica could be read"}, Stable: headroom.Reading{Unknown: "no replica could be read"}}
	d, _ := Decide("d-7", policy, obs, headroom.ScalerState{Wanted: 4, LastUp: noon.Add(-40 * time.Second)})

	want := `shop: stays at 4 replicas (limited)
shop gets 620 requests/s in the last second, 155 per replica where 50 is the target, so 13 replicas
are needed; that is 3.1 times the 4 that are ready, so it is not averaged; 4 are wanted now; the 3m
cooldown after the scale-up 40s ago holds it at 4.
Decision d-7, 2025-03-01 12:00:00.000 UTC

What was known
  replicas                    4 ready, 0 starting
  wanted before               4; last raised 40s ago, last lowered never
  cpu                         last second, and over 15s: not known, no replica could be read
  requests-per-second         last second: 620 requests/s in all, 155 requests/s per replica, from 4
                              of 4 replicas, 200ms old
                              over 15s: 600 requests/s in all, 150 requests/s per replica, from 4 of
                              4 replicas, 200ms old

What was asked for
  target cpu                  nothing: cpu is not known: no replica could be read
  target requests-per-second  13 replicas: shop gets 620 requests/s in the last second, 155 per
                              replica where 50 is the target, so 13 replicas are needed; that is 3.1
                              times the 4 that are ready, so it is not averaged
  together                    13 replicas (the largest wins)

What limited it
  unknown-metric              13, not changed: an unknown metric (cpu is not known: no replica could
                              be read)
  scale-up-cooldown           13 -> 4: the 3m cooldown after the scale-up 40s ago; without it: 10
                              replicas
  max-replicas                4, not changed: maxReplicas 10
  min-replicas                4, not changed: minReplicas 2

Result
  wanted                      stays at 4 replicas
`
	if got := Explain(d); got != want {
		t.Errorf("got\n%s", got)
	}
}

func TestExplainShowsAManualWish(t *testing.T) {
	obs := observe(counts(2, 0), steady(headroom.MetricRequestsPerSecond, reading(200, 2)))
	obs.Manual = &headroom.ManualScale{Replicas: 3, Until: noon.Add(time.Hour), By: "ann", Reason: "sale"}
	d, _ := Decide("d-8", policyOf(targetRPS(50)), obs, wanted(2))
	wantReason := `an order by hand (ann) for "sale" until 2025-03-01T13:00:00Z sets shop at 3; without it: ` +
		"shop gets 200 requests/s, 100 per replica where 50 is the target, so 4 replicas are needed; 2 are wanted now."
	if d.Reason != wantReason {
		t.Errorf("got  %s\nwant %s", d.Reason, wantReason)
	}
	text := Explain(d)
	for _, part := range []string{"shop: from 2 to 3 replicas (manual)", "4 -> 3", "without it: 4"} {
		if !strings.Contains(strings.Join(strings.Fields(text), " "), part) {
			t.Errorf("%q is missing in\n%s", part, text)
		}
	}
}

func TestExplainCannotMoveTheCursor(t *testing.T) {
	obs := observe(counts(2, 0), nil)
	obs.Service = "sh\x1b[2Jop" + strings.Repeat("x", 300)
	d, _ := Decide("d\r", policyOf(targetRPS(50)), obs, wanted(2))
	text := Explain(d)
	for _, line := range strings.Split(text, "\n") {
		if len([]rune(line)) > explainWidth {
			t.Errorf("a line of %d columns: %s", len([]rune(line)), line)
		}
	}
	if strings.ContainsAny(text, "\x1b\r") {
		t.Errorf("control characters in %q", text)
	}
}
