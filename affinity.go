package headroom

// AffinityType is how a client is recognized.
type AffinityType string

// What clients can be recognized by.
const (
	AffinityCookie AffinityType = "cookie" // a signed cookie, which names the backend to nobody but the balancer
	AffinityHeader AffinityType = "header" // the value of a header field, by its hash
	AffinityIP     AffinityType = "ip"     // the address, by its hash; the /64 of an IPv6 address
)

// SessionAffinity keeps each client on one backend, without any state in the balancer. A backend that is gone, unhealthy or left alone by its
// breaker loses its sessions; one that drains keeps them for drainTimeout.
type SessionAffinity struct {
	Enabled bool           `json:"enabled" default:"false" doc:"keep each client on one backend"`
	Type    AffinityType   `json:"type" default:"cookie" enum:"cookie,header,ip" doc:"how the client is recognized: a signed cookie, or the hash of a header field's value or of the address; tcp has ip only"`
	Header  string         `json:"header,omitempty" doc:"of type header: the field whose value tells clients apart" example:"X-User"`
	Cookie  CookieSettings `json:"cookie" doc:"of type cookie: what it is called and where browsers send it"`
	Key     string         `json:"key,omitempty" secret:"true" doc:"of type cookie: secret of at least 16 characters that signs the cookies, better given as file:PATH; balancers of one service on several machines need the same; default one of this machine's own, made at the first start" example:"file:/etc/headroom/affinity-key"`
}

// CookieSettings are the attributes of a cookie (RFC 6265). It always is HttpOnly.
type CookieSettings struct {
	Name     string   `json:"name,omitempty" doc:"default headroom-SERVICE; services that share a host need names of their own" example:"session-backend"`
	Path     string   `json:"path" default:"/" doc:"path below which browsers send it" example:"/"`
	Secure   string   `json:"secure" default:"auto" enum:"auto,always,never" doc:"whether browsers send it over TLS only; auto does where the client used TLS"`
	SameSite string   `json:"sameSite" default:"lax" enum:"lax,strict,none" doc:"whether browsers send it with requests that other sites make; none needs TLS"`
	MaxAge   Duration `json:"maxAge,omitempty" doc:"how long browsers keep it, in whole seconds; not set is until they close" example:"24h"`
}
