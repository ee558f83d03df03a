package h2

// role is what a field name means to HTTP/2 itself.
type role uint8

const (
	plain role = iota
	pseudo
	hop // of the connection: malformed in HTTP/2, left out of what is sent (RFC 9113 section 8.2.2)
	hopOld
	te
	host
	length
	cookie
)

// fieldName is a name that is known: by HPACK's static table, as one whose values repeat, or for its role.
type fieldName struct {
	text   string
	static uint8 // the first entry of the static table with this name (RFC 7541 appendix A), or 0
	role   role
	// repeats: values come again and are no secrets, so they may go into the dynamic table. All others are sent as never indexed: a
	// proxy mixes many clients' requests on one connection, and what one of them can guess of another's table is leaked (RFC 7541
	// section 7.1). That also holds the rule that a value which came as never indexed goes on so (section 6.2.3).
	repeats bool
	// notInTrailers: framing, routing, authentication or the meaning of content (RFC 9110 section 6.5.1).
	notInTrailers bool
}

// fieldNames is read only.
var fieldNames = buildFieldNames()

func buildFieldNames() map[string]*fieldName {
	all := []fieldName{
		{text: ":authority", static: 1, role: pseudo, repeats: true},
		{text: ":method", static: 2, role: pseudo, repeats: true},
		{text: ":path", static: 4, role: pseudo, repeats: true},
		{text: ":scheme", static: 6, role: pseudo, repeats: true},
		{text: ":status", static: 8, role: pseudo, repeats: true},

		{text: "connection", role: hop},
		{text: "keep-alive", role: hop},
		{text: "proxy-connection", role: hop},
		{text: "transfer-encoding", static: 57, role: hop},
		{text: "upgrade", role: hop},
		{text: "http2-settings", role: hopOld, notInTrailers: true},
		{text: "te", role: te, repeats: true, notInTrailers: true},
		{text: "host", static: 38, role: host, notInTrailers: true},
		{text: "content-length", static: 28, role: length, notInTrailers: true},
		{text: "cookie", static: 32, role: cookie, notInTrailers: true},

		{text: "authorization", static: 23, notInTrailers: true},
		{text: "proxy-authorization", static: 49, notInTrailers: true},
		{text: "proxy-authenticate", static: 48, notInTrailers: true},
		{text: "set-cookie", static: 55, notInTrailers: true},
		{text: "www-authenticate", static: 61, notInTrailers: true},

		{text: "cache-control", static: 24, repeats: true, notInTrailers: true},
		{text: "content-encoding", static: 26, repeats: true, notInTrailers: true},
		{text: "content-range", static: 30, notInTrailers: true},
		{text: "content-type", static: 31, repeats: true, notInTrailers: true},
		{text: "date", static: 33, repeats: true, notInTrailers: true},
		{text: "expect", static: 35, notInTrailers: true},
		{text: "forwarded", notInTrailers: true},
		{text: "max-forwards", static: 47, notInTrailers: true},
		{text: "trailer", repeats: true, notInTrailers: true},
		{text: "via", static: 60, repeats: true, notInTrailers: true},
		{text: "x-forwarded-for", notInTrailers: true},
		{text: "x-forwarded-host", repeats: true, notInTrailers: true},
		{text: "x-forwarded-port", repeats: true, notInTrailers: true},
		{text: "x-forwarded-proto", repeats: true, notInTrailers: true},
		{text: "x-real-ip", notInTrailers: true},
		{text: "x-request-id", notInTrailers: true},

		{text: "accept", static: 19, repeats: true},
		{text: "accept-charset", static: 15, repeats: true},
		{text: "accept-encoding", static: 16, repeats: true},
		{text: "accept-language", static: 17, repeats: true},
		{text: "accept-ranges", static: 18, repeats: true},
		{text: "access-control-allow-credentials", repeats: true},
		{text: "access-control-allow-headers", repeats: true},
		{text: "access-control-allow-methods", repeats: true},
		{text: "access-control-allow-origin", static: 20, repeats: true},
		{text: "access-control-expose-headers", repeats: true},
		{text: "age", static: 21},
		{text: "allow", static: 22, repeats: true},
		{text: "alt-svc", repeats: true},
		{text: "content-disposition", static: 25},
		{text: "content-language", static: 27, repeats: true},
		{text: "content-location", static: 29},
		{text: "content-security-policy", repeats: true},
		{text: "etag", static: 34},
		{text: "expires", static: 36},
		{text: "from", static: 37},
		{text: "grpc-accept-encoding", repeats: true},
		{text: "grpc-encoding", repeats: true},
		{text: "grpc-message", repeats: true},
		{text: "grpc-status", repeats: true},
		{text: "grpc-timeout", repeats: true},
		{text: "if-match", static: 39},
		{text: "if-modified-since", static: 40},
		{text: "if-none-match", static: 41},
		{text: "if-range", static: 42},
		{text: "if-unmodified-since", static: 43},
		{text: "last-modified", static: 44},
		{text: "link", static: 45},
		{text: "location", static: 46},
		{text: "origin", repeats: true},
		{text: "pragma", repeats: true},
		{text: "priority", repeats: true},
		{text: "range", static: 50},
		{text: "referer", static: 51},
		{text: "refresh", static: 52},
		{text: "retry-after", static: 53},
		{text: "sec-ch-ua", repeats: true},
		{text: "sec-ch-ua-mobile", repeats: true},
		{text: "sec-ch-ua-platform", repeats: true},
		{text: "sec-fetch-dest", repeats: true},
		{text: "sec-fetch-mode", repeats: true},
		{text: "sec-fetch-site", repeats: true},
		{text: "server", static: 54, repeats: true},
		{text: "strict-transport-security", static: 56, repeats: true},
		{text: "upgrade-insecure-requests", repeats: true},
		{text: "user-agent", static: 58, repeats: true},
		{text: "vary", static: 59, repeats: true},
		{text: "x-content-type-options", repeats: true},
		{text: "x-frame-options", repeats: true},
	}
	names := make(map[string]*fieldName, len(all))
	for i := range all {
		names[all[i].text] = &all[i]
	}
	return names
}

// pseudoNames are the names of pseudo-header fields, looked up once a connection.
type pseudoNames struct{ authority, method, path, scheme, status *fieldName }

func findPseudoNames() pseudoNames {
	return pseudoNames{
		authority: fieldNames[":authority"], method: fieldNames[":method"], path: fieldNames[":path"],
		scheme: fieldNames[":scheme"], status: fieldNames[":status"],
	}
}

// Classes of bytes: of names as HTTP/2 wants them, without upper case (RFC 9113 section 8.2.1 and RFC 9110 section 5.6.2), of methods, of
// values without controls (RFC 9110 section 5.5), and of targets and authorities (visible ASCII without '#').
const (
	isName = 1 << iota
	isMethod
	isValue
	isTarget
)

// classes is read only.
var classes = buildClasses()

func buildClasses() [256]uint8 {
	var t [256]uint8
	for c := range 256 {
		lower, digit := c >= 'a' && c <= 'z', c >= '0' && c <= '9'
		if lower || digit {
			t[c] |= isName | isMethod
		}
		if c >= 'A' && c <= 'Z' {
			t[c] |= isMethod
		}
		if c == '\t' || c >= 0x20 && c != 0x7f {
			t[c] |= isValue
		}
		if c > 0x20 && c < 0x7f && c != '#' {
			t[c] |= isTarget
		}
	}
	for _, c := range []byte("!#$%&'*+-.^_`|~") {
		t[c] |= isName | isMethod
	}
	return t
}

// all reports whether every byte of s is of the class.
func all(s string, class uint8) bool {
	for i := 0; i < len(s); i++ {
		if classes[s[i]]&class == 0 {
			return false
		}
	}
	return true
}
