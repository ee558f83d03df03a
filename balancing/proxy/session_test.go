package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom"
)

// naming are origins that answer with their number and the cookies they got.
func naming(t tester, n int) (addresses []string) {
	for i := range n {
		o := newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "b%d %s", i, strings.Join(r.Header["Cookie"], "|"))
		})
		addresses = append(addresses, o.address())
	}
	return addresses
}

// kept is a route with affinity of a kind.
func kept(kind headroom.AffinityType, addresses ...string) headroom.ServiceRoute {
	r := route(addresses...)
	r.LoadBalancing.SessionAffinity = headroom.SessionAffinity{Enabled: true, Type: kind, Header: "X-User"}
	r.LoadBalancing.DrainTimeout = headroom.Duration(time.Hour)
	return r
}

// visitor is a client with what a browser keeps.
type visitor struct {
	t       tester
	address string
	fields  []string
	cookie  string // NAME=VALUE
	moves   int    // how often it was given another cookie
}

// visit returns the backend that answers and the cookies it got.
func (v *visitor) visit() (backend, cookies string) {
	v.t.Helper()
	r, err := http.NewRequest("GET", "http://"+v.address, nil)
	if err != nil {
		v.t.Fatal(err)
	}
	for i := 0; i < len(v.fields); i += 2 {
		r.Header.Add(v.fields[i], v.fields[i+1])
	}
	if v.cookie != "" {
		r.Header.Add("Cookie", "theme=dark; "+v.cookie+"; lang=en")
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	if res.StatusCode != 200 {
		v.t.Fatalf("got %d %s", res.StatusCode, body)
	}
	if set := res.Header.Get("Set-Cookie"); set != "" {
		v.cookie, _, _ = strings.Cut(set, ";")
		v.moves++
	}
	backend, cookies, _ = strings.Cut(string(body), " ")
	return backend, cookies
}

func keep(t tester, secret string) (*Server, []string) {
	return start(t, Options{AffinitySecret: []byte(secret)}), naming(t, 4)
}

func TestClientStaysOnItsBackendByCookie(t *testing.T) {
	s, addresses := keep(t, "secret")
	apply(t, s, kept("cookie", addresses...))
	seen := map[string]bool{}
	for range 12 {
		v := &visitor{t: t, address: s.Addr(anyPort).String()}
		first, _ := v.visit()
		seen[first] = true
		for range 5 {
			backend, cookies := v.visit()
			if backend != first || cookies != "theme=dark; lang=en" {
				t.Fatalf("went from %s to %s, which got the cookies %q", first, backend, cookies)
			}
		}
		if v.moves != 1 || strings.Contains(v.cookie, "b") && strings.Contains(v.cookie, first+"=") {
			t.Errorf("got %d cookies, the last %s", v.moves, v.cookie)
		}
	}
	if len(seen) != 4 {
		t.Errorf("round robin gave new clients only %v", seen)
	}
}

func TestSessionsOutliveAnotherProcessWithTheSameSecretAndScaling(t *testing.T) {
	s, addresses := keep(t, "secret")
	apply(t, s, kept("cookie", addresses[:2]...))
	v := &visitor{t: t, address: s.Addr(anyPort).String()}
	first, _ := v.visit()
	apply(t, s, kept("cookie", addresses...))
	if backend, _ := v.visit(); backend != first {
		t.Errorf("after scaling up it went from %s to %s", first, backend)
	}
	next := start(t, Options{AffinitySecret: []byte("secret"), Seed: 3})
	apply(t, next, kept("cookie", addresses...))
	v.address = next.Addr(anyPort).String()
	if backend, _ := v.visit(); backend != first || v.moves != 1 {
		t.Errorf("in another process it went from %s to %s, %d cookies", first, backend, v.moves)
	}
	stranger := start(t, Options{AffinitySecret: []byte("other"), Seed: 3})
	apply(t, stranger, kept("cookie", addresses...))
	v.address = stranger.Addr(anyPort).String()
	if v.visit(); v.moves != 2 {
		t.Errorf("a foreign cookie was believed")
	}
}

func TestLostSessionMovesOnceAndAllItsRequestsToTheSameBackend(t *testing.T) {
	s, addresses := keep(t, "secret")
	apply(t, s, kept("cookie", addresses...))
	address := s.Addr(anyPort).String()
	visitors := make([]*visitor, 16) // all of b0
	for i := range visitors {
		for v := (&visitor{t: t, address: address}); ; v = (&visitor{t: t, address: address}) {
			if first, _ := v.visit(); first == "b0" {
				visitors[i] = v
				break
			}
		}
	}
	s.SetHealth("b0", headroom.HealthUnhealthy, "down")
	moved := map[string]bool{}
	for _, v := range visitors {
		parallel := *v // as another request of the same browser, on its way already
		to, _ := v.visit()
		if other, _ := parallel.visit(); other != to {
			t.Errorf("two requests of one session went to %s and %s", to, other)
		}
		moved[to] = true
		s.SetHealth("b0", headroom.HealthHealthy, "")
		if again, _ := v.visit(); again != to || v.moves != 2 {
			t.Errorf("moved to %s, then to %s; %d cookies", to, again, v.moves)
		}
		s.SetHealth("b0", headroom.HealthUnhealthy, "down")
	}
	if len(moved) < 2 {
		t.Errorf("all sessions of one backend went to %v", moved)
	}
}

func TestDrainingBackendKeepsItsSessionsUntilTheDeadlineAndGetsNoNewOnes(t *testing.T) {
	for _, kind := range []headroom.AffinityType{"cookie", "header", "ip"} {
		s, addresses := keep(t, "secret")
		apply(t, s, kept(kind, addresses...))
		v := &visitor{t: t, address: s.Addr(anyPort).String(), fields: []string{"X-User", "anna"}}
		first, _ := v.visit()
		draining := kept(kind, addresses...)
		i := slices.IndexFunc(draining.Backends, func(b headroom.Backend) bool { return b.ID == first })
		draining.Backends[i].State = headroom.BackendDraining
		apply(t, s, draining)
		apply(t, s, draining) // each change of another backend comes as a whole table
		if kind == "cookie" {
			for range 8 {
				if other, _ := (&visitor{t: t, address: v.address}).visit(); other == first {
					t.Errorf("a new client got the draining %s", first)
				}
			}
		}
		if backend, _ := v.visit(); backend != first {
			t.Errorf("%s: went from the draining %s to %s", kind, first, backend)
		}
		s.mu.Lock()
		s.endSessions(time.Now().Add(time.Hour + time.Second))
		s.mu.Unlock()
		apply(t, s, draining) // gives it no second deadline
		to, _ := v.visit()
		if again, _ := v.visit(); to == first || again != to {
			t.Errorf("%s: after the deadline it went from %s to %s and %s", kind, first, to, again)
		}
		if kind == "cookie" && v.moves != 2 {
			t.Errorf("it got %d cookies", v.moves)
		}
	}
}

func TestClientStaysOnItsBackendByHeaderAndByAddress(t *testing.T) {
	s, addresses := keep(t, "secret")
	seen := map[string]bool{}
	apply(t, s, kept("header", addresses...))
	for i := range 16 {
		v := &visitor{t: t, address: s.Addr(anyPort).String(), fields: []string{"X-User", fmt.Sprint(i)}}
		first, _ := v.visit()
		seen[first] = true
		if again, _ := v.visit(); again != first || v.moves != 0 {
			t.Errorf("user %d went from %s to %s", i, first, again)
		}
	}
	if len(seen) < 3 {
		t.Errorf("16 users are on %v", seen)
	}
	nobody := map[string]bool{}
	for range 4 {
		backend, _ := (&visitor{t: t, address: s.Addr(anyPort).String()}).visit()
		nobody[backend] = true
	}
	if len(nobody) != 4 {
		t.Errorf("requests without the field went to %v only", nobody)
	}
	byAddress := kept("ip", addresses...)
	byAddress.LoadBalancing.TrustedProxies = []string{"127.0.0.0/8"}
	s = start(t, Options{})
	apply(t, s, byAddress)
	seen = map[string]bool{}
	for i := range 16 {
		v := &visitor{t: t, address: s.Addr(anyPort).String(), fields: []string{"X-Forwarded-For", fmt.Sprintf("2001:db8:0:%d::1", i)}}
		first, _ := v.visit()
		seen[first] = true
		v.fields[1] = fmt.Sprintf("2001:db8:0:%d:ffff::2", i)
		if again, _ := v.visit(); again != first {
			t.Errorf("network %d went from %s to %s", i, first, again)
		}
	}
	if len(seen) < 3 {
		t.Errorf("16 networks are on %v", seen)
	}
}

func TestTCPConnectionsOfAnAddressGoToOneBackend(t *testing.T) {
	_, address := serveBytes(t, func(r *headroom.ServiceRoute) {
		r.LoadBalancing.SessionAffinity = headroom.SessionAffinity{Enabled: true, Type: "ip"}
	}, greeter(t, "a", nil), greeter(t, "b", nil), greeter(t, "c", nil))
	first := connect(t, address).greeting()
	for range 6 {
		if again := connect(t, address).greeting(); again != first {
			t.Errorf("went from %s to %s", first, again)
		}
	}
}

func TestWebSocketGetsItsCookieWithTheUpgrade(t *testing.T) {
	upgrade := script(t, func(_ int, conn net.Conn, in *bufio.Reader) {
		if r, err := http.ReadRequest(in); err == nil && r.Header.Get("Upgrade") == "websocket" {
			io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		}
	})
	s := start(t, Options{AffinitySecret: []byte("secret")})
	apply(t, s, kept("cookie", upgrade))
	c := connect(t, s.Addr(anyPort).String())
	c.write(request("GET /", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="))
	if res, err := http.ReadResponse(c.in, nil); err != nil || res.StatusCode != 101 || !strings.HasPrefix(res.Header.Get("Set-Cookie"), "headroom-shop=") {
		t.Errorf("got %+v, %v", res, err)
	}
}

func TestSessionGoesOnByEveryProtocol(t *testing.T) {
	everyWay(t, func(t *testing.T, front, back wire) {
		w := between(t, front, back, ok, func(r *headroom.ServiceRoute) {
			r.LoadBalancing.SessionAffinity = headroom.SessionAffinity{Enabled: true, Type: "cookie"}
		})
		res := w.do(w.ask("GET", "/", ""))
		res.Body.Close()
		set := res.Header.Get("Set-Cookie")
		if !strings.HasPrefix(set, "headroom-shop=") || strings.HasSuffix(set, "; Secure") != front.tls {
			t.Fatalf("got %q", set)
		}
		value, _, _ := strings.Cut(set, ";")
		again := w.ask("GET", "/", "")
		again.Header.Set("Cookie", value)
		res = w.do(again)
		if res.Body.Close(); res.Header.Get("Set-Cookie") != "" {
			t.Errorf("got another: %q", res.Header.Get("Set-Cookie"))
		}
	})
}
