package kubernetes

import (
	"slices"
	"time"

	"headroom.dev/headroom"
)

// KEDA's own defaults (v1alpha1 scaledobject_types.go, and keda.sh/docs).
const (
	kedaMinReplicas     = 0
	kedaMaxReplicas     = 100
	kedaPollingInterval = 30
	kedaCooldownPeriod  = 300
)

// scaledObject reads KEDA's ScaledObject. KEDA makes an HPA of it for 1 to N, and does 0 to 1 and back by itself; here one policy of the kind kubernetes
// is the HPA, and activation and scaleToZeroAfter are KEDA.
func (r objectReader) scaledObject(a *Autoscaler, metadata, spec *block) {
	a.Scaling.MaxReplicas = kedaMaxReplicas
	r.bounds(a, spec, "minReplicaCount", "maxReplicaCount", kedaMinReplicas)
	pause(a, metadata.block("annotations"))
	every := seconds(spec.whole("pollingInterval", kedaPollingInterval, 1, 3600))
	a.Scaling.ScaleToZeroAfter = seconds(spec.whole("cooldownPeriod", kedaCooldownPeriod, 0, int((7 * 24 * time.Hour).Seconds())))
	if spec.whole("initialCooldownPeriod", 0, 0, 1<<30) != 0 {
		spec.refuse("initialCooldownPeriod", "a new service counts as active when it is first seen, so it stays for cooldownPeriod anyway: take this out")
	}
	spec.refuse("idleReplicaCount", "headroom has no idle count: set minReplicaCount to 0, and keep the least number while there is work with a policy, such as "+
		"{name: busy, rule: {when: 'signal.queue.total > 0', replicas: '3'}}")

	advanced := spec.block("advanced")
	triggers := r.triggers(a, spec, every)
	fallback(a, triggers, spec.block("fallback"), advanced != nil && advanced.has("scalingModifiers"))
	for _, t := range triggers {
		t.keep(a)
	}
	policy := &headroom.KubernetesPolicy{SyncPeriod: seconds(15)}
	for _, t := range triggers {
		policy.Metrics = append(policy.Metrics, t.metric)
	}
	if advanced != nil {
		r.advanced(a, advanced, policy, triggers)
	}
	if len(policy.Metrics) > 0 {
		own := headroom.ScalingPolicy{Name: word(a.Name, "keda"), Step: 1, Kubernetes: policy}
		a.Scaling.Policies = slices.Insert(a.Scaling.Policies, 0, own)
	}
	r.toZero(a, triggers)
}

// advanced reads what shapes the HPA that KEDA makes.
func (r objectReader) advanced(a *Autoscaler, b *block, policy *headroom.KubernetesPolicy, triggers []trigger) {
	if b.truth("restoreToOriginalReplicaCount", false) {
		b.refuse("restoreToOriginalReplicaCount", "headroom keeps the number of replicas when a policy goes: take this out")
	}
	if config := b.block("horizontalPodAutoscalerConfig"); config != nil {
		config.ignore("name")
		policy.Behavior = behavior(config.block("behavior"))
		config.done("KEDA")
	}
	if modifiers := b.block("scalingModifiers"); modifiers != nil && len(modifiers.at.entries) > 0 {
		r.modifiers(a, modifiers, policy, triggers)
	}
	b.done("KEDA")
}

// toZero says what starts the first replica. Processors and memory cannot, so KEDA never takes a service to zero that has nothing else.
func (r objectReader) toZero(a *Autoscaler, triggers []trigger) {
	if a.Scaling.MinReplicas > 0 {
		return
	}
	for _, t := range triggers {
		if t.from != nil {
			activate(a, t.metric.Name, t.activation)
		}
	}
	if len(a.Scaling.Activation) == 0 {
		a.Scaling.MinReplicas = 1
		a.note("minReplicas is 1: with triggers on cpu and memory alone KEDA does not go to zero either")
	}
}

// The annotations that KEDA acts upon.
const kedaAnnotation = "autoscaling.keda.sh/"

// pause reads annotations. Others than KEDA's are none of ours.
func pause(a *Autoscaler, b *block) {
	if b == nil {
		return
	}
	up, down := b.truth(kedaAnnotation+"paused-scale-out", false), b.truth(kedaAnnotation+"paused-scale-in", false)
	if b.truth(kedaAnnotation+"paused", false) {
		up, down = true, true
	}
	switch {
	case up && down:
		a.Scaling.Pause = headroom.PauseBoth
	case up:
		a.Scaling.Pause = headroom.PauseUp
	case down:
		a.Scaling.Pause = headroom.PauseDown
	}
	b.refuse(kedaAnnotation+"paused-replicas", "a number that holds is an order, not part of a policy: take this out, and give the order with headroom scale SERVICE N")
	if b.truth(kedaAnnotation+"force-activation", false) {
		b.refuse(kedaAnnotation+"force-activation", "take this out, and set minReplicaCount to 1")
	}
	for _, e := range b.at.entries {
		if name := e.key.text; len(name) > len(kedaAnnotation) && name[:len(kedaAnnotation)] == kedaAnnotation && !b.read[name] {
			b.found.add(e.key, b.join(name), "is no annotation that KEDA has, or none that headroom knows: take it out, or look for a slip in its name")
		}
	}
}
