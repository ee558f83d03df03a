package balancing

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// understood is a request as some parser has read it.
type understood struct{ method, target, body string }

// stamp is what a response to a request carries as proof.
func (u understood) stamp() string {
	return fmt.Sprintf("%s %s %x", u.method, u.target, sha256.Sum256([]byte(u.body)))
}

// oneSlash makes one of several slashes at the beginning of a path, as Apache does when it passes a request on.
func oneSlash(target string) string {
	if !strings.HasPrefix(target, "/") {
		return target
	}
	return "/" + strings.TrimLeft(target, "/")
}

// recorder is an origin of net/http that notes each request which reached it whole.
type recorder struct {
	server *http.Server
	addr   string
	// forgetful is set for loads: nothing is noted.
	forgetful bool
	mu        sync.Mutex // guards all below
	log       []understood
	odd       []string // requests that have not passed through the balancer
}

func newRecorder(t testing.TB) *recorder {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{addr: listener.Addr().String()}
	r.server = &http.Server{Handler: r}
	go r.server.Serve(listener)
	t.Cleanup(func() { r.server.Close() })
	return r
}

// ServeHTTP answers with the stamp of the request, unless its body breaks off.
func (r *recorder) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return
	}
	u := understood{request.Method, oneSlash(request.RequestURI), string(body)}
	if request.RequestURI != "/ready" && !r.forgetful {
		r.mu.Lock()
		r.log = append(r.log, u)
		via := strings.Join(request.Header.Values("Via"), ",")
		if !strings.Contains(via, "headroom") || request.Header.Get("X-Request-Id") == "" {
			r.odd = append(r.odd, u.stamp())
		}
		r.mu.Unlock()
	}
	w.Header().Set("X-Stamp", u.stamp())
	io.WriteString(w, u.stamp())
}

// take returns what was noted since the last time.
func (r *recorder) take() (log []understood, odd []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	log, odd = r.log, r.odd
	r.log, r.odd = nil, nil
	return log, odd
}
