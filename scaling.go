package headroom

// Scaling says how the number of replicas of one service follows its load.
type Scaling struct {
	Enabled     bool `json:"enabled" default:"true" doc:"false keeps the number of replicas as it is"`
	MinReplicas int  `json:"minReplicas" default:"1" minimum:"0" maximum:"1000" doc:"never fewer replicas than this; with 0 the last one is stopped when nothing has been active for scaleToZeroAfter"`
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

	Policies []ScalingPolicy `json:"policies,omitempty" doc:"what decides beside the targets: thresholds, targets on any signal, steps, schedules, concurrency, rules, formulas" example:"[{name: cpu-scaling, metric: cpu, threshold: 70, action: scale-up}]"`
	// Combine max is what HPA, KEDA and AWS do: whoever needs the most gets it.
	Combine Combination `json:"combine,omitempty" enum:"max,min,all,weighted,first" doc:"how the targets and policies become one number: the largest (max, where not given); the smallest; a change only where all agree on its direction; their weighted mean; the first that does not abstain"`

	Behavior   Behavior       `json:"behavior" doc:"how fast the number may change, as in a HorizontalPodAutoscaler" example:"{scaleDown: {stabilizationWindow: 5m}}"`
	FlapBudget int            `json:"flapBudget,omitempty" minimum:"0" maximum:"100000" doc:"starts and stops of replicas in an hour after which nothing is stopped any more" example:"40"`
	Headroom   Spare          `json:"headroom" doc:"replicas beyond those that the load asks for"`
	Schedule   []BoundsWindow `json:"schedule,omitempty" doc:"other bounds at some times; of windows that overlap the largest minReplicas and the smallest maxReplicas count" example:"[{name: office, from: '0 8 * * 1-5', until: '0 18 * * 1-5', minReplicas: 5}]"`
	WarmUp     Duration       `json:"warmUp,omitempty" doc:"how long a replica that is ready carries less than it will; until then nothing shrinks because of it" example:"30s"`
	Pause      PauseDirection `json:"pause,omitempty" enum:"none,up,down,both" doc:"which way the number does not go for now; none where not given"`

	ScaleToZeroAfter Duration              `json:"scaleToZeroAfter" default:"5m" doc:"with minReplicas 0: how long nothing must have been active before the last replica is stopped" example:"10m"`
	Activation       map[Metric]float64    `json:"activation,omitempty" doc:"with minReplicas 0: a signal whose total is above its value starts the first replica; default any request" example:"{queue: 5}"`
	Signals          map[Metric]SignalFrom `json:"signals,omitempty" doc:"signals beside the built-in ones, by name; targets and policies use them by that name" example:"{queue: {promql: {query: 'sum(queue_length)'}}}"`
	Calendars        map[string][]string   `json:"calendars,omitempty" doc:"days by name, for schedules: dates or ranges of dates" example:"{holidays: ['2026-12-24..2026-12-26', '2027-01-01']}"`
	TimeZone         string                `json:"timeZone,omitempty" doc:"of schedules (UTC where not given), and of hour and weekday in rules" example:"Europe/Berlin"`
	ReplicaHour      Money                 `json:"replicaHour,omitzero" doc:"what one replica costs in an hour; rules and backtests use it" example:"0.042 USD"`
}

// Combination is how several proposals become one.
type Combination string

// The combinations. Abstentions do not count in any of them.
const (
	CombineMax      Combination = "max"
	CombineMin      Combination = "min"
	CombineAll      Combination = "all"      // up only if every proposal is up, by the smallest; down likewise, by the largest
	CombineWeighted Combination = "weighted" // mean by ScalingPolicy.Weight, rounded up
	CombineFirst    Combination = "first"    // in the order of the configuration
)

// PauseDirection is which way scaling is paused.
type PauseDirection string

// The directions of a pause.
const (
	PauseNone PauseDirection = "none"
	PauseUp   PauseDirection = "up"
	PauseDown PauseDirection = "down"
	PauseBoth PauseDirection = "both"
)

// Spare is capacity beyond what the load asks for: the larger of both, added to what the proposals give.
type Spare struct {
	Replicas int     `json:"replicas,omitempty" minimum:"0" maximum:"1000" doc:"so many replicas" example:"1"`
	Percent  float64 `json:"percent,omitempty" minimum:"0" maximum:"1000" doc:"so many percent of the replicas that are needed, rounded up" example:"20"`
}

// Metric names something that is measured of each service and can be scaled on.
type Metric string

// The metrics that need no setup. Units are per replica.
const (
	MetricCPU               Metric = "cpu"                 // percent of run.cpu
	MetricMemory            Metric = "memory"              // percent of run.memory
	MetricRequestsPerSecond Metric = "requests-per-second" // requests that arrived, per second
	MetricInFlight          Metric = "in-flight"           // requests being served at once
	MetricLatency           Metric = "latency"             // milliseconds at Scaling.LatencyQuantile
	MetricBytesPerSecond    Metric = "bytes-per-second"    // bodies received and sent, per second
	MetricErrors            Metric = "errors"              // percent of the requests that failed through no fault of the client
)

// Metrics lists the built-in metrics.
func Metrics() []Metric {
	return []Metric{MetricCPU, MetricMemory, MetricRequestsPerSecond, MetricInFlight, MetricLatency,
		MetricBytesPerSecond, MetricErrors}
}

// Shared reports whether the metric belongs to the service as a whole: it does not add up over replicas, and more replicas do not divide it.
func (m Metric) Shared() bool {
	return m == MetricLatency || m == MetricErrors
}

// Unit is what a value of the metric is counted in, as printed after a number; empty for a user's own signal.
func (m Metric) Unit() string {
	switch m {
	case MetricCPU, MetricMemory, MetricErrors:
		return "%"
	case MetricRequestsPerSecond:
		return "requests/s"
	case MetricInFlight:
		return "requests"
	case MetricLatency:
		return "ms"
	case MetricBytesPerSecond:
		return "bytes/s"
	default:
		return ""
	}
}
