package hpa

import (
	"testing"
	"time"
)

var (
	noon     = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	tenth    = Tolerance{Down: 0.1, Up: 0.1}
	defaults = DefaultController()
)

// cpu is a pod that runs for an hour, is ready, and uses of its request, both in thousandths of a processor.
func cpu(usage, request int64) Pod {
	return Pod{
		Phase: Running, Ready: ConditionTrue, Started: noon.Add(-time.Hour), ReadySince: noon.Add(-time.Hour),
		Requests: []Container{{Name: "app", Resources: Resources{"cpu": request}}},
		Usage:    []Container{{Name: "app", Resources: Resources{"cpu": usage}}},
		UsageAt:  noon, UsageWindow: time.Minute,
	}
}

func with(pod Pod, change func(*Pod)) Pod {
	change(&pod)
	return pod
}

func unmeasured(p *Pod) { p.Usage = nil }
func pending(p *Pod)    { p.Phase = Pending }
func failed(p *Pod)     { p.Phase = Failed }
func deleted(p *Pod)    { p.Deleted = true }

func TestUtilizationAsHPACalculatesIt(t *testing.T) {
	young := func(ready ConditionStatus, readyAgo, measuredAgo time.Duration) func(*Pod) {
		return func(p *Pod) {
			p.Started, p.Ready = noon.Add(-2*time.Minute), ready
			p.ReadySince, p.UsageAt = noon.Add(-readyAgo), noon.Add(-measuredAgo)
		}
	}
	old := func(ready ConditionStatus, readyAfter time.Duration) func(*Pod) {
		return func(p *Pod) { p.Ready, p.ReadySince = ready, p.Started.Add(readyAfter) }
	}
	for name, c := range map[string]struct {
		pods    []Pod
		target  int64
		current int
		want    int
		value   int64
	}{
		// Three pods use 300, 500 and 700 of 1000: 1500/3000 = 50 %; 50/30 = 1.67; 1.67 × 3 = 5.
		"twice what it should be scales up": {[]Pod{cpu(300, 1000), cpu(500, 1000), cpu(700, 1000)}, 30, 3, 5, 50},
		// 100/300 = 33.3 %, cut to 33: 33/30 = 1.1 is within 10 %, where 33.3/30 = 1.11 would not be.
		"a percentage is cut before it is compared": {[]Pod{cpu(100, 300)}, 30, 1, 1, 33},
		// 10 replicas at 44 of 40 percent: 1.1, so nothing happens (kubernetes/kubernetes#116984).
		"ten percent more changes nothing": {repeat(10, cpu(440, 1000)), 40, 10, 10, 44},
		"eleven percent more does":         {repeat(10, cpu(450, 1000)), 40, 10, 12, 45}, // 45/40 = 1.125 × 10 = 11.25
		"ten percent less changes nothing": {repeat(10, cpu(360, 1000)), 40, 10, 10, 36},
		"a quarter less scales down":       {repeat(10, cpu(300, 1000)), 40, 10, 8, 30}, // 0.75 × 10 = 7.5
		// The ratio of sums, not the mean of ratios: (900+100)/(1000+3000) = 25 %, not (90+3)/2.
		"large requests weigh more": {[]Pod{cpu(900, 1000), cpu(100, 3000)}, 50, 2, 1, 25},
		// Up with a missing pod as idle: 1.8 of two, then 1800/3000 = 60 %: 1.2 × 3 = 3.6.
		"a missing pod is idle on the way up": {[]Pod{cpu(900, 1000), cpu(900, 1000), with(cpu(0, 1000), unmeasured)}, 50, 3, 4, 90},
		// 600 of 1000 is 1.2; with one idle pod 30 %: 0.6, the other way.
		// With three idle ones 15 %: 0.3 × 4 = 1.2 would take two away.
		"missing pods never turn the direction": {append(repeat(3, with(cpu(0, 1000), unmeasured)), cpu(600, 1000)), 50, 4, 4, 60},
		// 1.2 × 3 = 3.6, as above, but ten are wanted: more load asks for fewer.
		"fewer pods than wanted never turn it": {[]Pod{cpu(900, 1000), cpu(900, 1000), with(cpu(0, 1000), unmeasured)}, 50, 10, 10, 90},
		// (800+1000)/5000 = 36 %: 0.72 × 5 = 3.6, but two are wanted: less load asks for more.
		"more pods than wanted never turn it": {append(repeat(4, cpu(200, 1000)), with(cpu(0, 1000), unmeasured)), 50, 2, 2, 20},
		// (300+1000)/4000 = 32 %: 0.64 × 4 = 2.56; at its target of 50 % it would be 20 %, and 2.
		"a missing pod uses all of its request":   {append(repeat(3, cpu(100, 1000)), with(cpu(0, 1000), unmeasured)), 50, 4, 3, 10},
		"a missing pod never turns the direction": {[]Pod{cpu(600, 1000), with(cpu(0, 1000), unmeasured)}, 50, 2, 2, 60},
		// Down with a missing pod at its whole request: 10 %, then (100+1000)/2000 = 55 %: within 10 % of 50.
		"a missing pod uses its request on the way down": {[]Pod{cpu(100, 1000), with(cpu(0, 1000), unmeasured)}, 50, 2, 2, 10},
		// A target of 150: the missing pod uses 1500: (100+1500)/2000 = 80 %: 80/150 × 2 = 1.07.
		"a missing pod uses a target above 100 percent": {[]Pod{cpu(100, 1000), with(cpu(0, 1000), unmeasured)}, 150, 2, 2, 10},
		"a pod that has succeeded counts":               {[]Pod{cpu(500, 1000), with(cpu(900, 1000), func(p *Pod) { p.Phase = Succeeded })}, 50, 2, 3, 70},
		"a pod is young for five minutes": {[]Pod{cpu(500, 1000), with(cpu(900, 1000), func(p *Pod) {
			p.Started, p.ReadySince = noon.Add(-5*time.Minute), noon
		})}, 50, 2, 3, 70},
		// Pending pods count as idle on the way up: 1800/3000 = 60 %: 1.2 × 3 = 3.6.
		"a pending pod is idle on the way up": {[]Pod{cpu(900, 1000), cpu(900, 1000), with(cpu(0, 1000), pending)}, 50, 3, 4, 90},
		// On the way down they are not counted at all: 20 %: 0.4 × 2 = 0.8.
		"a pending pod does not count on the way down": {[]Pod{cpu(200, 1000), cpu(200, 1000), with(cpu(0, 1000), pending)}, 50, 3, 1, 20},
		"failed and deleted pods do not count": {[]Pod{cpu(900, 1000), cpu(900, 1000), with(cpu(9000, 1000), failed),
			with(cpu(9000, 1000), deleted)}, 50, 2, 4, 90}, // 1.8 × 2 = 3.6
		// Started 2 min ago, within the 5 min: counted only with a whole minute measured since it turned ready.
		"a young pod counts after one window":     {[]Pod{cpu(500, 1000), with(cpu(900, 1000), young(ConditionTrue, 90*time.Second, 30*time.Second))}, 50, 2, 3, 70},
		"a young pod does not count before":       {[]Pod{cpu(500, 1000), with(cpu(900, 1000), young(ConditionTrue, 89*time.Second, 30*time.Second))}, 50, 2, 2, 50},
		"a young pod that is unready never does":  {[]Pod{cpu(500, 1000), with(cpu(900, 1000), young(ConditionFalse, 110*time.Second, 0))}, 50, 2, 2, 50},
		"a young pod may be of unknown readiness": {[]Pod{cpu(500, 1000), with(cpu(900, 1000), young(ConditionUnknown, 110*time.Second, 0))}, 50, 2, 3, 70},
		// Started an hour ago: it does not count if it turned unready within 30 s of its start.
		"an old pod that never was ready does not count": {[]Pod{cpu(500, 1000), with(cpu(900, 1000), old(ConditionFalse, 29*time.Second))}, 50, 2, 2, 50},
		"an old pod that turned unready later counts":    {[]Pod{cpu(500, 1000), with(cpu(900, 1000), old(ConditionFalse, 30*time.Second))}, 50, 2, 3, 70},
		"a pod without a Ready condition does not count": {[]Pod{cpu(500, 1000), with(cpu(900, 1000), func(p *Pod) { p.Ready = "" })}, 50, 2, 2, 50},
		"a pod that has not started does not count":      {[]Pod{cpu(500, 1000), with(cpu(900, 1000), func(p *Pod) { p.Started = time.Time{} })}, 50, 2, 2, 50},
		// 4 pods run although 2 are wanted: 20 % of 50 asks for ceil(0.4 × 4) = 2.
		"more pods than wanted": {repeat(4, cpu(200, 1000)), 50, 2, 2, 20},
		// 100 pods of 1 TiB each: 100 × 2^40 × 1000 × 100 is more than 64 bits hold.
		"large numbers do not overflow": {repeat(100, cpu(1<<40*1000*9/10, 1<<40*1000)), 45, 100, 200, 90},
	} {
		m := Metric{Source: Resource, Name: "cpu", Type: Utilization, Target: c.target}
		p, err := m.FromPods(c.pods, c.current, tenth, defaults, noon)
		if err != nil || p.Replicas != c.want || p.Value != c.value {
			t.Errorf("%s: %+v, %v; want %d replicas at %d %%", name, p, err, c.want, c.value)
		}
	}
}

func repeat(n int, pod Pod) []Pod {
	pods := make([]Pod, n)
	for i := range pods {
		pods[i] = pod
	}
	return pods
}

func TestUnreadyPodsCountForMemory(t *testing.T) {
	pod := Pod{Phase: Running, Ready: ConditionFalse, Usage: []Container{{Name: "app", Resources: Resources{"memory": 3000}}}}
	m := Metric{Source: Resource, Name: "memory", Type: AverageValue, Target: 1000}
	if p, err := m.FromPods([]Pod{pod}, 1, tenth, defaults, noon); err != nil || p.Replicas != 3 {
		t.Errorf("%+v, %v; want 3", p, err)
	}
}

func TestAContainerIsComparedAlone(t *testing.T) {
	pod := cpu(900, 1000)
	pod.Requests = append(pod.Requests, Container{Name: "sidecar", Resources: Resources{"cpu": 100}})
	pod.Usage = append(pod.Usage, Container{Name: "sidecar", Resources: Resources{"cpu": 20}})
	for container, want := range map[string]int64{"app": 90, "sidecar": 20} {
		m := Metric{Source: ContainerResource, Name: "cpu", Container: container, Type: Utilization, Target: 50}
		if p, err := m.FromPods([]Pod{pod}, 1, tenth, defaults, noon); err != nil || p.Value != want {
			t.Errorf("%s: %+v, %v; want %d %%", container, p, err, want)
		}
	}
	all := Metric{Source: Resource, Name: "cpu", Type: Utilization, Target: 50}
	if p, err := all.FromPods([]Pod{pod}, 1, tenth, defaults, noon); err != nil || p.Value != 83 { // 920/1100
		t.Errorf("together: %+v, %v; want 83 %%", p, err)
	}
	pod.PodRequests = Resources{"cpu": 2000}
	if p, err := all.FromPods([]Pod{pod}, 1, tenth, defaults, noon); err != nil || p.Value != 46 { // 920/2000
		t.Errorf("with a request of the pod: %+v, %v; want 46 %%", p, err)
	}
}

func TestNothingIsProposedWhereTooLittleIsKnown(t *testing.T) {
	m := Metric{Source: Resource, Name: "cpu", Type: Utilization, Target: 50}
	half := with(cpu(900, 1000), func(p *Pod) {
		p.Usage = append(p.Usage, Container{Name: "sidecar", Resources: Resources{"memory": 1}})
	})
	for name, pods := range map[string][]Pod{
		"no pods":                       nil,
		"no measurements":               {with(cpu(0, 1000), unmeasured)},
		"only pods that are pending":    {with(cpu(900, 1000), pending)},
		"only pods that are deleted":    {with(cpu(900, 1000), deleted)},
		"half a measurement":            {half},
		"no request":                    {with(cpu(900, 1000), func(p *Pod) { p.Requests[0].Resources = nil })},
		"a deleted pod without request": {cpu(900, 1000), with(cpu(1, 1), func(p *Pod) { p.Deleted, p.Requests = true, []Container{{Name: "x"}} })},
		"requests of nothing":           {cpu(900, 0)},
	} {
		if p, err := m.FromPods(pods, 2, tenth, defaults, noon); err == nil {
			t.Errorf("%s: %+v, want an error", name, p)
		}
	}
}

func TestPodsMetricsAreAveraged(t *testing.T) {
	pod := func(value int64) Pod { return Pod{Phase: Running, Custom: map[string]int64{"rate": value}} }
	missing := Pod{Phase: Running}
	for name, c := range map[string]struct {
		pods          []Pod
		target        int64
		current, want int
	}{
		"the mean is cut":               {[]Pod{pod(100), pod(101)}, 100, 2, 2},                           // 100.5 is 100
		"twice the target":              {[]Pod{pod(200), pod(200)}, 100, 2, 4},                           // readiness does not matter
		"missing are idle up":           {[]Pod{pod(300), pod(300), missing}, 100, 3, 6},                  // 600/3 = 200: 2 × 3
		"missing are at target down":    {[]Pod{pod(10), pod(10), missing, missing}, 100, 4, 3},           // 220/4 = 55: 2.2
		"missing at target cannot turn": {[]Pod{pod(95), missing}, 100, 2, 2},                             // 97
		"negative values ask for fewer": {[]Pod{pod(-100), pod(-100)}, 100, 2, -2},                        // as HPA: Step takes it for 0
		"pending are idle up":           {[]Pod{pod(400), {Phase: Pending}, {Phase: Pending}}, 100, 3, 4}, // 400/3 = 133: 3.99
	} {
		m := Metric{Source: Pods, Name: "rate", Type: AverageValue, Target: c.target}
		if p, err := m.FromPods(c.pods, c.current, tenth, defaults, noon); err != nil || p.Replicas != c.want {
			t.Errorf("%s: %+v, %v; want %d", name, p, err, c.want)
		}
	}
}

func TestTolerancePerDirection(t *testing.T) {
	m := Metric{Source: Resource, Name: "cpu", Type: Utilization, Target: 50}
	for name, c := range map[string]struct {
		usage int64
		t     Tolerance
		want  int
	}{
		"none up":     {510, Tolerance{Down: 0.5}, 11},
		"none down":   {490, Tolerance{Up: 0.5}, 10}, // 49/50 × 10 = 9.8
		"to the end":  {750, Tolerance{Up: 0.5}, 10},
		"beyond it":   {760, Tolerance{Up: 0.5}, 16}, // 76/50 × 10 = 15.2
		"never lower": {0, Tolerance{Down: 1}, 10},
	} {
		if p, err := m.FromPods(repeat(10, cpu(c.usage, 1000)), 10, c.t, defaults, noon); err != nil || p.Replicas != c.want {
			t.Errorf("%s: %+v, %v; want %d", name, p, err, c.want)
		}
	}
}

func TestValuesOfObjectsAndExternalMetrics(t *testing.T) {
	for name, c := range map[string]struct {
		source Source
		kind   TargetType
		value  int64
		count  Count
		want   int
		shown  int64
	}{
		"a value multiplies the ready pods":       {Object, Value, 300, Count{Wanted: 4, Observed: 4, Listed: 4, Ready: 2}, 6, 300},
		"a value near the target changes nothing": {External, Value, 110, Count{Wanted: 4, Observed: 4, Listed: 4, Ready: 2}, 4, 110},
		"a value while no pod is ready":           {External, Value, 300, Count{Wanted: 4, Observed: 4, Listed: 4}, 0, 300},
		"a value from zero needs no pods":         {External, Value, 250, Count{}, 3, 250},
		"a value from zero knows no tolerance":    {Object, Value, 5, Count{}, 1, 5},
		"an average divides":                      {Object, AverageValue, 950, Count{Wanted: 4, Observed: 4}, 10, 238},
		"an average is compared with what is":     {External, AverageValue, 440, Count{Wanted: 9, Observed: 4}, 4, 110},
		"an average from zero":                    {External, AverageValue, 250, Count{}, 3, 250},
		"nothing from zero":                       {External, AverageValue, 0, Count{}, 0, 0},
		"more than can be counted":                {External, AverageValue, 1 << 62, Count{Wanted: 1, Observed: 1}, 1<<31 - 1, 1 << 62},
		"a negative average asks for none":        {External, AverageValue, -500, Count{Wanted: 4, Observed: 4}, -5, -125},
	} {
		m := Metric{Source: c.source, Name: "queue", Type: c.kind, Target: 100}
		p, err := m.FromValue(c.value, c.count, tenth)
		if err != nil || p.Replicas != c.want || p.Value != c.shown {
			t.Errorf("%s: %+v, %v; want %d replicas and the value %d", name, p, err, c.want, c.shown)
		}
	}
	m := Metric{Source: Object, Name: "queue", Type: Value, Target: 100}
	if p, err := m.FromValue(300, Count{Wanted: 4, Observed: 4}, tenth); err == nil {
		t.Errorf("without pods: %+v, want an error", p)
	}
}

func TestDeletedPodsAreReadyAndPendingOnesAreNot(t *testing.T) {
	pods := []Pod{cpu(1, 1), with(cpu(1, 1), deleted), with(cpu(1, 1), pending), with(cpu(1, 1), func(p *Pod) { p.Ready = ConditionUnknown })}
	if c := CountPods(pods, 7, 5); c != (Count{Wanted: 7, Observed: 5, Listed: 4, Ready: 2}) {
		t.Errorf("%+v, want 2 of 4 ready", c)
	}
}

func TestSeriesAddUpToTheEndsOfANumber(t *testing.T) {
	const most = 1<<63 - 1
	for _, c := range []struct {
		series []int64
		want   int64
	}{{nil, 0}, {[]int64{1, 2, -4}, -1}, {[]int64{most, 1}, most}, {[]int64{-most, -most}, -most - 1}} {
		if got := Sum(c.series); got != c.want {
			t.Errorf("Sum(%v) = %d, want %d", c.series, got, c.want)
		}
	}
}
