package h1

// Known is a header field that the proxy gives meaning to. All others are Other.
type Known uint8

// The fields that framing, routing, forwarding or hop-by-hop removal need to recognize.
const (
	Other Known = iota
	// Alias is a name that becomes a known one when '_' is read as '-', as CGI and WSGI do: X_Forwarded_Proto would override
	// our X-Forwarded-Proto there (Traefik advisory of release 3.6.14). Aliases are never forwarded.
	Alias
	Host
	ContentLength
	TransferEncoding
	Connection
	KeepAlive
	ProxyConnection
	ProxyAuthenticate
	ProxyAuthorization
	TE
	Trailer
	Upgrade
	HTTP2Settings
	Expect
	MaxForwards
	Via
	Forwarded
	XForwardedFor
	XForwardedProto
	XForwardedHost
	XForwardedPort
	XRealIP
	XRequestID
	Authorization
	Cookie
	SetCookie
	ContentEncoding
	ContentType
	ContentRange
	CacheControl
	Date
	Traceparent
	Tracestate
	UserAgent
	Referer
	AcceptEncoding
	ETag
	Vary
	// LoadMetrics and LoadMetricsBin are what a backend says of its load (ORCA).
	LoadMetrics
	LoadMetricsBin
	numKnown
)

// knownNames is read only; index is the Known.
var knownNames = [numKnown]string{
	Host: "host", ContentLength: "content-length", TransferEncoding: "transfer-encoding", Connection: "connection",
	KeepAlive: "keep-alive", ProxyConnection: "proxy-connection", ProxyAuthenticate: "proxy-authenticate",
	ProxyAuthorization: "proxy-authorization", TE: "te", Trailer: "trailer", Upgrade: "upgrade",
	HTTP2Settings: "http2-settings", Expect: "expect", MaxForwards: "max-forwards", Via: "via", Forwarded: "forwarded",
	XForwardedFor: "x-forwarded-for", XForwardedProto: "x-forwarded-proto", XForwardedHost: "x-forwarded-host",
	XForwardedPort: "x-forwarded-port", XRealIP: "x-real-ip", XRequestID: "x-request-id", Authorization: "authorization",
	Cookie: "cookie", SetCookie: "set-cookie", ContentEncoding: "content-encoding", ContentType: "content-type",
	ContentRange: "content-range", CacheControl: "cache-control", Date: "date", Traceparent: "traceparent", Tracestate: "tracestate",
	UserAgent: "user-agent", Referer: "referer", AcceptEncoding: "accept-encoding", ETag: "etag", Vary: "vary",
	LoadMetrics: "endpoint-load-metrics", LoadMetricsBin: "endpoint-load-metrics-bin",
}

// Set is a set of known fields.
type Set uint64

// SetOf gathers known fields in a set.
func SetOf(known ...Known) Set {
	var s Set
	for _, k := range known {
		s |= 1 << k
	}
	return s
}

// Has reports whether k is in the set.
func (s Set) Has(k Known) bool { return s&(1<<k) != 0 }

const (
	// hopByHop are consumed by the hop that receives them (RFC 9110 section 7.6.1, and those of older practice that net/http's
	// ReverseProxy removes as well). Writers never copy them. Trailer stays: trailers themselves are forwarded.
	hopByHop Set = 1<<Connection | 1<<KeepAlive | 1<<ProxyConnection | 1<<ProxyAuthenticate | 1<<ProxyAuthorization |
		1<<TE | 1<<TransferEncoding | 1<<Upgrade | 1<<HTTP2Settings
	// written are fields which the writers make themselves from what was understood.
	written Set = 1<<Host | 1<<ContentLength | 1<<Expect | 1<<Alias
	// notInTrailers change framing, routing, authentication or the meaning of content: RFC 9110 section 6.5.1 forbids to
	// generate them after the content.
	notInTrailers Set = hopByHop | written | 1<<Trailer | 1<<MaxForwards | 1<<Via | 1<<Forwarded | 1<<XForwardedFor |
		1<<XForwardedProto | 1<<XForwardedHost | 1<<XForwardedPort | 1<<XRealIP | 1<<XRequestID | 1<<Authorization | 1<<Cookie |
		1<<SetCookie | 1<<ContentEncoding | 1<<ContentType | 1<<ContentRange | 1<<CacheControl | 1<<Date
)

// Field is one header line as offsets into the head's buffer.
type Field struct {
	nameStart, nameEnd, valueStart, valueEnd uint32
	// Known tells which field it is.
	Known Known
	// hop is set when Connection names the field.
	hop bool
}

// identify finds the known field of a name. Length and first letter leave at most two candidates to compare.
func identify(name []byte) Known {
	if len(name) < 2 {
		return Other
	}
	var a, b Known
	switch len(name) {
	case 2:
		a = TE
	case 3:
		a = Via
	case 4:
		a, b = Host, Date
		switch lower(name[0]) {
		case 'e':
			a = ETag
		case 'v':
			a = Vary
		}
	case 6:
		a, b = Expect, Cookie
	case 7:
		a, b = Upgrade, Trailer
		if lower(name[0]) == 'r' {
			a = Referer
		}
	case 9:
		a, b = XRealIP, Forwarded
	case 10:
		a, b = Connection, KeepAlive
		switch lower(name[0]) {
		case 's':
			a = SetCookie
		case 't':
			a = Tracestate
		case 'u':
			a = UserAgent
		}
	case 11:
		a = Traceparent
	case 12:
		a, b = ContentType, XRequestID
		if lower(name[0]) == 'm' {
			a = MaxForwards
		}
	case 13:
		a, b = Authorization, CacheControl
		if lower(name[1]) == 'o' {
			a = ContentRange
		}
	case 14:
		a, b = ContentLength, HTTP2Settings
	case 15:
		a, b = XForwardedFor, AcceptEncoding
	case 16:
		a, b = ContentEncoding, ProxyConnection
		if lower(name[0]) == 'x' {
			if lower(name[12]) == 'h' {
				a = XForwardedHost
			} else {
				a = XForwardedPort
			}
		}
	case 17:
		a, b = TransferEncoding, XForwardedProto
	case 18:
		a = ProxyAuthenticate
	case 19:
		a = ProxyAuthorization
	case 21:
		a = LoadMetrics
	case 25:
		a = LoadMetricsBin
	}
	if a != Other && equalFold(name, knownNames[a]) {
		return a
	}
	if b != Other && equalFold(name, knownNames[b]) {
		return b
	}
	return Other
}

// identifyAlias is identify for a name with underscores: Alias if it would be known with dashes instead.
func identifyAlias(name []byte) Known {
	var dashed [25]byte
	if len(name) > len(dashed) {
		return Other
	}
	for i, c := range name {
		if c == '_' {
			c = '-'
		}
		dashed[i] = c
	}
	if identify(dashed[:len(name)]) == Other {
		return Other
	}
	return Alias
}
