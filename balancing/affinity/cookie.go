package affinity

import (
	"bytes"
	"strconv"
	"time"

	"headroom.dev/headroom"
)

// Cookie is how the cookie of one service is written and found. It is immutable.
type Cookie struct {
	name   string
	secure string // auto, always or never
	begin  string // "Set-Cookie: NAME="
	end    string // attributes
}

// NewCookie compiles the attributes of a service's cookie.
func NewCookie(service string, settings headroom.CookieSettings) *Cookie {
	name := settings.Name
	if name == "" {
		name = "headroom-" + service
	}
	path := settings.Path
	if path == "" {
		path = "/"
	}
	end := "; Path=" + path + "; HttpOnly"
	switch settings.SameSite {
	case "strict":
		end += "; SameSite=Strict"
	case "none":
		end += "; SameSite=None"
	default:
		end += "; SameSite=Lax"
	}
	if age := time.Duration(settings.MaxAge); age > 0 {
		end += "; Max-Age=" + strconv.FormatInt(int64(age/time.Second), 10)
	}
	return &Cookie{name: name, secure: settings.Secure, begin: "Set-Cookie: " + name + "=", end: end}
}

// AppendField appends the whole header field that gives a client a session. tls is whether the client used it.
func (c *Cookie) AppendField(dst []byte, key *Key, tag Tag, nonce Nonce, tls bool) []byte {
	dst = append(dst, c.begin...)
	dst = key.Append(dst, tag, nonce)
	dst = append(dst, c.end...)
	if c.secure == "always" || tls && c.secure != "never" {
		dst = append(dst, "; Secure"...)
	}
	return append(dst, "\r\n"...)
}

// Name is what the cookie is called.
func (c *Cookie) Name() string { return c.name }

// AppendWithout appends the value of a Cookie field without the pairs of this name. The two must not share memory.
func (c *Cookie) AppendWithout(dst, field []byte) []byte {
	start := len(dst)
	for len(field) > 0 {
		var pair []byte
		pair, field = cutPair(field)
		if name, _, _ := bytes.Cut(pair, equals); len(pair) == 0 || string(name) == c.name {
			continue
		}
		if len(dst) > start {
			dst = append(dst, "; "...)
		}
		dst = append(dst, pair...)
	}
	return dst
}

// equals is read only.
var equals = []byte{'='}

// cutPair cuts the first pair off a list, without the blanks around it.
func cutPair(field []byte) (pair, after []byte) {
	pair = field
	if i := bytes.IndexByte(field, ';'); i >= 0 {
		pair, after = field[:i], field[i+1:]
	}
	return bytes.Trim(pair, " \t"), after
}
