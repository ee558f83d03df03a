package headroom

// HealthCheckType is how a backend is asked whether it is well.
type HealthCheckType string

// How backends can be asked.
const (
	HealthCheckAuto    HealthCheckType = "auto"    // http, or tcp for a service whose protocol is tcp
	HealthCheckHTTP    HealthCheckType = "http"    // GET of the path; 200 to 399 is healthy
	HealthCheckTCP     HealthCheckType = "tcp"     // a connection is accepted
	HealthCheckGRPC    HealthCheckType = "grpc"    // grpc.health.v1.Health/Check answers SERVING
	HealthCheckCommand HealthCheckType = "command" // a program ends with status 0
)

// HealthCheck says how backends are checked: by GET requests, where 200 to 399 is healthy, unless the type says otherwise. Where
// it is disabled a backend is ready once it accepts a connection.
type HealthCheck struct {
	Enabled            bool              `json:"enabled" default:"true" doc:"false takes a backend that accepts connections as healthy"`
	Interval           Duration          `json:"interval" default:"5s" doc:"time between checks of one backend; a new one is checked many times a second until it first answers" example:"30s"`
	Timeout            Duration          `json:"timeout" default:"2s" doc:"a check that takes longer has failed" example:"5s"`
	Type               HealthCheckType   `json:"type" default:"auto" enum:"auto,http,tcp,grpc,command" doc:"auto is http, and tcp for services whose protocol is tcp; grpc asks grpc.health.v1; command runs a program"`
	Path               string            `json:"path" default:"/health" doc:"path that is requested; of grpc the name of the service after the slash" example:"/health"`
	HealthyThreshold   int               `json:"healthyThreshold" default:"2" minimum:"1" maximum:"100" doc:"successes in a row until a failed backend is healthy again"`
	UnhealthyThreshold int               `json:"unhealthyThreshold" default:"3" minimum:"1" maximum:"100" doc:"failures in a row until a healthy backend is unhealthy"`
	Statuses           []string          `json:"statuses,omitempty" doc:"statuses and ranges that are healthy; not set is 200-399" example:"['200-299', '304']"`
	BodyContains       string            `json:"bodyContains,omitempty" doc:"text that the first 64 KiB of the answer must contain" example:"ready"`
	BodyMatches        string            `json:"bodyMatches,omitempty" doc:"regular expression (RE2) that must match in the first 64 KiB of the answer" example:"'\"status\": *\"(up|ok)\"'"`
	Headers            map[string]string `json:"headers,omitempty" doc:"header fields that the answer must have, each with a text that its value must contain; an empty text asks for the field alone" example:"{X-Ready: 'yes'}"`
	Command            []string          `json:"command,omitempty" doc:"of type command: program and arguments, in which {{address}}, {{host}} and {{port}} are the backend's" example:"[/usr/lib/check_app, '{{address}}']"`
	Jitter             int               `json:"jitter" default:"10" minimum:"0" maximum:"50" doc:"percent by which intervals are made longer or shorter by chance, so that checks do not come in step"`
}

// CircuitBreaker leaves a failing backend alone for a while; see balancing/guard.
type CircuitBreaker struct {
	Enabled            bool     `json:"enabled" default:"true" doc:"false sends requests to a failing backend as to any other"`
	FailureThreshold   int      `json:"failureThreshold" default:"5" minimum:"1" maximum:"10000" doc:"failures in a row that open the breaker"`
	RecoveryTimeout    Duration `json:"recoveryTimeout" default:"30s" doc:"how long it stays open before one request may try again" example:"30s"`
	MaxRecoveryTimeout Duration `json:"maxRecoveryTimeout,omitempty" doc:"longest it stays open, which doubles each time it opens again; not set is ten times recoveryTimeout" example:"60s"`
	ErrorPercent       int      `json:"errorPercent" default:"50" minimum:"0" maximum:"100" doc:"share of failures within 10 s that opens it as well; 0 is none"`
	MinimumRequests    int      `json:"minimumRequests" default:"20" minimum:"1" maximum:"1000000" doc:"results within 10 s without which errorPercent opens nothing"`
	Probes             int      `json:"probes" default:"1" minimum:"1" maximum:"3" doc:"requests at once that may try when recoveryTimeout is over; two successes close it"`
	Service            bool     `json:"service,omitempty" doc:"one more breaker for the service as a whole: while it is open, requests are answered 503 at once" example:"true"`
}

// OutlierDetection ejects backends that do worse than the others of their service, by what becomes of their requests. Each ejection is longer
// than the one before. A few are ejected at most, so that what is wrong with all of them takes none out.
type OutlierDetection struct {
	Enabled            bool     `json:"enabled" default:"false" doc:"eject backends that do worse than the others" example:"true"`
	Interval           Duration `json:"interval" default:"10s" doc:"time between comparisons of error shares and latencies; errors in a row eject at once" example:"10s"`
	ConsecutiveErrors  int      `json:"consecutiveErrors" default:"5" minimum:"0" maximum:"10000" doc:"errors in a row that eject a backend, 500 included; 0 is none"`
	SuccessRateFactor  float64  `json:"successRateFactor" default:"1.9" minimum:"0" maximum:"10" doc:"standard deviations below the mean of all at which the share of successes ejects a backend, where 5 backends have 100 requests each; 0 is none" example:"1.9"`
	LatencyFactor      float64  `json:"latencyFactor" default:"3" minimum:"0" maximum:"100" doc:"times the median of all at which the mean time to first byte ejects a backend, where 3 backends have 20 requests each; 0 is none" example:"3"`
	LatencyMargin      Duration `json:"latencyMargin" default:"50ms" doc:"what it must be above the median at least" example:"50ms"`
	EjectionTime       Duration `json:"ejectionTime" default:"30s" doc:"length of a first ejection; the second in a row is twice as long, and so on" example:"30s"`
	MaxEjectionTime    Duration `json:"maxEjectionTime" default:"5m" doc:"longest ejection" example:"5m"`
	MaxEjectionPercent int      `json:"maxEjectionPercent" default:"10" minimum:"1" maximum:"100" doc:"most of a service's backends that may be ejected at once; one always may, where there are two"`
}

// SlowStart gives backends that join or return their share little by little, by any algorithm.
type SlowStart struct {
	Window     Duration `json:"window,omitempty" doc:"time until the full share; not set is scaling.warmUp, without which there is no slow start" example:"30s"`
	Aggression float64  `json:"aggression" default:"1" minimum:"0.1" maximum:"10" doc:"form of the growth: 1 is even, more begins faster" example:"1"`
	MinPercent int      `json:"minPercent" default:"10" minimum:"1" maximum:"100" doc:"share to begin with"`
}
