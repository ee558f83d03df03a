package backtest

import (
	"cmp"
	"errors"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"headroom.dev/headroom"
)

// Counts makes of a counter how much it grew from each step to the next, by the full second in which that ended. What was not measured is no request.
func Counts(r headroom.QueryResult, step time.Duration) (Series, error) {
	counter := valuesOf(r, func(map[string]string) string { return "" })[""]
	times := slices.Sorted(maps.Keys(counter))
	if len(times) < 3 || times[len(times)-1]-times[0] < 2*step.Milliseconds() {
		return nil, errors.New("nothing was measured of the service in that time: expected at least three seconds of it")
	}
	var counts Series
	for at := times[0] + step.Milliseconds(); at <= times[len(times)-1]; at += step.Milliseconds() {
		count, _ := counter.growth(at, step)
		counts = append(counts, Point{time.UnixMilli(at).UTC().Truncate(time.Second), count})
	}
	return counts, nil
}

// Seconds is a load whose every second was counted, times a scale: as it came, with the bunching that it had.
func (s Series) Seconds(scale float64) (Load, error) {
	rates, err := s.Rates(PerSecond, scale)
	if err != nil {
		return Load{}, err
	}
	load := Load{Start: rates[0].At.Add(-time.Second), Arrivals: make([]float64, len(rates))}
	for i, p := range rates {
		load.Arrivals[i] = p.Value
	}
	return load, nil
}

// values are those of a series, by time in milliseconds.
type values map[int64]float64

// growth is by how much a counter grew in the step that ends at a time; false where it was not measured throughout. One that is less than before began anew.
func (v values) growth(at int64, step time.Duration) (float64, bool) {
	now, known := v[at]
	before, knownBefore := v[at-step.Milliseconds()]
	switch {
	case !known || !knownBefore:
		return 0, false
	case now < before:
		return now, true
	}
	return now - before, true
}

// valuesOf sorts the points of a result by a label, or what else a key is made of.
func valuesOf(r headroom.QueryResult, key func(labels map[string]string) string) map[string]values {
	all := map[string]values{}
	for _, one := range r.Series {
		of := all[key(one.Labels)]
		if of == nil {
			of = values{}
			all[key(one.Labels)] = of
		}
		for _, point := range one.Points {
			if point.Value != nil && !math.IsInf(*point.Value, 0) {
				of[point.At.UnixMilli()] = *point.Value
			}
		}
	}
	return all
}

func label(name string) func(map[string]string) string {
	return func(labels map[string]string) string { return labels[name] }
}

// StretchesOf makes stretches of the histogram of a service's latencies (its count, sum and buckets) and of its mean of ready replicas, at steps of so long.
func StretchesOf(count, sum, buckets, ready headroom.QueryResult, length time.Duration) []Stretch {
	counts, sums := valuesOf(count, label(""))[""], valuesOf(sum, label(""))[""]
	replicas, byEdge := valuesOf(ready, label(""))[""], valuesOf(buckets, label("le"))
	edges := map[float64]values{}
	for text, of := range byEdge {
		if edge, err := strconv.ParseFloat(text, 64); err == nil {
			edges[edge] = of
		}
	}
	var stretches []Stretch
	for _, at := range slices.Sorted(maps.Keys(counts)) {
		answered, known := counts.growth(at, length)
		busy, knownBusy := sums.growth(at, length)
		if !known || !knownBusy || replicas[at] <= 0 {
			continue
		}
		// What was in flight by Little's law: over 10 s that is the same but for what began before or has not ended.
		s := Stretch{Length: length, Answered: answered, Busy: busy, InFlight: busy / length.Seconds(), Ready: replicas[at]}
		below := 0.0
		for _, edge := range slices.Sorted(maps.Keys(edges)) {
			upTo, _ := edges[edge].growth(at, length)
			s.Slower = append(s.Slower, Bucket{edge, math.Max(upTo-below, 0)})
			below = math.Max(below, upTo)
		}
		stretches = append(stretches, s)
	}
	return stretches
}

// ReplicaSecondsOf makes seconds of replicas of the counters of what they answered and of what they had in flight, both by backend and at steps of a second.
func ReplicaSecondsOf(answered, inFlight headroom.QueryResult) []ReplicaSecond {
	counts, gauges := valuesOf(answered, label("backend")), valuesOf(inFlight, label("backend"))
	var seconds []ReplicaSecond
	for _, backend := range slices.SortedFunc(maps.Keys(counts), cmp.Compare[string]) {
		for _, at := range slices.Sorted(maps.Keys(counts[backend])) {
			count, known := counts[backend].growth(at, time.Second)
			gauge, knownGauge := gauges[backend][at]
			if known && knownGauge {
				seconds = append(seconds, ReplicaSecond{backend, time.UnixMilli(at).UTC(), count, gauge})
			}
		}
	}
	return seconds
}

// MeasuredOf makes the seconds of a service of its counter of arrivals and its means in flight, at steps of a second, and of the replicas that were ready just before
// each. When in a second a replica got ready the operations say.
func MeasuredOf(arrivals, inFlight, ready headroom.QueryResult, operations []headroom.Operation) [][]Measured {
	counts, gauges, replicas := valuesOf(arrivals, label(""))[""], valuesOf(inFlight, label(""))[""], valuesOf(ready, label(""))[""]
	joined := map[int64][]time.Time{} // by second
	for _, o := range operations {
		if o.Kind == headroom.OperationGrow && o.State == headroom.OperationConfirmed {
			joined[o.FinishedAt.Unix()] = append(joined[o.FinishedAt.Unix()], o.FinishedAt)
		}
	}
	var runs [][]Measured
	last := int64(0)
	for _, at := range slices.Sorted(maps.Keys(counts)) {
		// A counter at 12:00:01.5 has what came until 12:00:01; at the beginning of that second there were as many replicas as were reported by 12:00:00.5.
		count, known := counts.growth(at, time.Second)
		before, knownBefore := replicas[at-1000]
		after, knownAfter := replicas[at]
		if !known || !knownBefore || !knownAfter {
			continue
		}
		second := Measured{Arrivals: count, InFlight: gauges[at], Ready: int(before)}
		begin := time.UnixMilli(at).Truncate(time.Second).Add(-time.Second)
		for i := range int(max(after-before, 0)) {
			when := begin.Add(time.Second / 2)
			if exact := joined[begin.Unix()]; i < len(exact) {
				when = exact[i]
			}
			second.Joined[min(int(when.Sub(begin).Seconds()*pieces+0.5), pieces-1)]++
		}
		if at-last != 1000 {
			runs = append(runs, nil)
		}
		last = at
		runs[len(runs)-1] = append(runs[len(runs)-1], second)
	}
	return runs
}
