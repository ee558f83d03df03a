package hpa

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestTotalsProposeAsAlikePodsDo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := Metric{Source: Resource, Name: "cpu", Type: rapid.SampledFrom([]TargetType{Utilization, AverageValue}).Draw(t, "type")}
		m.Target = rapid.Int64Range(1, 300).Draw(t, "target")
		request := rapid.Int64Range(0, 400).Draw(t, "request")
		totals := Totals{Request: request}
		var pods []Pod
		for range rapid.IntRange(0, 6).Draw(t, "measured") {
			usage := rapid.Int64Range(0, 1000).Draw(t, "usage")
			pods = append(pods, cpu(usage, request))
			totals.Measured, totals.Usage = totals.Measured+1, totals.Usage+usage
		}
		for range rapid.IntRange(0, 4).Draw(t, "missing") {
			pods = append(pods, with(cpu(0, request), unmeasured))
			totals.Missing++
		}
		for range rapid.IntRange(0, 4).Draw(t, "unready") {
			pods = append(pods, with(cpu(500, request), rapid.SampledFrom([]func(*Pod){
				pending, func(p *Pod) { p.Ready = "" }, func(p *Pod) { p.Started = time.Time{} },
			}).Draw(t, "why")))
			totals.Unready++
		}
		current := rapid.IntRange(0, 12).Draw(t, "current")
		tolerance := Tolerance{Down: rapid.Float64Range(0, 0.5).Draw(t, "down"), Up: rapid.Float64Range(0, 0.5).Draw(t, "up")}

		one, oneErr := m.FromPods(pods, current, tolerance, defaults, noon)
		other, otherErr := m.FromTotals(totals, current, tolerance)
		if one != other || (oneErr == nil) != (otherErr == nil) {
			t.Fatalf("pods: %+v, %v; totals: %+v, %v", one, oneErr, other, otherErr)
		}
	})
}

// TestWindowsHoldAsIfEveryRecommendationWereKept compares with a list that forgets nothing.
func TestWindowsHoldAsIfEveryRecommendationWereKept(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seconds := rapid.IntRange(0, 20)
		free := Behavior{ScaleUp: rules(RatePods, 1000, time.Minute), ScaleDown: rules(RatePercent, 100, time.Minute)}
		free.ScaleUp.StabilizationWindow = time.Duration(seconds.Draw(t, "up")) * time.Second
		free.ScaleDown.StabilizationWindow = time.Duration(seconds.Draw(t, "down")) * time.Second
		all, state, now := []Recommendation{{5, noon}}, State{}.Seen(5, noon), noon
		for range 60 {
			now = now.Add(time.Duration(rapid.IntRange(0, 4).Draw(t, "later")) * time.Second)
			current, asked := rapid.IntRange(1, 12).Draw(t, "current"), rapid.IntRange(1, 12).Draw(t, "asked")
			lowest, highest := asked, asked
			for _, r := range all {
				if age := now.Sub(r.At); age < free.ScaleUp.StabilizationWindow {
					lowest = min(lowest, r.Replicas)
				}
				if age := now.Sub(r.At); age < free.ScaleDown.StabilizationWindow {
					highest = max(highest, r.Replicas)
				}
			}
			all = append(all, Recommendation{asked, now})
			var l Limits
			if l, state = free.Normalize(current, asked, wide(), state, now); l.Stabilized != min(max(current, lowest), highest) {
				t.Fatalf("%+v of %d, asked %d, lowest %d, highest %d", l, current, asked, lowest, highest)
			}
		}
	})
}
