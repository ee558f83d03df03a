package hpa

import (
	"time"

	autoscaling "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	defaults "k8s.io/kubernetes/pkg/apis/autoscaling/v2"

	"headroom.dev/headroom/scaling/hpa"
)

// kubernetesSpec is the autoscaler in Kubernetes' types. Tolerances are drawn in thousandths, which both can hold.
func kubernetesSpec(s hpa.Spec) autoscaling.HorizontalPodAutoscalerSpec {
	least := int32(s.Min)
	k := autoscaling.HorizontalPodAutoscalerSpec{
		ScaleTargetRef: autoscaling.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: name},
		MinReplicas:    &least,
		MaxReplicas:    int32(s.Max),
	}
	for _, m := range s.Metrics {
		k.Metrics = append(k.Metrics, kubernetesMetric(m))
	}
	if s.Behavior != nil {
		k.Behavior = &autoscaling.HorizontalPodAutoscalerBehavior{
			ScaleUp:   kubernetesRules(s.Behavior.ScaleUp),
			ScaleDown: kubernetesRules(s.Behavior.ScaleDown),
		}
	}
	return k
}

func kubernetesMetric(m hpa.Metric) autoscaling.MetricSpec {
	target := autoscaling.MetricTarget{Type: autoscaling.MetricTargetType(m.Type)}
	amount, percent := milli(m.Target), int32(m.Target)
	switch m.Type {
	case hpa.Utilization:
		target.AverageUtilization = &percent
	case hpa.AverageValue:
		target.AverageValue = &amount
	default:
		target.Value = &amount
	}
	identifier := autoscaling.MetricIdentifier{Name: m.Name}
	k := autoscaling.MetricSpec{Type: autoscaling.MetricSourceType(m.Source)}
	switch m.Source {
	case hpa.Resource:
		k.Resource = &autoscaling.ResourceMetricSource{Name: corev1.ResourceName(m.Name), Target: target}
	case hpa.ContainerResource:
		k.ContainerResource = &autoscaling.ContainerResourceMetricSource{Name: corev1.ResourceName(m.Name), Container: m.Container, Target: target}
	case hpa.Pods:
		k.Pods = &autoscaling.PodsMetricSource{Metric: identifier, Target: target}
	case hpa.Object:
		ingress := autoscaling.CrossVersionObjectReference{Kind: "Ingress", Name: "front", APIVersion: "networking.k8s.io/v1"}
		k.Object = &autoscaling.ObjectMetricSource{DescribedObject: ingress, Metric: identifier, Target: target}
	default:
		k.External = &autoscaling.ExternalMetricSource{Metric: identifier, Target: target}
	}
	return k
}

func kubernetesRules(r hpa.Rules) *autoscaling.HPAScalingRules {
	window, choose := int32(r.StabilizationWindow/time.Second), autoscaling.ScalingPolicySelect(r.Select)
	k := &autoscaling.HPAScalingRules{StabilizationWindowSeconds: &window, SelectPolicy: &choose}
	k.Tolerance = resource.NewMilliQuantity(int64(r.Tolerance*1000+0.5), resource.DecimalSI)
	for _, p := range r.Policies {
		k.Policies = append(k.Policies, autoscaling.HPAScalingPolicy{
			Type: autoscaling.HPAScalingPolicyType(p.Type), Value: int32(p.Value), PeriodSeconds: int32(p.Period / time.Second),
		})
	}
	return k
}

// kubernetesDefaults is the spec as the API server fills it in, where no behavior is given for one direction or both.
func kubernetesDefaults(spec autoscaling.HorizontalPodAutoscalerSpec) autoscaling.HorizontalPodAutoscalerSpec {
	object := &autoscaling.HorizontalPodAutoscaler{Spec: spec}
	defaults.SetDefaults_HorizontalPodAutoscaler(object)
	return object.Spec
}
