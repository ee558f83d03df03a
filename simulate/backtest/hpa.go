package backtest

import (
	"math"

	"headroom.dev/headroom"
	"headroom.dev/headroom/scaling/hpa"
)

// Where a HorizontalPodAutoscaler gets its metrics from: the metrics server asks the kubelets every 15 s, and these the containers' counters about as often. What the
// controller reads is thus a mean over 15 s that ended 15 to 30 s ago, so of 15 to 45 s ago.
const (
	hpaSync        = 15 // seconds, --horizontal-pod-autoscaler-sync-period
	metricsScrape  = 15 // seconds, --metric-resolution
	metricsDelay   = 15 // seconds from the kubelet's sample to the answer of the metrics server
	metricsWindow  = 15 // seconds that the rate of a counter is taken over
	metricsHistory = metricsScrape + metricsDelay + metricsWindow
)

// horizontal is a HorizontalPodAutoscaler with Kubernetes' defaults: on processor use where the policy has a target for it, else on the requests or those in
// flight that pods report themselves, so after their queue.
type horizontal struct {
	spec   hpa.Spec
	state  hpa.State
	metric headroom.Metric
	past   [metricsHistory]float64 // total per second, in milli-units
	sample int64                   // of all replicas, that the metrics server answers with
	seen   int
}

func newHPA(w World) *horizontal {
	h := &horizontal{metric: headroom.MetricCPU, spec: hpa.Spec{
		Bounds: hpa.Bounds{Min: max(w.Policy.MinReplicas, 1), Max: max(w.Policy.MaxReplicas, w.Policy.MinReplicas, 1)}, Controller: hpa.DefaultController()}}
	metric := hpa.Metric{Source: hpa.Resource, Name: "cpu", Type: hpa.Utilization}
	pods := func(name headroom.Metric, target float64) {
		h.metric = name
		metric = hpa.Metric{Source: hpa.Pods, Name: string(name), Type: hpa.AverageValue, Target: max(int64(math.Round(target*1000)), 1)}
	}
	switch {
	case w.Policy.TargetCPUUtilization > 0:
		metric.Target = max(int64(w.Policy.TargetCPUUtilization), 1)
	case w.Policy.TargetRequestsPerSecond > 0:
		pods(headroom.MetricRequestsPerSecond, w.Policy.TargetRequestsPerSecond)
	case w.Policy.TargetInFlight > 0:
		pods(headroom.MetricInFlight, w.Policy.TargetInFlight)
	default:
		metric.Target = max(int64(math.Round(w.Model.CPUAtCapacity*targetShare)), 1)
	}
	h.spec.Metrics = []hpa.Metric{metric}
	return h
}

func (h *horizontal) Begin(given int) int { return max(given, h.spec.Min) }

func (h *horizontal) Next(now *Second) int {
	h.record(now)
	if now.Index%hpaSync != 0 || h.seen < metricsHistory {
		return now.Wanted
	}
	ready, starting := *now.Observation.Replicas.Ready, *now.Observation.Replicas.Starting
	metric := h.spec.Metrics[0]
	totals := hpa.Totals{Measured: ready, Unready: starting, Usage: h.sample}
	if metric.Type == hpa.Utilization {
		totals.Request = 100_000 // usage is in percent of it, in thousandths
	}
	var proposed hpa.Proposed
	proposed.Proposal, proposed.Err = metric.FromTotals(totals, now.Wanted, h.spec.Tolerance())
	d, state := hpa.Step(h.spec, []hpa.Proposed{proposed}, now.Wanted, h.state, now.At)
	h.state = state
	return d.Replicas
}

// record takes in a second, and samples when the metrics server does.
func (h *horizontal) record(now *Second) {
	ready := float64(*now.Observation.Replicas.Ready)
	total := now.CPU * ready
	switch h.metric {
	case headroom.MetricRequestsPerSecond:
		total = now.Answered
	case headroom.MetricInFlight:
		total = now.InFlight
	}
	h.past[now.Index%metricsHistory] = total * 1000
	h.seen = min(h.seen+1, metricsHistory)
	// A few seconds off the controller's own rhythm, as two clocks are.
	const offset = 8
	if now.Index%metricsScrape != offset || h.seen < metricsHistory {
		return
	}
	sum := 0.0
	for back := metricsDelay; back < metricsDelay+metricsWindow; back++ {
		sum += h.past[(now.Index-back+metricsHistory)%metricsHistory]
	}
	h.sample = int64(math.Round(sum / metricsWindow))
}
