package headroom

import "time"

// Measurement is what a balancer saw in one second. It is made by the balancer, sent to the scaler and the monitor,
// and never changed.
type Measurement struct {
	At           time.Time             `json:"at"`           // end of the window
	Window       Duration              `json:"window"`       // length of the window, about one second
	TableVersion uint64                `json:"tableVersion"` // of the Endpoints in force at the end of the window
	Services     []ServiceMeasurement  `json:"services"`
	Listeners    []ListenerMeasurement `json:"listeners,omitempty"`
	// LogDropped is how many lines of the access log were dropped because the disk was too slow.
	LogDropped uint64 `json:"logDropped,omitempty"`
	// Certificates are those that the balancer shows to clients or to backends.
	Certificates []CertificateStatus `json:"certificates,omitempty"`
}

// ListenerMeasurement is what happened on one address in the window.
type ListenerMeasurement struct {
	Listen      string `json:"listen"`
	Connections int64  `json:"connections"`        // open at the end of the window
	Accepted    uint64 `json:"accepted,omitempty"` // connections
	Refused     uint64 `json:"refused,omitempty"`  // connections over a limit
	// Handshakes are of TLS, by how they ended.
	Handshakes Handshakes `json:"handshakes"`
	// Requests by protocol, also those that no service could be found for.
	HTTP10 uint64 `json:"http10,omitempty"`
	HTTP11 uint64 `json:"http11,omitempty"`
	HTTP2  uint64 `json:"http2,omitempty"`
	// Malformed requests were refused before a service could be found for them.
	Malformed uint64 `json:"malformed,omitempty"`
	// Tunnels open at the end of the window: WebSockets and TCP connections.
	Tunnels int64 `json:"tunnels,omitempty"`
}

// CertificateStatus is how one certificate of the balancer is.
type CertificateStatus struct {
	Names []string `json:"names"` // that it is for; the host for which it is being obtained
	// File it was read from; empty where it comes from an authority (ACME).
	File string `json:"file,omitempty"`
	// NotBefore and NotAfter say when it is valid; zero where there is none yet.
	NotBefore time.Time `json:"notBefore,omitzero"`
	NotAfter  time.Time `json:"notAfter,omitzero"`
	// Error says why the file, as it is now, is not in use, or why the certificate was not obtained or renewed; empty where all is well.
	Error string `json:"error,omitempty"`
}

// Handshakes counts TLS handshakes by how they ended.
type Handshakes struct {
	Full    uint64 `json:"full,omitempty"`
	Resumed uint64 `json:"resumed,omitempty"`
	Failed  uint64 `json:"failed,omitempty"`
}

// ServiceMeasurement is the traffic of one service in the window.
type ServiceMeasurement struct {
	Service  string               `json:"service"`
	Traffic  Traffic              `json:"traffic"` // as clients saw it: one count per request, retries included in its latency
	Backends []BackendMeasurement `json:"backends"`
	Guard    GuardMeasurement     `json:"guard"`
	// RateLimits are those of the service and its routes.
	RateLimits []RateLimitMeasurement `json:"rateLimits,omitempty"`
	Mirror     MirrorMeasurement      `json:"mirror,omitzero"`
	Hold       HoldMeasurement        `json:"hold,omitzero"`
}

// GuardMeasurement is what was done in the window so that requests do not fail.
type GuardMeasurement struct {
	Retries   uint64 `json:"retries,omitempty"`   // attempts on another backend than the first
	Exhausted uint64 `json:"exhausted,omitempty"` // retries and hedges that there was no budget for
	Hedges    uint64 `json:"hedges,omitempty"`    // second backends asked because the first was slow
	HedgesWon uint64 `json:"hedgesWon,omitempty"` // whose answer was taken
	// Shed requests were turned away for a limit of overload, by class; "" where there are no classes.
	Shed map[string]uint64 `json:"shed,omitempty"`
	// Limit is the adaptive limit of requests at once; 0 where there is none.
	Limit int64 `json:"limit,omitempty"`
	// Breaker is the state of the service's own breaker; empty where it has none.
	Breaker BreakerState `json:"breaker,omitempty"`
}

// Plus adds the counts of two windows; what is of one moment is the later's.
func (g GuardMeasurement) Plus(later GuardMeasurement) GuardMeasurement {
	sum := later
	sum.Retries += g.Retries
	sum.Exhausted += g.Exhausted
	sum.Hedges += g.Hedges
	sum.HedgesWon += g.HedgesWon
	sum.Shed = map[string]uint64{}
	for _, counts := range []map[string]uint64{g.Shed, later.Shed} {
		for class, n := range counts {
			sum.Shed[class] += n
		}
	}
	return sum
}

// HoldMeasurement counts the requests of a service that waited for a backend.
type HoldMeasurement struct {
	Waiting    int64  `json:"waiting"`    // now
	Held       uint64 `json:"held"`       // began to wait
	TurnedAway uint64 `json:"turnedAway"` // too many waited already
	GaveUp     uint64 `json:"gaveUp"`     // waited in vain
}

// MirrorMeasurement counts the copies of a service's requests for its mirror.
type MirrorMeasurement struct {
	Sent    uint64 `json:"sent"`
	Skipped uint64 `json:"skipped"` // too many at once, or of a kind that is not copied
}

// BackendMeasurement is the traffic of one backend in the window, and how the balancer thinks of it.
type BackendMeasurement struct {
	ID          string       `json:"id"`
	Address     string       `json:"address"`
	Traffic     Traffic      `json:"traffic"` // attempts, as the balancer saw them
	Health      Health       `json:"health"`
	Breaker     BreakerState `json:"breaker"`
	LastFailure string       `json:"lastFailure,omitempty"` // of a health check or an attempt, with its time
	// Ejected says why outlier detection has ejected the backend; empty where it has not.
	Ejected string `json:"ejected,omitempty"`
}

// Health is what the checks of a backend say.
type Health string

// The states of a backend's health.
const (
	HealthUnknown   Health = "unknown" // not checked yet
	HealthHealthy   Health = "healthy"
	HealthUnhealthy Health = "unhealthy"
)

// BreakerState is the state of a circuit breaker.
type BreakerState string

// The states of a circuit breaker.
const (
	BreakerClosed   BreakerState = "closed"
	BreakerOpen     BreakerState = "open"
	BreakerHalfOpen BreakerState = "half-open"
)

// Traffic counts requests in one window. All counts are of this window only, not cumulative.
type Traffic struct {
	Arrivals     uint64    `json:"arrivals"`     // requests that began
	Outcomes     Outcomes  `json:"outcomes"`     // requests that ended, by how
	InFlight     int64     `json:"inFlight"`     // being served at the end of the window
	InFlightMean float64   `json:"inFlightMean"` // averaged over the window (sampled every 50 ms)
	Latency      Histogram `json:"latency"`      // of the requests that ended, arrival to last byte
	BytesIn      uint64    `json:"bytesIn"`      // bodies received from clients
	BytesOut     uint64    `json:"bytesOut"`     // bodies sent to clients
}

// Outcomes counts how requests ended.
type Outcomes struct {
	Informational uint64 `json:"1xx,omitempty"` // 101 upgrades
	Success       uint64 `json:"2xx,omitempty"`
	Redirect      uint64 `json:"3xx,omitempty"`
	ClientError   uint64 `json:"4xx,omitempty"`
	ServerError   uint64 `json:"5xx,omitempty"`           // answered so by the backend
	NoBackend     uint64 `json:"noBackend,omitempty"`     // answered 503 by us: nobody to send it to
	ConnectError  uint64 `json:"connectError,omitempty"`  // could not connect
	Timeout       uint64 `json:"timeout,omitempty"`       // no response in time
	Reset         uint64 `json:"reset,omitempty"`         // the backend broke the connection or the protocol
	ClientAborted uint64 `json:"clientAborted,omitempty"` // the client went away; nobody's failure
	Rejected      uint64 `json:"rejected,omitempty"`      // malformed or over a limit; answered by us
}

// Total is the number of requests that ended.
func (o Outcomes) Total() uint64 {
	return o.Informational + o.Success + o.Redirect + o.ClientError + o.ServerError + o.NoBackend + o.ConnectError +
		o.Timeout + o.Reset + o.ClientAborted + o.Rejected
}

// Failed is the number of requests that failed through no fault of the client.
func (o Outcomes) Failed() uint64 {
	return o.ServerError + o.NoBackend + o.ConnectError + o.Timeout + o.Reset
}

// Plus adds two counts.
func (o Outcomes) Plus(p Outcomes) Outcomes {
	return Outcomes{
		Informational: o.Informational + p.Informational,
		Success:       o.Success + p.Success,
		Redirect:      o.Redirect + p.Redirect,
		ClientError:   o.ClientError + p.ClientError,
		ServerError:   o.ServerError + p.ServerError,
		NoBackend:     o.NoBackend + p.NoBackend,
		ConnectError:  o.ConnectError + p.ConnectError,
		Timeout:       o.Timeout + p.Timeout,
		Reset:         o.Reset + p.Reset,
		ClientAborted: o.ClientAborted + p.ClientAborted,
		Rejected:      o.Rejected + p.Rejected,
	}
}

// ReplicaUsage is what one replica consumed, as its platform reads it.
type ReplicaUsage struct {
	Service    string    `json:"service"`
	Replica    string    `json:"replica"`
	At         time.Time `json:"at"`
	CPUSeconds *float64  `json:"cpuSeconds"` // cumulative since the replica started, whole process tree; nil is unknown
	Memory     *Bytes    `json:"memory"`     // resident, whole process tree; nil is unknown
	CPULimit   CPU       `json:"cpuLimit"`   // what 100 % cpu utilization means
	MemLimit   Bytes     `json:"memLimit"`   // what 100 % memory utilization means
	StartedAt  time.Time `json:"startedAt"`  // a change means that the counters began anew
}
