package headroom

// RetryCondition is what of an attempt that failed is tried again.
type RetryCondition string

// What can be tried again.
const (
	RetryConnect   RetryCondition = "connect"   // no connection, or the backend refused the request unread
	RetryReset     RetryCondition = "reset"     // the connection broke before anything of the answer went to the client
	RetryTimeout   RetryCondition = "timeout"   // no answer within perTryTimeout, or within timeouts.response
	RetryMalformed RetryCondition = "malformed" // an answer that is none
)

// Retries says when a request is tried again: always on a backend that it was not tried on yet, and only where it may be, because its method is
// idempotent and its body can be sent again, or because surely nothing of it was acted upon.
type Retries struct {
	Attempts      int              `json:"attempts" default:"3" minimum:"1" maximum:"10" doc:"how many backends one request is tried on at most, the first included; 1 tries nothing again"`
	On            []RetryCondition `json:"on,omitempty" doc:"failures after which it is tried again: connect, reset, timeout, malformed; not set is connect and reset, and timeout where perTryTimeout is set" example:"[connect, reset, timeout, malformed]"`
	Statuses      []int            `json:"statuses,omitempty" doc:"statuses of answers in place of which another backend is asked, where one is left" example:"[502, 503, 504]"`
	PerTryTimeout Duration         `json:"perTryTimeout,omitempty" doc:"from the end of the request to the head of the response, of each try but the last; not set is timeouts.response" example:"2s"`
	Backoff       Backoff          `json:"backoff" doc:"waiting before a request is tried again"`
	Budget        RetryBudget      `json:"budget" doc:"most retries and hedges of a service"`
}

// Backoff is how long a request waits before it is tried again: half to all of a time that doubles.
type Backoff struct {
	Base Duration `json:"base,omitempty" doc:"before the second try; twice that before the third, and so on; not set is at once, since another backend is asked" example:"25ms"`
	Max  Duration `json:"max" default:"1s" doc:"longest wait" example:"250ms"`
}

// RetryBudget bounds what retries and hedges add to the load of a service, so that they cannot keep it overloaded.
type RetryBudget struct {
	Percent   int `json:"percent" default:"20" minimum:"0" maximum:"100" doc:"of the requests of the last 10 s"`
	PerSecond int `json:"perSecond" default:"10" minimum:"0" maximum:"1000000" doc:"that are allowed beside, for services with few requests"`
}

// Hedging asks a second backend where the first one takes longer than most requests do, takes the answer that comes first and ends the other
// attempt. Only requests that may be tried again are hedged, and hedges draw on the budget of the retries.
type Hedging struct {
	Enabled    bool     `json:"enabled" default:"false" doc:"ask a second backend where the first is slow" example:"true"`
	Percentile float64  `json:"percentile" default:"95" minimum:"50" maximum:"99.9" doc:"share of the requests of the last seconds, by time to first byte, after which a request counts as slow" example:"95"`
	MinDelay   Duration `json:"minDelay" default:"1ms" doc:"shortest wait for the first backend, also where the percentile is below" example:"5ms"`
}

// Overload says how much is taken at once. What is beyond is answered 429 with Retry-After, the least important first.
type Overload struct {
	MaxRequests int               `json:"maxRequests,omitempty" minimum:"1" maximum:"10000000" doc:"most requests of the service at once; not set is no limit" example:"1000"`
	MaxPending  int               `json:"maxPending,omitempty" minimum:"1" maximum:"10000000" doc:"most requests of the service at once that wait for a connection to a backend; not set is no limit" example:"200"`
	PerBackend  BackendCeilings   `json:"perBackend" doc:"the same of each backend, which is passed over when it is full"`
	Adaptive    AdaptiveLimit     `json:"adaptive" doc:"a limit of requests at once that follows the latency"`
	Priorities  RequestPriorities `json:"priorities" doc:"which requests are turned away first when a limit comes near"`
}

// BackendCeilings bound what one backend gets at once.
type BackendCeilings struct {
	MaxRequests    int `json:"maxRequests,omitempty" minimum:"1" maximum:"1000000" doc:"most requests at once; not set is no limit" example:"100"`
	MaxPending     int `json:"maxPending,omitempty" minimum:"1" maximum:"1000000" doc:"most requests at once that wait for a connection; not set is no limit" example:"50"`
	MaxConnections int `json:"maxConnections,omitempty" minimum:"1" maximum:"1000000" doc:"most connections; not set is no limit" example:"100"`
}

// AdaptiveLimit finds how many requests at once a service takes before they only wait for each other, from its own traffic: the limit falls
// while requests take longer than they did on the average of the last minute, and grows while they do not.
type AdaptiveLimit struct {
	Enabled   bool    `json:"enabled" default:"false" doc:"limit requests at once by what the latency shows" example:"true"`
	MinLimit  int     `json:"minLimit" default:"20" minimum:"1" maximum:"1000000" doc:"least limit"`
	MaxLimit  int     `json:"maxLimit" default:"1000" minimum:"1" maximum:"1000000" doc:"greatest limit"`
	Tolerance float64 `json:"tolerance" default:"1.5" minimum:"1" maximum:"10" doc:"times the average latency that is borne before the limit falls" example:"1.5"`
}

// RequestPriorities say which share of a limit each class of requests may fill.
type RequestPriorities struct {
	Header  string            `json:"header,omitempty" doc:"request field that names the class; a route's priority goes before" example:"X-Priority"`
	Default string            `json:"default,omitempty" doc:"class of requests that name none; not set is the first" example:"normal"`
	Classes []RequestPriority `json:"classes,omitempty" doc:"the classes, the most important first" example:"[{name: critical, percent: 100}, {name: normal, percent: 90}, {name: batch, percent: 60}]"`
}

// RequestPriority is one class of requests.
type RequestPriority struct {
	Name    string `json:"name" doc:"as the header or the route gives it" example:"batch"`
	Percent int    `json:"percent" default:"100" minimum:"1" maximum:"100" doc:"share of overload's limits at which requests of this class are turned away"`
}
