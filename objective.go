package headroom

import "time"

// Objective is what is promised to the users of a service.
type Objective struct {
	// Availability 99.9 % of requests over 30 days leaves 43 minutes of total outage.
	Availability float64  `json:"availability" default:"99.9" minimum:"50" maximum:"99.9999" doc:"percent of requests that do not fail"`
	Latency      Duration `json:"latency,omitempty" doc:"time in which latencyShare of the requests are answered; not judged where not set" example:"300ms"`
	LatencyShare float64  `json:"latencyShare" default:"99" minimum:"50" maximum:"99.9999" doc:"percent of requests answered within latency"`
	Window       Duration `json:"window" default:"30d" doc:"rolling period over which the promise is judged" example:"30d"`
}

// AlertRule raises an alert while a PromQL expression has had a result for some time.
type AlertRule struct {
	Name     string   `json:"name" doc:"unique among the rules" example:"HighErrorShare"`
	Expr     string   `json:"expr" doc:"PromQL; each series of its result is one alert" example:"headroom_requests_in_flight > 100"`
	For      Duration `json:"for" default:"0s" doc:"how long it must hold before the alert fires" example:"1m"`
	Severity string   `json:"severity" default:"warning" enum:"info,warning,critical" doc:"how urgent it is"`
	Summary  string   `json:"summary,omitempty" doc:"one sentence for whoever is called" example:"too many requests at once"`
}

// AlertState is where an alert is in its life.
type AlertState string

// The states of an alert.
const (
	AlertPending  AlertState = "pending"  // holds, not yet for long enough
	AlertFiring   AlertState = "firing"   // holds for long enough
	AlertResolved AlertState = "resolved" // no longer holds
)

// Alert is one series for which a rule holds or held.
type Alert struct {
	Rule       string            `json:"rule"`
	Severity   string            `json:"severity"`
	Summary    string            `json:"summary,omitempty"`
	Labels     map[string]string `json:"labels,omitempty"`
	State      AlertState        `json:"state" enum:"pending,firing,resolved"`
	Value      *float64          `json:"value"` // newest; nil where it could not be read
	Since      time.Time         `json:"since"` // when it began to hold
	FiredAt    time.Time         `json:"firedAt,omitzero"`
	ResolvedAt time.Time         `json:"resolvedAt,omitzero"`
}
