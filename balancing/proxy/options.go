package proxy

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/balancing/limit"
)

// Breaker decides whether a backend that fails is left alone; balancing/health has one. It is safe for concurrent use.
type Breaker interface {
	// Configure changes the settings, also when they disable it.
	Configure(settings headroom.CircuitBreaker)
	// Allow reports whether an attempt may be made. Each true is followed by one RecordSince or Release.
	Allow(now time.Time) bool
	// RecordSince takes the result of an attempt that began then. Not ok are attempts without a whole answer, and the statuses 502, 503 and 504.
	// Not 500: one page with a bug would open the breakers of all replicas.
	RecordSince(began, now time.Time, ok bool)
	// Release ends an attempt that began then and from which nothing was learned: the client went away.
	Release(began time.Time)
	// State is for reports.
	State(now time.Time) headroom.BreakerState
}

// TLS makes the TLS configurations that a table asks for. One table at a time is planned: its configurations come into force by Commit,
// or are forgotten by Rollback.
type TLS interface {
	// Listener is the TLS of an address for the services that share it; nil if they have none.
	Listener(listen string, services []headroom.ServiceRoute) (*tls.Config, error)
	// Backend makes the TLS of a connection to a backend of the service, by its address; nil if it has none.
	Backend(service headroom.ServiceRoute) (func(address string) *tls.Config, error)
	Commit()
	Rollback()
	// Client returns with which certificate a client has proved who it is, if with any, and whether it may use the service.
	Client(service string, state *tls.ConnectionState) (certificate *x509.Certificate, allowed bool)
}

// Ledger counts limits together with other balancers; balancing/limit/redis has one.
type Ledger interface {
	// Share says which limits there are from now on, and the clock that they are asked with.
	Share(limits []limit.Joint, clock func() int64)
}

// Options configures a Server.
type Options struct {
	// Logger gets what an operator should know: listeners, backends that begin to fail. Required.
	Logger *slog.Logger
	// NewBreaker makes the breaker of a backend, enabled or not as the settings say. Nil means no breakers.
	NewBreaker func(settings headroom.CircuitBreaker) Breaker
	// AssumeHealthy takes backends as healthy until SetHealth says otherwise. Without it a backend gets no request before
	// SetHealth has said that it is healthy.
	AssumeHealthy bool
	// Listen opens the socket of an address of the table, such as one that was inherited. Nil means Listen.
	Listen func(address string) (net.Listener, error)
	// TLS makes the TLS configurations of tables; balancing/certificate has one. Nil means that no service has TLS.
	TLS TLS
	// AccessLog gets an entry for each request. Nil means none.
	AccessLog AccessLog
	// Ledger counts the limits that balancers share. Nil means that each counts them for itself.
	Ledger Ledger
	// AffinitySecret signs the cookies that keep clients on their backends, where their service has no key of its own. It must outlive the
	// process, or all clients may move to another backend when another takes over.
	AffinitySecret []byte
	// Waiting is told of requests that wait for a first replica. It must not block. Nil means that nobody wants to know.
	Waiting func(headroom.Waiting)
	// Seed lets balancers begin with different backends.
	Seed uint64
}

const (
	// mostAttempts is the most backends that one request is tried on, a hedge not included.
	mostAttempts = 10
	// maxMoves bounds how many times a request goes to another connection of the same backend because that has ended the one before (GOAWAY).
	maxMoves = 5
	// patience is how long a blocking read waits before it looks whether the client is still there. Also how late deadlines may fire.
	patience = 500 * time.Millisecond
	// continueWait is how long a backend may leave "Expect: 100-continue" unanswered before we answer it, as long as curl waits.
	continueWait = time.Second
	// idleInPool is how long a backend's connection is kept unused. Many servers close after 60 s or more; well below that few race us.
	idleInPool = 30 * time.Second
	// freshIdle is how long a connection may have been unused for a request that cannot be sent again: less than the 2 s after which gunicorn
	// and the 5 s after which Node.js closes one, perhaps at the very instant that the request is on its way.
	freshIdle = time.Second
	// maxIdlePerBackend bounds the unused connections to one backend.
	maxIdlePerBackend = 512
	// maxInterim bounds 1xx responses before the final one.
	maxInterim = 16
	// pieceTime is how long either side may take for one piece of what we send, 24 KB or a head: 60 s as nginx's send_timeout.
	pieceTime = 60 * time.Second
	// gatheredTime is how long either side may take for what many streams of HTTP/2 have gathered: up to 128 KB, five pieces.
	gatheredTime = 5 * pieceTime
	// rebuiltAtOnce is the most backends whose view is made anew at each change of health. A view of 10,000 takes 2 ms, 6 with keys: as many changes as
	// come within sampleEvery make one.
	rebuiltAtOnce = 256
	// sampleEvery is how often the requests in flight are sampled for their mean.
	sampleEvery = 50 * time.Millisecond
	// wholeBody is the largest body that is read whole before the request is sent, so that it can be sent again and needs no goroutine.
	wholeBody = 8 << 10
	// bufferSize is that of each connection's reading buffer.
	bufferSize = 16 << 10
	// largeBuffer is that of the buffer which a large body is read through.
	largeBuffer = 64 << 10
	// spliceFrom is what must be left of a body for it to be moved without copying (splice), whose pipes cost more than copying 64 KB.
	spliceFrom = 128 << 10
	// spliceSlice is how much of it is moved before anybody looks whether the client is there. What is in the pipe is lost when pieceTime is over:
	// a client that takes 4.4 KB/s keeps up with 256 KB, while of 1 MB it would have to take 17 KB/s.
	spliceSlice = 256 << 10
	// lingerBytes and lingerTime bound what is read after an early answer, so that the client gets to see it rather than a reset.
	lingerBytes = 1 << 20
	lingerTime  = 500 * time.Millisecond
)

// rollback tells the TLS that the table which it was asked for does not come into force.
func (o Options) rollback() {
	if o.TLS != nil {
		o.TLS.Rollback()
	}
}

func (o Options) listen(address string) (net.Listener, error) {
	if o.Listen != nil {
		return o.Listen(address)
	}
	return Listen(address)
}

// Listen opens a socket without TCP keep-alive: idle timeouts find dead clients, and four system calls for each connection are a tenth of
// what it costs. Tunnels, which may be silent for long, get it when they begin.
func Listen(address string) (net.Listener, error) {
	config := net.ListenConfig{KeepAlive: -1}
	config.SetMultipathTCP(false) // it costs each connection more, also those that do not use it
	return config.Listen(context.Background(), "tcp", address)
}

// withDefaults fills times that a hand-made table leaves out with the defaults of the configuration.
func withDefaults(lb headroom.LoadBalancing) headroom.LoadBalancing {
	fill := func(d *headroom.Duration, value time.Duration) {
		if *d <= 0 {
			*d = headroom.Duration(value)
		}
	}
	fill(&lb.Timeouts.Connect, time.Second)
	fill(&lb.Timeouts.Response, 60*time.Second)
	fill(&lb.Timeouts.Header, 10*time.Second)
	fill(&lb.Timeouts.Idle, 60*time.Second)
	fill(&lb.Timeouts.Tunnel, time.Hour)
	count := func(n *int, value int) {
		if *n <= 0 {
			*n = value
		}
	}
	count(&lb.Limits.ConnectionsPerClient, 2000)
	count(&lb.Limits.RequestsPerConnection, 100_000)
	count(&lb.Limits.StreamsPerConnection, 250)
	count(&lb.Retries.Attempts, 3) // as nginx and HAProxy
	if lb.Retries.Budget == (headroom.RetryBudget{}) {
		lb.Retries.Budget = headroom.RetryBudget{Percent: 20, PerSecond: 10}
	}
	if lb.MaxConnections <= 0 {
		lb.MaxConnections = 20000
	}
	lb.Algorithm = cmp.Or(lb.Algorithm, headroom.LeastConnections)
	lb.Geographic.Within = cmp.Or(lb.Geographic.Within, headroom.LeastConnections)
	lb.Hash.LoadFactor = cmp.Or(lb.Hash.LoadFactor, 1.25)
	return lb
}
