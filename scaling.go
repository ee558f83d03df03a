package headroom

// Scaling says how the number of replicas of one service follows its load.
type Scaling struct {
	Enabled     bool `json:"enabled" default:"true" doc:"false keeps the number of replicas as it is"`
	MinReplicas int  `json:"minReplicas" default:"1" minimum:"1" maximum:"1000" doc:"never fewer replicas than this"`
	MaxReplicas int  `json:"maxReplicas" default:"10" minimum:"1" maximum:"1000" doc:"never more replicas than this"`

	TargetCPUUtilization    float64  `json:"targetCPUUtilization,omitempty" minimum:"1" maximum:"100" doc:"processor use per replica to aim at, percent of run.cpu" example:"70"`
	TargetMemoryUtilization float64  `json:"targetMemoryUtilization,omitempty" minimum:"1" maximum:"100" doc:"memory use per replica to aim at, percent of run.memory" example:"80"`
	TargetRequestsPerSecond float64  `json:"targetRequestsPerSecond,omitempty" minimum:"0.001" maximum:"1000000" doc:"requests per second per replica to aim at" example:"50"`
	TargetInFlight          float64  `json:"targetInFlight,omitempty" minimum:"0.01" maximum:"1000000" doc:"requests being served at once per replica to aim at" example:"8"`
	TargetLatency           Duration `json:"targetLatency,omitempty" doc:"time to answer to aim at, at latencyQuantile" example:"200ms"`
	LatencyQuantile         float64  `json:"latencyQuantile" default:"0.95" minimum:"0.5" maximum:"0.999" doc:"which quantile targetLatency and the metric latency mean"`

	// Tolerance 0.1 is HPA's default: no change while the load is within 10 % of the target.
	Tolerance float64 `json:"tolerance" default:"0.1" minimum:"0" maximum:"1" doc:"no change while load and target differ by less than this share"`
	// StableWindow 15 s: long enough to average out Poisson noise at 20 requests/s (±6 %), short enough to follow a ramp.
	StableWindow Duration `json:"stableWindow" default:"15s" doc:"over how long measurements are averaged; 1s to 5m" example:"15s"`
	// PanicThreshold 1.5: Knative panics at 2.0 over 6 s; ours looks at one second, but counts every request.
	PanicThreshold float64 `json:"panicThreshold" default:"1.5" minimum:"1.1" maximum:"10" doc:"act on the last second alone when it asks for this many times the ready replicas"`

	ScaleUpCooldown   Duration `json:"scaleUpCooldown" default:"0s" doc:"no scale-up for this long after a scale-up" example:"3m"`
	ScaleDownCooldown Duration `json:"scaleDownCooldown" default:"5m" doc:"no scale-down for this long after any change" example:"5m"`

	Policies []ThresholdPolicy `json:"policies,omitempty" doc:"steps taken when a metric crosses a threshold" example:"[{name: cpu-scaling, metric: cpu, threshold: 70, action: scale-up}]"`
}

// ThresholdPolicy takes a step when a metric, averaged over the stable window, is above (scale-up) or below
// (scale-down) a threshold. It abstains otherwise. The largest proposal of all targets and policies wins.
type ThresholdPolicy struct {
	Name      string          `json:"name" doc:"unique among the policies of a service; a word without dots and slashes" example:"cpu-scaling"`
	Metric    Metric          `json:"metric" enum:"cpu,memory,requests-per-second,in-flight,latency" doc:"what is compared, per replica: percent, requests, or milliseconds" example:"cpu"`
	Threshold float64         `json:"threshold" minimum:"0" maximum:"1000000" doc:"in the metric's unit" example:"70"`
	Action    ThresholdAction `json:"action" enum:"scale-up,scale-down" doc:"which way to step" example:"scale-up"`
	Step      int             `json:"step" default:"1" minimum:"1" maximum:"1000" doc:"how many replicas to add or remove at once"`
}

// ThresholdAction is what a threshold policy does.
type ThresholdAction string

// The actions of threshold policies.
const (
	ActionScaleUp   ThresholdAction = "scale-up"
	ActionScaleDown ThresholdAction = "scale-down"
)

// Metric names something that is measured of each service and can be scaled on.
type Metric string

// The metrics that need no setup. Units are per replica.
const (
	MetricCPU               Metric = "cpu"                 // percent of run.cpu
	MetricMemory            Metric = "memory"              // percent of run.memory
	MetricRequestsPerSecond Metric = "requests-per-second" // requests that arrived, per second
	MetricInFlight          Metric = "in-flight"           // requests being served at once
	MetricLatency           Metric = "latency"             // milliseconds at Scaling.LatencyQuantile
)

// Metrics lists every metric that can be scaled on.
func Metrics() []Metric {
	return []Metric{MetricCPU, MetricMemory, MetricRequestsPerSecond, MetricInFlight, MetricLatency}
}

// Unit is what a value of the metric is counted in, as printed after a number.
func (m Metric) Unit() string {
	switch m {
	case MetricCPU, MetricMemory:
		return "%"
	case MetricRequestsPerSecond:
		return "requests/s"
	case MetricInFlight:
		return "requests"
	case MetricLatency:
		return "ms"
	default:
		return ""
	}
}
