package hpa

import (
	"fmt"
	"math/rand/v2"
	"time"

	"headroom.dev/headroom/scaling/hpa"
)

// random draws worlds. It prefers what lies at the edge of a rule: exactly at a tolerance, a window, a period.
type random struct{ *rand.Rand }

func newRandom(seed, number uint64) random { return random{rand.New(rand.NewPCG(seed, number))} }

func (r random) chance(percent int) bool { return r.IntN(100) < percent }

func oneOf[T any](r random, values ...T) T { return values[r.IntN(len(values))] }

func (r random) seconds(values ...int) time.Duration {
	return time.Duration(oneOf(r, values...)) * time.Second
}

func (r random) controller() hpa.Controller {
	return hpa.Controller{
		Tolerance:               r.tolerance(),
		DownscaleStabilization:  r.seconds(0, 15, 60, 300),
		CPUInitializationPeriod: r.seconds(0, 120, 300),
		InitialReadinessDelay:   r.seconds(0, 10, 30),
	}
}

func (r random) tolerance() float64 {
	return oneOf(r, 0, 0.01, 0.05, 0.1, 0.1, 0.1, 0.2, 0.25, 0.5, 1, 1.5)
}

// metric draws any metric; the k-th of an autoscaler.
func (r random) metric(k int) hpa.Metric {
	m := hpa.Metric{Source: oneOf(r, hpa.Resource, hpa.Resource, hpa.ContainerResource, hpa.Pods, hpa.Object, hpa.External)}
	m.Name = fmt.Sprintf("%s-%d", map[hpa.Source]string{hpa.Pods: "rate", hpa.Object: "hits", hpa.External: "queue"}[m.Source], k)
	m.Type = hpa.AverageValue
	m.Target = oneOf[int64](r, 1, 7, 50, 100, 100, 100, 120, 250, 1000)
	switch m.Source {
	case hpa.Object, hpa.External:
		m.Type = oneOf(r, hpa.Value, hpa.AverageValue)
	case hpa.Resource, hpa.ContainerResource:
		m.Name = oneOf(r, "cpu", "cpu", "memory")
		if m.Source == hpa.ContainerResource {
			m.Container = oneOf(r, "app", "app", "app", "app", "app", "app", "proxy", "log", "nowhere")
		}
		if r.chance(70) {
			m.Type, m.Target = hpa.Utilization, oneOf[int64](r, 1, 30, 50, 50, 60, 80, 100, 120, 150, 300)
		}
	}
	return m
}

// world draws what the metrics of an autoscaler see.
func (r random) world(metrics []hpa.Metric, c hpa.Controller, now time.Time) *world {
	w := &world{values: map[string]int64{}, series: map[string][]int64{}, broken: map[string]bool{}}
	w.wanted = oneOf(r, 0, 1, 1, 2, 3, 4, 5, 6, 8, 10, 15, 20)
	w.observed = w.wanted
	if r.chance(20) {
		w.observed = r.IntN(12)
	}
	pods := w.wanted
	if r.chance(30) {
		pods = r.IntN(12)
	}
	calm := r.chance(40) // pods that are all well, and differ little
	load := r.Int64N(oneOf[int64](r, 110, 130, 250))
	for range pods {
		w.pods = append(w.pods, r.pod(metrics, c, now, calm, load))
	}
	for _, m := range metrics {
		if r.chance(4) {
			w.broken[source(m)] = true
		}
		total := m.Target * (load + r.Int64N(20)) / 100
		if m.Type == hpa.AverageValue {
			total *= int64(max(w.observed, 1))
		} else if r.chance(3) {
			total = -total
		}
		switch m.Source {
		case hpa.Object:
			w.values[m.Name] = total
		case hpa.External:
			for n := int64(r.IntN(4)); n > 0; n-- {
				w.series[m.Name] = append(w.series[m.Name], total/n)
				total -= total / n
			}
		}
	}
	return w
}

func (r random) pod(metrics []hpa.Metric, c hpa.Controller, now time.Time, calm bool, load int64) hpa.Pod {
	pod := hpa.Pod{Phase: hpa.Running, Ready: hpa.ConditionTrue, UsageWindow: r.seconds(15, 30, 60), Custom: map[string]int64{}}
	pod.Started = now.Add(-time.Hour)
	pod.ReadySince = pod.Started.Add(10 * time.Second)
	pod.UsageAt = now.Add(-r.seconds(0, 15, 60))
	if !calm {
		r.trouble(&pod, c, now)
	}
	for i, container := range []string{"app", "proxy", "log"}[:1+r.IntN(3)] {
		requests, usage := hpa.Resources{}, hpa.Resources{}
		for _, resource := range []string{"cpu", "memory"} {
			request := int64(1000 >> i)
			if !calm {
				request = oneOf[int64](r, 100, 250, 300, 1000)
			}
			if r.chance(99) {
				requests[resource] = request
			}
			if calm || r.chance(98) {
				usage[resource] = request * (load + r.Int64N(30)) / 100
			}
		}
		pod.Requests = append(pod.Requests, hpa.Container{Name: container, Resources: requests})
		if calm || r.chance(97) {
			pod.Usage = append(pod.Usage, hpa.Container{Name: container, Resources: usage})
		}
	}
	if !calm && r.chance(10) {
		pod.PodRequests = hpa.Resources{"cpu": 500, "memory": 800}
	}
	if r.chance(8) {
		pod.Usage = nil
	}
	for _, m := range metrics {
		if m.Source == hpa.Pods && r.chance(92) {
			pod.Custom[m.Name] = m.Target * (load + r.Int64N(30)) / 100
			if r.chance(2) {
				pod.Custom[m.Name] *= -1
			}
		}
	}
	return pod
}

// trouble makes a pod young, unready, or gone, or leaves it as it is.
func (r random) trouble(pod *hpa.Pod, c hpa.Controller, now time.Time) {
	pod.Deleted = r.chance(5)
	pod.Phase = oneOf(r, hpa.Running, hpa.Running, hpa.Running, hpa.Running, hpa.Running, hpa.Running, hpa.Running, hpa.Pending, hpa.Failed,
		hpa.Succeeded, hpa.Unknown)
	pod.Ready = oneOf(r, hpa.ConditionTrue, hpa.ConditionTrue, hpa.ConditionTrue, hpa.ConditionTrue, hpa.ConditionFalse, hpa.ConditionFalse,
		hpa.ConditionUnknown, "")
	edge := func() time.Duration { return oneOf(r, -time.Second, -1, 0, 0, 1, time.Second) }
	switch r.IntN(8) {
	case 0:
		pod.Started = time.Time{}
	case 1, 2:
		pod.Started = now.Add(-c.CPUInitializationPeriod + edge())
	case 3, 4:
		pod.Started = now.Add(-time.Duration(r.Int64N(int64(10 * time.Minute))))
	}
	if pod.Started.IsZero() {
		pod.ReadySince = now.Add(-r.seconds(0, 10, 100))
		return
	}
	switch r.IntN(3) {
	case 0:
		pod.ReadySince = pod.Started.Add(c.InitialReadinessDelay + edge())
	case 1:
		pod.ReadySince = pod.Started.Add(time.Duration(r.Int64N(max(int64(now.Sub(pod.Started)), 0) + 1)))
	case 2:
		pod.ReadySince = pod.UsageAt.Add(-pod.UsageWindow + edge())
	}
}
