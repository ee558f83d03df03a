package headroom

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Of requests the proxy sends Host to the backend, so there it may be set; it cannot be missing or be there twice.
const hostField = "host"

// connectionFields belong to a connection or to the framing of messages (RFC 9110 section 7.6.1, RFC 9112 section 6) or are kept by each
// proxy on the way (Via, Max-Forwards): to edit them by hand is to have two servers disagree on where a message ends.
func isConnectionField(name string) bool {
	switch name {
	case "connection", "content-length", "transfer-encoding", "te", "trailer", "upgrade", "keep-alive", "proxy-connection",
		"proxy-authenticate", "proxy-authorization", "http2-settings", "expect", "via", "max-forwards":
		return true
	}
	return false
}

// Validate says what is wrong with changes of header fields, of requests or of responses.
func (e HeaderEdits) Validate(path string, ofRequests bool) []error {
	found := &findings{}
	for i, name := range e.Remove {
		found.add(fieldName(fmt.Sprintf("%s.remove[%d]", path, i), name, false)...)
	}
	found.add(fields(path+".set", e.Set, ofRequests)...)
	found.add(fields(path+".add", e.Add, false)...)
	return found.errors
}

func fields(path string, values map[string]string, hostToo bool) []error {
	found := &findings{}
	seen := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		at := joinPath(path, name)
		found.add(fieldName(at, name, hostToo)...)
		found.add(fieldValue(at, name, values[name])...)
		lower := strings.ToLower(name)
		if first, twice := seen[lower]; twice {
			found.add(&InvalidError{Field: at, Value: strconv.Quote(name), Expected: fmt.Sprintf("is the same field as %q: give it once", first)})
		}
		seen[lower] = name
	}
	return found.errors
}

// fieldName holds a name to RFC 9110 section 5.1. An underscore counts as a dash, since CGI and WSGI take one for the other.
func fieldName(path, name string, hostToo bool) []error {
	lower := strings.ReplaceAll(strings.ToLower(name), "_", "-")
	switch {
	case !isToken(name):
		return []error{&InvalidError{Field: path, Value: strconv.Quote(name), Expected: `must be the name of a header field without colon, such as "X-Frame-Options"`}}
	case lower == hostField && !hostToo:
		return []error{&InvalidError{Field: path, Value: strconv.Quote(name), Expected: "cannot be removed, added or answered: requestHeaders may set it"}}
	case isConnectionField(lower):
		return []error{&InvalidError{Field: path, Value: strconv.Quote(name),
			Expected: "belongs to the connection or to how messages are told apart, which headroom writes itself: it cannot be edited"}}
	}
	return nil
}

func fieldValue(path, name, value string) []error {
	for i := range len(value) {
		if c := value[i]; c != '\t' && c < ' ' || c == 0x7f {
			return []error{&InvalidError{Field: path, Value: strconv.Quote(value),
				Expected: fmt.Sprintf("must hold no control characters, has %q", rune(c))}}
		}
	}
	if strings.EqualFold(name, hostField) && checkAddress(value, 1) != "" && !isHostName(value) {
		return []error{&InvalidError{Field: path, Value: strconv.Quote(value), Expected: `must be a host name, with a port or without, such as "shop.internal"`}}
	}
	return nil
}

// isToken tells whether a text is a token as in RFC 9110 section 5.6.2.
func isToken(text string) bool {
	for i := range len(text) {
		c := text[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return text != ""
}
