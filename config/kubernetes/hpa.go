package kubernetes

import (
	"headroom.dev/headroom"
)

// Annotations of autoscaling/v1 that hold what only autoscaling/v2 has fields for. Those of the status (conditions, current-metrics) say nothing of the policy.
const (
	annotationMetrics  = "autoscaling.alpha.kubernetes.io/metrics"
	annotationBehavior = "autoscaling.alpha.kubernetes.io/behavior"
)

// defaultUtilization is what HPA takes where it is given no metrics.
const defaultUtilization = 80

// v2 reads autoscaling/v2.
func (r objectReader) v2(a *Autoscaler, _, spec *block) {
	r.bounds(a, spec, "minReplicas", "maxReplicas", 1)
	policy := &headroom.KubernetesPolicy{SyncPeriod: seconds(15)}
	items, _ := spec.list("metrics")
	for i, item := range items {
		metric := open(r.found, spec.join(index("metrics", i)), item)
		if m, ok := r.metric(a, metric); ok {
			policy.Metrics = append(policy.Metrics, m)
		}
	}
	if len(items) == 0 {
		policy.Metrics = r.withoutMetrics(a)
	}
	policy.Behavior = behavior(spec.block("behavior"))
	r.finish(a, spec, policy)
}

// v1 reads autoscaling/v1, which knows the processor only.
func (r objectReader) v1(a *Autoscaler, metadata, spec *block) {
	r.bounds(a, spec, "minReplicas", "maxReplicas", 1)
	if annotations := metadata.block("annotations"); annotations != nil {
		for _, name := range []string{annotationMetrics, annotationBehavior} {
			annotations.refuse(name, "holds what autoscaling/v1 has no fields for: get the object as autoscaling/v2, with kubectl get hpa.v2.autoscaling NAME -o yaml")
		}
	}
	policy := &headroom.KubernetesPolicy{SyncPeriod: seconds(15)}
	const field = "targetCPUUtilizationPercentage"
	if spec.has(field) {
		target := spec.whole(field, defaultUtilization, 1, mostTarget)
		policy.Metrics = []headroom.KubernetesMetric{utilization(headroom.MetricCPU, float64(target))}
	} else {
		policy.Metrics = r.withoutMetrics(a)
	}
	r.finish(a, spec, policy)
}

func utilization(metric headroom.Metric, target float64) headroom.KubernetesMetric {
	return headroom.KubernetesMetric{Type: "Resource", Name: metric, TargetType: "Utilization", Target: target}
}

func (r objectReader) withoutMetrics(a *Autoscaler) []headroom.KubernetesMetric {
	a.note("it has no metrics, for which Kubernetes takes a cpu utilization of %d %%", defaultUtilization)
	return []headroom.KubernetesMetric{utilization(headroom.MetricCPU, defaultUtilization)}
}

// bounds reads the least and the most replicas; least is that of an object that says nothing.
func (r objectReader) bounds(a *Autoscaler, spec *block, minimum, maximum string, least int) {
	a.Scaling.MinReplicas = spec.whole(minimum, least, 0, mostReplicas)
	if spec.has(maximum) {
		a.Scaling.MaxReplicas = spec.whole(maximum, 1, 1, mostReplicas)
	}
	if a.Scaling.MaxReplicas < a.Scaling.MinReplicas && spec.has(maximum) {
		spec.problem(spec.take(maximum), maximum, "%d: must be at least %s, which is %d", a.Scaling.MaxReplicas, minimum, a.Scaling.MinReplicas)
	}
}

// finish makes the policy of an HPA.
func (r objectReader) finish(a *Autoscaler, spec *block, policy *headroom.KubernetesPolicy) {
	if !spec.has("maxReplicas") {
		spec.problem(nil, "maxReplicas", "must be given, such as 10")
	}
	a.Scaling.Policies = []headroom.ScalingPolicy{{Name: word(a.Name, "hpa"), Step: 1, Kubernetes: policy}}
	if a.Scaling.MinReplicas > 0 {
		return
	}
	for _, m := range policy.Metrics {
		if m.Type == "Object" || m.Type == "External" {
			activate(a, m.Name, 0)
		}
	}
	if len(a.Scaling.Activation) == 0 && len(policy.Metrics) > 0 {
		spec.problem(spec.take("minReplicas"), "minReplicas", "0: needs an Object or External metric, which exists without replicas: Kubernetes refuses it as well; write 1")
	}
}

// activate has a signal start the first replica when it is above a value.
func activate(a *Autoscaler, metric headroom.Metric, above float64) {
	if a.Scaling.Activation == nil {
		a.Scaling.Activation = map[headroom.Metric]float64{}
	}
	a.Scaling.Activation[metric] = above
}
