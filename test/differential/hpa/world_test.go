package hpa

import (
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"headroom.dev/headroom/scaling/hpa"
)

// namespace and name are those of the autoscaler, and of what it scales.
const (
	namespace = "shop"
	name      = "checkout"
)

// world is what there is to see at one time, in our types.
type world struct {
	pods     []hpa.Pod
	values   map[string]int64   // of Object metrics
	series   map[string][]int64 // of External metrics
	broken   map[string]bool    // metrics that cannot be read; resources is all of them
	wanted   int                // spec.replicas
	observed int                // status.replicas
}

// resources is the key of broken for the metrics of resources, which come from one source.
const resources = "resources"

var errBroken = errors.New("the metric cannot be read")

// propose is what our side makes of a metric.
func (w *world) propose(m hpa.Metric, t hpa.Tolerance, c hpa.Controller, now time.Time) hpa.Proposed {
	var p hpa.Proposed
	count := hpa.CountPods(w.pods, w.wanted, w.observed)
	switch {
	case w.broken[source(m)]:
		p.Err = errBroken
	case m.Source == hpa.Object:
		p.Proposal, p.Err = m.FromValue(w.values[m.Name], count, t)
	case m.Source == hpa.External && len(w.series[m.Name]) == 0:
		p.Err = errors.New("the metric has no series")
	case m.Source == hpa.External:
		p.Proposal, p.Err = m.FromValue(hpa.Sum(w.series[m.Name]), count, t)
	default:
		p.Proposal, p.Err = m.FromPods(w.pods, w.wanted, t, c, now)
	}
	return p
}

func source(m hpa.Metric) string {
	if m.Source == hpa.Resource || m.Source == hpa.ContainerResource {
		return resources
	}
	return m.Name
}

func label() map[string]string { return map[string]string{"app": name} }

// kubernetesPod is the pod in Kubernetes' types. Every third sidecar is an init container that restarts always, and there is an init
// container that does not, whose request counts for nothing.
func kubernetesPod(i int, pod *hpa.Pod) *corev1.Pod {
	k := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: podName(i), Labels: label()},
		Status:     corev1.PodStatus{Phase: corev1.PodPhase(pod.Phase)},
	}
	if pod.Deleted {
		k.DeletionTimestamp = &metav1.Time{Time: time.Now()}
	}
	if !pod.Started.IsZero() {
		k.Status.StartTime = &metav1.Time{Time: pod.Started}
	}
	if pod.Ready != "" {
		k.Status.Conditions = []corev1.PodCondition{{
			Type: corev1.PodReady, Status: corev1.ConditionStatus(pod.Ready), LastTransitionTime: metav1.Time{Time: pod.ReadySince},
		}}
	}
	if len(pod.PodRequests) > 0 {
		k.Spec.Resources = &corev1.ResourceRequirements{Requests: quantities(pod.PodRequests)}
	}
	if i%2 == 0 {
		k.Spec.InitContainers = append(k.Spec.InitContainers, corev1.Container{
			Name: "migrate", Resources: corev1.ResourceRequirements{Requests: quantities(hpa.Resources{"cpu": 1, "memory": 1})},
		})
	}
	for j, c := range pod.Requests {
		container := corev1.Container{Name: c.Name, Resources: corev1.ResourceRequirements{Requests: quantities(c.Resources)}}
		if j > 0 && (i+j)%3 == 0 {
			always := corev1.ContainerRestartPolicyAlways
			container.RestartPolicy = &always
			k.Spec.InitContainers = append(k.Spec.InitContainers, container)
			continue
		}
		k.Spec.Containers = append(k.Spec.Containers, container)
	}
	return k
}

func podName(i int) string { return fmt.Sprintf("%s-%d", name, i) }

func quantities(amounts hpa.Resources) corev1.ResourceList {
	list := corev1.ResourceList{}
	for key, amount := range amounts {
		list[corev1.ResourceName(key)] = *resource.NewMilliQuantity(amount, resource.DecimalSI)
	}
	return list
}
