package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"strings"
)

// openPath reports whether a path needs no token: the probes of supervisors, and the description of the API, which is
// the same in every installation and which a browser could not send a token for.
func openPath(path string) bool {
	switch path {
	case "/livez", "/readyz", "/openapi.json", "/docs":
		return true
	}
	return false
}

// admit decides whether a request may be looked at. It returns who sent it, or the problem to answer with.
func (s *server) admit(w http.ResponseWriter, r *http.Request) (actor string, problem *Problem) {
	if err := s.crossOrigin.Check(r); err != nil {
		return "", newProblem("cross-origin", "a change was requested by a page of another origin: "+r.Header.Get("Origin"))
	}
	if s.token == "" {
		// A page whose name has been pointed at 127.0.0.1 (DNS rebinding) sends its own name here. No browser leaves it out.
		if host := hostOf(r.Host); r.Host != "" && !loopbackName(host) {
			return "", newProblem("forbidden-host", "the request is for host "+clip(host)+", not for this machine's loopback")
		}
		return "local", nil
	}
	if tokenMatches(r.Header.Get("Authorization"), s.token) {
		return "token", nil
	}
	if openPath(r.URL.Path) {
		return "", nil
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="headroom"`)
	if r.Header.Get("Authorization") == "" {
		return "", newProblem("unauthorized", "the request has no Authorization header")
	}
	return "", newProblem("unauthorized", "the Authorization header does not hold this API's token")
}

// tokenMatches compares in constant time; hashing first hides the length as well.
func tokenMatches(header, token string) bool {
	scheme, given, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return false
	}
	a, b := sha256.Sum256([]byte(strings.TrimSpace(given))), sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

func hostOf(hostport string) string {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		return hostport
	}
	return host
}
