package hpa

// Source is where a metric comes from, by HPA's names.
type Source string

// The sources of metrics.
const (
	Resource          Source = "Resource"          // what pods use of a resource, all containers together
	ContainerResource Source = "ContainerResource" // what one container of each pod uses
	Pods              Source = "Pods"              // a custom metric of each pod
	Object            Source = "Object"            // one value of something else, for example an ingress
	External          Source = "External"          // the sum of all series of an external metric
)

// TargetType is what a target is compared with, by HPA's names.
type TargetType string

// The types of targets. Resource and ContainerResource take Utilization or AverageValue, Pods takes AverageValue, Object
// and External take Value or AverageValue.
const (
	Utilization  TargetType = "Utilization"  // percent of the sum of all requests
	AverageValue TargetType = "AverageValue" // per replica
	Value        TargetType = "Value"        // the value itself, whatever the number of replicas
)

// Metric is one metric of a HorizontalPodAutoscaler with its target.
type Metric struct {
	Source Source `json:"source"`
	// Name is the resource ("cpu" has rules of its own for pods that are starting) or the name of the metric.
	Name string `json:"name"`
	// Container is the container that a ContainerResource metric is about.
	Container string     `json:"container,omitempty"`
	Type      TargetType `json:"type"`
	// Target is percent for Utilization and milli-units otherwise; at least 1.
	Target int64 `json:"target"`
}

// Tolerance is by how much, as a share of the target, a metric may miss it without a change: with 0.1 and 0.2 ratios
// from 0.9 to 1.2 change nothing, both ends included. 0 and more; a Down of 1 or more never lets the number fall.
type Tolerance struct {
	Down float64 `json:"down"`
	Up   float64 `json:"up"`
}

func (t Tolerance) covers(ratio float64) bool {
	return 1-t.Down <= ratio && ratio <= 1+t.Up
}

// external reports whether the metric can be read while there are no replicas.
func (m Metric) external() bool {
	return m.Source == Object || m.Source == External
}

// describe names the metric as the controller does in its event "X above target", without labels.
func (m Metric) describe() string {
	switch m.Source {
	case Resource, ContainerResource:
		kind := " resource"
		if m.Type == Utilization && m.Source == ContainerResource {
			kind = " container resource"
		}
		if m.Type == Utilization {
			kind += " utilization (percentage of request)"
		}
		return m.Name + kind
	case Pods:
		return "pods metric " + m.Name
	case Object:
		return "object metric " + m.Name
	default:
		return "external metric " + m.Name
	}
}
