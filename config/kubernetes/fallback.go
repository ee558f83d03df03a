package kubernetes

import "headroom.dev/headroom"

// ofFormulas is the behavior that leaves it to the formula.
const ofFormulas = "scalingModifiers"

// fallback reads what to do when triggers cannot be read; processors and memory have none, as in KEDA.
func fallback(a *Autoscaler, triggers []trigger, b *block, modified bool) {
	if b == nil {
		return
	}
	behaviors := map[string]string{"static": "static", "currentReplicas": "current", "currentReplicasIfHigher": "current-if-higher",
		"currentReplicasIfLower": "current-if-lower", ofFormulas: "formula"}
	behavior := b.one("behavior", "static", "currentReplicas", "currentReplicasIfHigher", "currentReplicasIfLower", ofFormulas)
	given := headroom.SignalFallback{
		Behavior: behaviors[behavior],
		// KEDA falls back after more failures than the threshold.
		After:    b.whole("failureThreshold", 3, 0, 999) + 1,
		Replicas: b.whole("replicas", 0, 0, mostReplicas),
	}
	for _, name := range []string{"failureThreshold", "replicas"} {
		if !b.has(name) {
			b.problem(nil, name, "must be given, such as 3")
		}
	}
	b.done("KEDA")
	number := behavior != "currentReplicas" && behavior != ofFormulas
	switch {
	case modified && behavior != ofFormulas:
		b.problem(b.take("behavior"), "behavior", "%s: with a formula headroom has no number to fall back to; while a trigger cannot be read nothing shrinks: take the fallback out", behavior)
	case !modified && behavior == ofFormulas:
		b.problem(b.take("behavior"), "behavior", "%s: needs advanced.scalingModifiers: choose one of the other behaviors, such as static", behavior)
	case given.Replicas == 0 && b.has("replicas") && number:
		b.problem(b.take("replicas"), "replicas", "0: headroom falls back to at least 1; take the fallback out, and nothing shrinks while a trigger cannot be read")
	}
	if behavior == ofFormulas {
		a.note("while a trigger cannot be read its formula has no value and nothing shrinks; KEDA takes target × fallback.replicas")
	}
	for i := range triggers {
		if triggers[i].from != nil {
			triggers[i].from.Fallback = given
		}
	}
}
