package hpa

import "time"

// Phase is the phase of a pod, by Kubernetes' names.
type Phase string

// The phases of pods.
const (
	Pending   Phase = "Pending"
	Running   Phase = "Running"
	Succeeded Phase = "Succeeded"
	Failed    Phase = "Failed"
	Unknown   Phase = "Unknown"
)

// ConditionStatus is whether a pod is ready, by Kubernetes' names. Empty: the pod has no such condition yet.
type ConditionStatus string

// The values of the Ready condition.
const (
	ConditionTrue    ConditionStatus = "True"
	ConditionFalse   ConditionStatus = "False"
	ConditionUnknown ConditionStatus = "Unknown"
)

// Resources are amounts by the name of the resource, in milli-units: {"cpu": 250, "memory": 64 << 20 * 1000}.
type Resources map[string]int64

// Container is what one container requests, or what it uses.
type Container struct {
	Name      string    `json:"name"`
	Resources Resources `json:"resources,omitempty"`
}

// Pod is one pod as the controller sees it.
type Pod struct {
	Name    string `json:"name,omitempty"` // for errors only
	Phase   Phase  `json:"phase"`
	Deleted bool   `json:"deleted,omitempty"` // it has a deletion timestamp
	// Started is when the kubelet took the pod on; zero where it has not.
	Started time.Time       `json:"started,omitzero"`
	Ready   ConditionStatus `json:"ready,omitempty"`
	// ReadySince is when Ready last changed.
	ReadySince time.Time `json:"readySince,omitzero"`

	// Requests are those of the containers, and of the init containers that restart always (sidecars).
	Requests []Container `json:"requests,omitempty"`
	// PodRequests are set on the pod as a whole. Where there are any, they count instead of those of the containers, except
	// for ContainerResource metrics.
	PodRequests Resources `json:"podRequests,omitempty"`

	// Usage is what the containers use, as the metrics server says: an average over UsageWindow that ends at UsageAt. None:
	// the pod was not measured. A pod with a container that lacks the resource was not measured either.
	Usage       []Container   `json:"usage,omitempty"`
	UsageAt     time.Time     `json:"usageAt,omitzero"`
	UsageWindow time.Duration `json:"usageWindow,omitempty"`

	// Custom are the values of custom metrics by name, in milli-units.
	Custom map[string]int64 `json:"custom,omitempty"`
}

// readyRunning is what Value targets multiply with. Deleted pods count, as in getReadyPodsCount.
func (p *Pod) readyRunning() bool {
	return p.Phase == Running && p.Ready == ConditionTrue
}

// measured is the pod's value of the metric; false where there is none.
func (p *Pod) measured(m Metric) (int64, bool) {
	if m.Source == Pods {
		value, ok := p.Custom[m.Name]
		return value, ok
	}
	total, any := int64(0), false
	for _, c := range p.Usage {
		if m.Source == ContainerResource && c.Name != m.Container {
			continue
		}
		value, ok := c.Resources[m.Name]
		if !ok {
			return 0, false
		}
		if m.Source == ContainerResource {
			return value, true
		}
		total, any = add(total, value), true
	}
	return total, any
}

// starting reports whether a measured pod is left out since its processor use says more about its start than about the
// load: groupPods' rule for the resource cpu.
//
// Within CPUInitializationPeriod of its start it is left out while it is not ready, and until one whole window was
// measured since it last changed. After that it is left out only if it never was ready: it turned unready within
// InitialReadinessDelay of its start and stayed so.
func (p *Pod) starting(c Controller, now time.Time) bool {
	if p.Ready == "" || p.Started.IsZero() {
		return true
	}
	if p.Started.Add(c.CPUInitializationPeriod).After(now) {
		return p.Ready == ConditionFalse || p.UsageAt.Before(p.ReadySince.Add(p.UsageWindow))
	}
	return p.Ready == ConditionFalse && p.Started.Add(c.InitialReadinessDelay).After(p.ReadySince)
}
