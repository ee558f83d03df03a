package headroom

import "time"

// ServiceStatus is what there is to know of one service now.
type ServiceStatus struct {
	Name string `json:"name"`
	// Kind is "run" for a command of which headroom starts replicas, "backends" for addresses that someone else runs.
	Kind            string `json:"kind" enum:"run,backends"`
	DesiredReplicas int    `json:"desiredReplicas"`
	// ReadyReplicas and StartingReplicas are null where the platform could not be read.
	ReadyReplicas    *int              `json:"readyReplicas"`
	StartingReplicas *int              `json:"startingReplicas"`
	MinReplicas      int               `json:"minReplicas"`
	MaxReplicas      int               `json:"maxReplicas"`
	Scaling          Scaling           `json:"scaling"`
	Signals          map[Metric]Signal `json:"signals,omitempty"`
	Manual           *ManualScale      `json:"manual,omitempty"`
	LastDecision     *Decision         `json:"lastDecision"`         // the newest, also where it changed nothing
	LastChange       *Decision         `json:"lastChange,omitempty"` // the newest that changed the number
	Replicas         []Replica         `json:"replicas,omitempty"`
	Operations       []Operation       `json:"operations,omitempty"` // open ones
	Problems         []string          `json:"problems,omitempty"`   // what a person should know, in sentences
	// Shadows compares each shadow policy with what is decided.
	Shadows []ShadowComparison `json:"shadows,omitempty"`
	// Split is there where the service shares its requests among variants.
	Split *ServiceSplit `json:"split,omitempty"`
}

// ShadowComparison is what a shadow policy would have done by itself, beside what was decided without it. All lengths are within the last hour, and since the
// policy or headroom began if that was later.
type ShadowComparison struct {
	Service string `json:"service" example:"shop"`
	Policy  string `json:"policy" example:"evenings"`
	Live    int    `json:"live" doc:"replicas that are wanted without it" example:"4"`
	// Wants has the headroom and the bounds of the service in it; null is an abstention.
	Wants *int      `json:"wants" doc:"replicas that would be wanted if it decided alone; null while it abstains" example:"6"`
	Since time.Time `json:"since,omitzero" doc:"since when it wants that; not there before the first decision"`

	Compared          Duration `json:"compared" doc:"how long it did not abstain" example:"58m"`
	Differed          Duration `json:"differed" doc:"how long it wanted another number" example:"12m"`
	MoreReplicaHours  float64  `json:"moreReplicaHours" doc:"replica-hours that it would have used more" example:"0.4"`
	FewerReplicaHours float64  `json:"fewerReplicaHours" doc:"replica-hours that it would have saved" example:"0.1"`
}

// BackendStatus is what there is to know of one backend now.
type BackendStatus struct {
	Backend
	Health            Health       `json:"health" enum:"unknown,healthy,unhealthy"`
	Breaker           BreakerState `json:"breaker" enum:"closed,open,half-open"`
	InFlight          *int64       `json:"inFlight"` // null where no balancer has reported
	RequestsPerSecond *float64     `json:"requestsPerSecond"`
	LatencyP95        *Duration    `json:"latencyP95,omitempty"`
	LastFailure       string       `json:"lastFailure,omitempty"`
	Ejected           string       `json:"ejected,omitempty" doc:"why outlier detection has ejected the backend; not there where it has not"`
}

// BalancerStatus is what there is to know of the balancer now.
type BalancerStatus struct {
	Connected  bool       `json:"connected"` // false where no balancer has reported within three seconds
	ReportedAt *time.Time `json:"reportedAt"`
	// TableVersion is what the balancer applied, EndpointsVersion what it should apply.
	TableVersion     uint64           `json:"tableVersion"`
	EndpointsVersion uint64           `json:"endpointsVersion"`
	Services         []ServiceTraffic `json:"services"`
	// Listeners are of the last second; Certificates have the one that ends first in front. Both are empty where the balancer is away.
	Listeners    []ListenerMeasurement `json:"listeners"`
	Certificates []CertificateStatus   `json:"certificates"`
}

// ServiceTraffic is the traffic of one service in the last second.
type ServiceTraffic struct {
	Service           string          `json:"service"`
	Listen            string          `json:"listen"`
	Algorithm         Algorithm       `json:"algorithm"`
	RequestsPerSecond float64         `json:"requestsPerSecond"`
	InFlight          int64           `json:"inFlight"`
	FailedPerSecond   float64         `json:"failedPerSecond"`
	LatencyP50        *Duration       `json:"latencyP50"` // null where nothing was answered
	LatencyP95        *Duration       `json:"latencyP95"`
	LatencyP99        *Duration       `json:"latencyP99"`
	Backends          []BackendStatus `json:"backends"`
	// RateLimits are those of the service and then those of its routes.
	RateLimits []RateLimitStatus `json:"rateLimits,omitempty"`
}

// RateLimitStatus is what there is to know of one rate limit now. What it counted is of the last second, and null where no balancer has reported.
type RateLimitStatus struct {
	RateLimit
	Path               string       `json:"path,omitempty"` // of its route, if it is of one
	AllowedPerSecond   *float64     `json:"allowedPerSecond"`
	LimitedPerSecond   *float64     `json:"limitedPerSecond"`   // of a dry run: that would have been
	FallbackPerSecond  *float64     `json:"fallbackPerSecond"`  // counted by the balancer's share, since Redis was away
	UncountedPerSecond *float64     `json:"uncountedPerSecond"` // refused with 503, since Redis was away
	MostLimited        []LimitedKey `json:"mostLimited"`        // in about the last minute
}

// Policy is a threshold policy of one service, as an object with an identity.
type Policy struct {
	ID      string `json:"id" readOnly:"true" doc:"SERVICE.NAME" example:"shop.cpu-scaling"`
	Service string `json:"service" example:"shop"`
	ScalingPolicy
	Source BackendSource `json:"source" readOnly:"true" enum:"config,api"`
}

// ScaleOrder is a person's order for a number of replicas.
type ScaleOrder struct {
	Service  string   `json:"service" example:"shop"`
	Replicas int      `json:"replicas" minimum:"0" doc:"between the service's minReplicas and maxReplicas"`
	For      Duration `json:"for,omitempty" doc:"how long the order overrides the policies; scaleDownCooldown where not given"`
	Reason   string   `json:"reason,omitempty" doc:"kept with the decision"`
	By       string   `json:"-"`
}

// Change is what every mutation through the API has in common.
type Change struct {
	DryRun bool // check all and answer as if, but change nothing
	// Expect is how the service must scale still for the change of a policy to be made; nil for any.
	Expect *Scaling
	// IfMatch are the versions of what is changed that the change is meant for, "*" any; empty is any too.
	IfMatch []string
	Reason  string // what the client says why
	// Also returns writes that are committed atomically together with the change (audit and idempotency records), given
	// the result that will be answered. It is not called in a dry run.
	Also func(result any) ([]Write, error)
}

// QueryResult is the answer to a PromQL query.
type QueryResult struct {
	Type     string   `json:"type" enum:"scalar,vector,matrix,string"`
	Series   []Series `json:"series"`
	Warnings []string `json:"warnings,omitempty"`
}

// Series is one time series.
type Series struct {
	Labels map[string]string `json:"labels"` // __name__ included where there is one
	Points []Point           `json:"points"`
}

// Point is one value at one time. Value is null where it is not a finite number; Text then says which ("NaN", "+Inf").
type Point struct {
	At    time.Time `json:"at"`
	Value *float64  `json:"value"`
	Text  string    `json:"text,omitempty"`
}

// SLAReport is how one service kept its promise over a period. Nil numbers are not known: there was no traffic, or no
// record of it.
type SLAReport struct {
	Service   string    `json:"service"`
	Objective Objective `json:"objective"`
	From      time.Time `json:"from"`
	To        time.Time `json:"to"`
	// Covered is the part of the period for which there are measurements, 0 to 1.
	Covered         float64  `json:"covered"`
	Requests        float64  `json:"requests"`
	Failed          float64  `json:"failed"`
	Availability    *float64 `json:"availability"`         // percent
	BudgetRemaining *float64 `json:"budgetRemaining"`      // share of the error budget left; negative is overspent
	BurnRate1h      *float64 `json:"burnRate1h"`           // 1 spends exactly the budget over the window
	LatencyMet      *float64 `json:"latencyMet,omitempty"` // percent of requests answered within Objective.Latency
	Met             *bool    `json:"met"`
	Summary         string   `json:"summary"` // the same in a sentence
}

// ComponentHealth is how one part of headroom is.
type ComponentHealth struct {
	Name    string    `json:"name" example:"balancer"`
	Healthy bool      `json:"healthy"`
	Detail  string    `json:"detail,omitempty"`
	At      time.Time `json:"at"`
}

// BackendUpdate changes a backend; nil fields stay as they are.
type BackendUpdate struct {
	Weight *int          `json:"weight,omitempty" minimum:"0" maximum:"1000" doc:"share of the traffic relative to the other backends; 0 gets none" example:"2"`
	State  *BackendState `json:"state,omitempty" enum:"active,draining" doc:"draining finishes the requests it has and gets no new ones" example:"draining"`
}
