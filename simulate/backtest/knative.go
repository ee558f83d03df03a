package backtest

import "headroom.dev/headroom/scaling/kpa"

// knative is Knative's pod autoscaler as it is delivered: 60 s and 6 s windows, a decision every 2 s. A replica's concurrency is what the policy aims at in flight, or
// else 70 % of what a replica can hold.
type knative struct {
	policy kpa.Policy
	state  kpa.State
}

func newKnative(w World) *knative {
	p := kpa.Default()
	p.Total = w.Model.workers()
	p.Target = kpa.Target(p.Total, targetShare)
	if w.Policy.TargetInFlight > 0 {
		p.Target = kpa.Target(w.Policy.TargetInFlight, 1)
	}
	return &knative{policy: p}
}

func (k *knative) Begin(given int) int { return given }

func (k *knative) Next(now *Second) int {
	d := kpa.Step(k.policy, kpa.Input{Now: now.At, Load: now.InFlight, Measured: true, Ready: *now.Observation.Replicas.Ready}, &k.state)
	if !d.Known || d.Desired < 0 {
		return now.Wanted
	}
	return d.Desired
}
