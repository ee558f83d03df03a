package headroom

import (
	"strconv"
	"strings"
	"time"
)

// shortestAffinityKey is the least length of a secret that signs cookies: 16 random characters are beyond guessing.
const shortestAffinityKey = 16

// Validate says what is wrong with how clients are kept on their backends.
func (s SessionAffinity) Validate(path string) []error {
	found := &findings{}
	if s.Header != "" && !isToken(s.Header) {
		found.add(&InvalidError{Field: path + ".header", Value: strconv.Quote(s.Header), Expected: `must be the name of a header field, such as "X-User"`})
	}
	if s.Enabled && s.Type == AffinityHeader && s.Header == "" {
		found.add(&InvalidError{Field: path + ".header", Expected: `must be given where type is header, such as "X-User"`})
	}
	if s.Key != "" && len(s.Key) < shortestAffinityKey {
		found.add(&InvalidError{Field: path + ".key", Value: strconv.Itoa(len(s.Key)) + " characters",
			Expected: "must have at least " + strconv.Itoa(shortestAffinityKey) + ` random characters, such as "file:/etc/headroom/affinity-key"`})
	}
	found.add(s.Cookie.Validate(path + ".cookie")...)
	found.add(checkTags(path, s)...)
	return found.errors
}

// Validate says what is wrong with the attributes of a cookie.
func (c CookieSettings) Validate(path string) []error {
	found := &findings{}
	if c.Name != "" && !isToken(c.Name) {
		found.add(&InvalidError{Field: path + ".name", Value: strconv.Quote(c.Name), Expected: `must be the name of a cookie, letters, digits and dashes, such as "session-backend"`})
	}
	if c.Path != "" && !(strings.HasPrefix(c.Path, "/") && isCookieText(c.Path)) {
		found.add(&InvalidError{Field: path + ".path", Value: strconv.Quote(c.Path), Expected: `must begin with a slash and hold no spaces, semicolons and control characters, such as "/"`})
	}
	if c.SameSite == "none" && c.Secure == "never" {
		found.add(&InvalidError{Field: path + ".sameSite", Value: `"none"`, Expected: "needs secure to be auto or always: browsers drop the cookie otherwise"})
	}
	if c.MaxAge != 0 && time.Duration(c.MaxAge) < time.Second {
		found.add(&InvalidError{Field: path + ".maxAge", Value: strconv.Quote(c.MaxAge.String()), Expected: `must be at least a second, such as "24h"`})
	}
	return found.errors
}

// validateAffinity finds affinity by what a service's clients cannot have.
func (l LoadBalancing) validateAffinity(path string) []error {
	if l.Protocol != ProtocolTCP || !l.SessionAffinity.Enabled || l.SessionAffinity.Type == AffinityIP {
		return nil
	}
	return []error{&InvalidError{Field: path + ".sessionAffinity.type", Value: strconv.Quote(string(l.SessionAffinity.Type)),
		Expected: "must be ip where protocol is tcp: what is said on its connections is not read"}}
}

// isCookieText tells whether a text may be the value of a cookie's attribute (RFC 6265 section 4.1.1).
func isCookieText(text string) bool {
	for i := range len(text) {
		if text[i] <= ' ' || text[i] >= 0x7f || text[i] == ';' {
			return false
		}
	}
	return true
}
