package headroom

import "strings"

// Protocol is what the clients of a service speak.
type Protocol string

// What clients can speak.
const (
	ProtocolHTTP Protocol = "http" // HTTP/1.0, 1.1 and 2, told apart by ALPN or by the first bytes
	ProtocolTCP  Protocol = "tcp"  // bytes, which are passed through unread
)

// BackendProtocol is what the backends of an HTTP service are spoken to in.
type BackendProtocol string

// What backends can be spoken to in.
const (
	BackendHTTP1 BackendProtocol = "http/1.1"
	BackendHTTP2 BackendProtocol = "h2" // over TLS by ALPN, without TLS by prior knowledge; gRPC needs it
)

// LoadBalancing says where a service listens and how its requests are spread. Services that share an address are told apart by
// their hosts, and must agree on what holds for the whole connection: protocol, proxyProtocol.accept, trustedProxies.
type LoadBalancing struct {
	Listen          string             `json:"listen" default:"127.0.0.1:8080" doc:"address on which traffic is taken; services may share one and are then told apart by hosts; none is for services that only routes and splits of others lead to" example:"127.0.0.1:8080"`
	Hosts           []string           `json:"hosts,omitempty" doc:"where several share a listener, of which one may have none and gets the rest: host names of this service; *.example.com is all below example.com that nobody names" example:"[shop.example.com, '*.shop.example.com']"`
	Protocol        Protocol           `json:"protocol" default:"http" enum:"http,tcp" doc:"what clients speak: http is HTTP/1.0, 1.1 and 2; tcp passes bytes through unread"`
	TLS             TLS                `json:"tls" doc:"certificates of this service, given or obtained; with any, its clients must use TLS"`
	BackendProtocol BackendProtocol    `json:"backendProtocol" default:"http/1.1" enum:"http/1.1,h2" doc:"what backends are spoken to in; gRPC needs h2"`
	BackendTLS      BackendTLS         `json:"backendTLS" doc:"TLS to the backends"`
	ProxyProtocol   ProxyProtocol      `json:"proxyProtocol" doc:"the PROXY protocol, which tells the client's address where TCP hides it"`
	TrustedProxies  []string           `json:"trustedProxies,omitempty" doc:"networks of proxies in front of this one, whose Forwarded and X-Forwarded fields are believed" example:"[10.0.0.0/8]"`
	Algorithm       Algorithm          `json:"algorithm" default:"least-connections" enum:"round-robin,least-connections,power-of-two,least-response-time,adaptive,ip-hash,header-hash,cookie-hash,query-hash,geographic" doc:"how the backend of a request is chosen"`
	Hash            Hash               `json:"hash" doc:"the key of the algorithms that hash one"`
	Geographic      GeographicSettings `json:"geographic" doc:"the regions of the algorithm geographic"`
	Locality        Locality           `json:"locality" doc:"where the balancer stands: nearer backends are asked first, the others when too few of those are healthy"`
	PanicThreshold  float64            `json:"panicThreshold" default:"50" minimum:"0" maximum:"100" doc:"percentage of healthy backends below which health is ignored, since rather the checks are ill then; 0 never does"`
	Hold            Hold               `json:"hold" doc:"keeping requests while there is no replica yet"`
	HealthCheck     HealthCheck        `json:"healthCheck" doc:"how backends are checked"`
	SessionAffinity SessionAffinity    `json:"sessionAffinity" doc:"keeping a client on one backend"`
	CircuitBreaker  CircuitBreaker     `json:"circuitBreaker" doc:"when a failing backend is left alone"`
	Timeouts        Timeouts           `json:"timeouts" doc:"how long each part of an exchange may take"`
	Limits          Limits             `json:"limits" doc:"how much one client may ask for"`
	MaxConnections  int                `json:"maxConnections" default:"20000" minimum:"1" maximum:"1000000" doc:"most client connections at once on the listener"`
	DrainTimeout    Duration           `json:"drainTimeout" default:"30s" doc:"a backend that goes may finish its requests for this long" example:"30s"`

	Outliers  OutlierDetection `json:"outlierDetection" doc:"backends that are worse than the others of their service are left alone for a while"`
	SlowStart SlowStart        `json:"slowStart" doc:"backends that join or return get their share little by little"`
	Retries   Retries          `json:"retries" doc:"when a request is tried again on another backend"`
	Hedging   Hedging          `json:"hedging" doc:"asking a second backend where the first one takes unusually long"`
	Overload  Overload         `json:"overload" doc:"how many requests at once are taken"`

	RequestHeaders  HeaderEdits       `json:"requestHeaders" doc:"changes of the fields that backends get"`
	ResponseHeaders HeaderEdits       `json:"responseHeaders" doc:"changes of the fields that clients get"`
	RateLimits      []RateLimit       `json:"rateLimits,omitempty" doc:"how many requests may come in a time, of one client or in all; a request must be within each" example:"[{name: per-client, requests: 100, period: 1m}]"`
	Routes          []Route           `json:"routes,omitempty" doc:"requests that are treated in another way; the most specific one that fits wins" example:"[{path: /old, redirect: {to: /new}}]"`
	Split           Split             `json:"split" doc:"sharing the requests among variants of the service: canaries, A/B tests"`
	Mirror          Mirror            `json:"mirror" doc:"copies of requests for another service, whose answers nobody gets"`
	Compression     Compression       `json:"compression" doc:"compressing responses that the backend sent plain"`
	ErrorPages      map[string]string `json:"errorPages,omitempty" doc:"files that are sent in place of headroom's own error answers, by status (503) or class (5xx)" example:"{'503': /srv/busy.html}"`
	TraceSampling   float64           `json:"traceSampling" default:"1" minimum:"0" maximum:"1" doc:"share of the traces begun here, where the client sent no traceparent, that are marked as sampled" example:"0.01"`
	ServerTiming    bool              `json:"serverTiming,omitempty" doc:"tell clients in Server-Timing how long the backend and the rest took" example:"true"`
}

// Timeouts bound each part of an exchange.
type Timeouts struct {
	Connect  Duration `json:"connect" default:"1s" doc:"opening a connection to a backend" example:"1s"`
	Response Duration `json:"response" default:"60s" doc:"from the end of the request to the head of the response" example:"60s"`
	Header   Duration `json:"header" default:"10s" doc:"reading the head of a request, or the TLS handshake" example:"10s"`
	Idle     Duration `json:"idle" default:"60s" doc:"a connection without a request is closed after this" example:"60s"`
	Tunnel   Duration `json:"tunnel" default:"1h" doc:"a WebSocket or TCP connection on which nothing moved for this long is closed" example:"1h"`
	Request  Duration `json:"request,omitempty" doc:"a request may take this long in all, retries included; not set is no limit" example:"30s"`
}

// Backend is one address that gets requests of a service: a replica, an address of the config file, or one added
// through the API. It is what the scaler tells the balancer; what the balancer knows of it by itself (connections,
// health, breaker) stays in the balancer and outlives changes of this list.
type Backend struct {
	ID      string `json:"id" doc:"unique among all services and stable over its life" example:"shop-3"`
	Service string `json:"service" example:"shop"`
	Address string `json:"address" doc:"host:port" example:"127.0.0.1:20003"`
	Weight  int    `json:"weight" minimum:"0" maximum:"1000"`
	Placement
	State  BackendState  `json:"state" enum:"active,draining"`
	Source BackendSource `json:"source" enum:"replica,config,api,dns"`
}

// BackendState is what the control plane wants of a backend.
type BackendState string

// Whether a backend gets new requests.
const (
	BackendActive   BackendState = "active"   // new requests, if it is healthy
	BackendDraining BackendState = "draining" // finishes what it has, gets nothing new
)

// BackendSource says where a backend comes from.
type BackendSource string

// Where backends come from.
const (
	SourceReplica BackendSource = "replica" // started by a platform
	SourceConfig  BackendSource = "config"  // written in the config file
	SourceAPI     BackendSource = "api"     // added through the API
	SourceDNS     BackendSource = "dns"     // a name of the config file stands for it
)

// Endpoints is the list of all backends, and what the API has changed of splits and routes, that the scaler sends to the balancers whenever it changes.
type Endpoints struct {
	// Version grows with each change, also over restarts of the scaler; a balancer reports the version it applied.
	Version   uint64    `json:"version"`
	Backends  []Backend `json:"backends"`
	Overrides Overrides `json:"overrides,omitzero"` // of what the config says
}

// RoutingTable is all that a balancer needs in order to serve: an immutable snapshot, swapped as a whole.
type RoutingTable struct {
	Version  uint64         `json:"version"` // of the Endpoints it was made from
	Services []ServiceRoute `json:"services"`
}

// ServiceRoute is one service in a routing table.
type ServiceRoute struct {
	Service       string        `json:"service"`
	LoadBalancing LoadBalancing `json:"loadBalancing"`
	Backends      []Backend     `json:"backends"`
	Starts        bool          `json:"starts,omitempty"` // replicas are started where there is none
}

// Backend is what a configured address is in the list of backends, before anybody changes its weight or drains it.
func (b StaticBackend) Backend(service string) Backend {
	return Backend{
		ID: StaticBackendID(service, b.Address), Service: service, Address: b.Address, Weight: b.Weight, Placement: b.Placement,
		State: BackendActive, Source: SourceConfig,
	}
}

// StaticBackendID names a backend that nobody else names by what makes it one: "shop-127.0.0.1-9001".
func StaticBackendID(service, address string) string {
	return service + "-" + strings.NewReplacer(":", "-", "/", "-", "[", "", "]", "").Replace(address)
}

// ListenNone is the listener of services that only routes, splits and mirrors of others lead to.
const ListenNone = "none"

// Listens reports whether the service takes traffic by itself.
func (l LoadBalancing) Listens() bool { return l.Listen != ListenNone }
