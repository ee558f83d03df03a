package balancing

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// telling is an origin that answers with what it was asked, by HTTP/1.1 and HTTP/2, with TLS or without.
func telling(t *testing.T, secure bool) string {
	o := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Server", "telling")
		fmt.Fprintf(w, "%s %s %s%s tenant=%s debug=%s %d", r.Proto, r.Method, r.Host, r.URL, r.Header.Get("X-Tenant"), r.Header.Get("X-Debug"), len(body))
	}))
	o.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that shall fail
	if secure {
		o.EnableHTTP2 = true
		o.StartTLS()
	} else {
		o.Config.Protocols = new(http.Protocols)
		o.Config.Protocols.SetHTTP1(true)
		o.Config.Protocols.SetUnencryptedHTTP2(true)
		o.Start()
	}
	t.Cleanup(o.Close)
	return o.Listener.Addr().String()
}

func TestRoutesEditsAndAccessLogAreTheSameByEveryProtocol(t *testing.T) {
	origin := telling(t, false)
	common := `
    backends: [{address: '` + origin + `'}]
    loadBalancing:
      requestHeaders: {remove: [X-Debug], set: {X-Tenant: main}}
      responseHeaders: {remove: [Server], set: {Strict-Transport-Security: max-age=60}}
      routes:
        - {path: /api/, rewrite: /v2/, maxBody: 10}
        - {path: /old/, redirect: {to: /new/, status: 301}}
`
	c := configure(t, "accessLog: {path: access.log}\nservices:\n  plain:"+common+"      listen: LISTEN1\n"+
		"  secure:"+common+"      listen: LISTEN2\n      tls: {certificates: [{certificate: a.pem, key: a.key}]}\n")
	type line struct{ protocol, host, path, route, sni, service, outcome string }
	want := map[line]int{}
	for _, w := range wires {
		client := w.client(t, c.listens[map[bool]int{true: 1}[w.secure]], "a.test")
		for _, test := range []struct {
			method, path, body string
			status             int
			answer             string // of the origin
			route              string
		}{
			{"GET", "/page?q=1", "", 200, "HTTP/1.1 GET a.test/page?q=1 tenant=main debug= 0", ""},
			{"POST", "/api/basket", "12345", 200, "HTTP/1.1 POST a.test/v2/basket tenant=main debug= 5", "/api/"},
			{"POST", "/api/basket", "12345678901", 413, "", "/api/"},
			{"GET", "/old/things", "", 301, "", "/old/"},
		} {
			r, err := http.NewRequest(test.method, w.url("a.test", test.path), strings.NewReader(test.body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("X-Debug", "yes")
			r.Header.Set("X-Tenant", "another")
			response, err := client.Do(r)
			if err != nil {
				t.Fatalf("%v: %v", w, err)
			}
			body, _ := io.ReadAll(response.Body)
			response.Body.Close()
			if response.StatusCode != test.status || test.answer != "" && string(body) != test.answer {
				t.Errorf("%v: %s %s: got %d %q, want %d %q", w, test.method, test.path, response.StatusCode, body, test.status, test.answer)
			}
			if h := response.Header; h.Get("Strict-Transport-Security") == "" || h.Get("Server") != "" || h.Get("X-Request-Id") == "" && test.status != 301 && test.status != 200 {
				t.Errorf("%v: %s %s: header %v", w, test.method, test.path, h)
			}
			if test.status == 301 && response.Header.Get("Location") != "/new/things" {
				t.Errorf("%v: Location %q", w, response.Header.Get("Location"))
			}
			l := line{"HTTP/1.1", "a.test", test.path, test.route, "", "plain", fmt.Sprintf("%dxx", test.status/100)}
			if test.status == 413 {
				l.outcome = "rejected"
			}
			if w.http2 {
				l.protocol = "HTTP/2.0"
			}
			if w.secure {
				l.service, l.sni = "secure", "a.test"
			}
			want[l]++
		}
	}
	c.Eventually(patiently, "all is logged", func() error {
		text, err := os.ReadFile(filepath.Join(c.Dir, "access.log"))
		if err != nil {
			return err
		}
		seen := map[line]int{}
		for entry := range strings.Lines(string(text)) {
			var e struct{ Protocol, Host, Path, Route, SNI, Service, Outcome string }
			if err := json.Unmarshal([]byte(entry), &e); err != nil {
				return err
			}
			seen[line{e.Protocol, e.Host, e.Path, e.Route, e.SNI, e.Service, e.Outcome}]++
		}
		if fmt.Sprint(seen) != fmt.Sprint(want) {
			return fmt.Errorf("logged %v, want %v", seen, want)
		}
		return nil
	})
}

func TestBackendsAreReachedByTLSInEitherProtocol(t *testing.T) {
	origin := telling(t, true) // its certificate is for example.com, by an authority of its own
	o := httptest.NewUnstartedServer(nil)
	o.StartTLS()
	ca := o.Certificate()
	o.Close()
	dir := t.TempDir()
	writePEM(t, filepath.Join(dir, "ca.pem"), ca.Raw)
	service := func(name, listen, more string) string {
		return "  " + name + ": {backends: [{address: '" + origin + "'}], loadBalancing: {listen: " + listen + ", " + more + "}}\n"
	}
	verified := "backendTLS: {enabled: true, serverName: example.com, ca: '" + filepath.Join(dir, "ca.pem") + "'}"
	c := configure(t, "services:\n"+
		service("one", "LISTEN1", verified)+
		service("two", "LISTEN2", "backendProtocol: h2, "+verified)+
		service("stranger", "LISTEN3", "backendTLS: {enabled: true, serverName: other.test, ca: '"+filepath.Join(dir, "ca.pem")+"'}")+
		service("unknown", "LISTEN4", "backendProtocol: h2, backendTLS: {enabled: true, serverName: example.com}"))
	for i, want := range []string{"HTTP/1.1 POST shop/x tenant= debug= 100000", "HTTP/2.0 POST shop/x tenant= debug= 100000", "", ""} {
		client := wire{}.client(t, c.listens[i], "")
		for range 3 {
			r, err := do(client, "POST", "http://shop/x", strings.NewReader(strings.Repeat("x", 100_000)))
			switch {
			case err != nil:
				t.Errorf("%d: %v", i, err)
			case want == "" && r.StatusCode != 502:
				t.Errorf("%d: got %d %q, want 502: nobody vouches for the backend", i, r.StatusCode, r.body)
			case want != "" && (r.StatusCode != 200 || r.body != want):
				t.Errorf("%d: got %d %q, want %q", i, r.StatusCode, r.body, want)
			}
		}
	}
}

// A connection that was begun under the name of a service that asks for no certificate is misdirected to one that requires one.
func TestHostThatTheHandshakeWasNotForIs421(t *testing.T) {
	origin := telling(t, false)
	dir := t.TempDir()
	known := writePair(t, dir, "clients", "client.test")
	c := configure(t, `services:
  open: {backends: [{address: '`+origin+`'}], loadBalancing: {listen: LISTEN1, hosts: [a.test], tls: {certificates: [{certificate: a.pem, key: a.key}]}}}
  bank:
    backends: [{address: '`+origin+`'}]
    loadBalancing:
      listen: LISTEN1
      hosts: [b.test]
      tls: {certificates: [{certificate: b.pem, key: b.key}], clients: {mode: required, ca: '`+filepath.Join(dir, "clients.pem")+`'}}
`)
	for _, http2 := range []bool{false, true} {
		for _, test := range []struct {
			name, host string
			shows      bool
			want       int // 0: the handshake fails
		}{
			{"a.test", "a.test", false, 200},
			{"a.test", "b.test", false, 421},
			{"a.test", "b.test", true, 421}, // it was not asked for
			{"b.test", "b.test", true, 200},
			{"b.test", "a.test", true, 200},
			{"b.test", "b.test", false, 0},
		} {
			w := wire{http2, true}
			client := w.client(t, c.listens[0], test.name)
			if test.shows {
				client.Transport.(*http.Transport).TLSClientConfig.Certificates = []tls.Certificate{known}
			}
			r, err := do(client, "GET", w.url(test.host, "/"), nil)
			if (err != nil) != (test.want == 0) || err == nil && r.StatusCode != test.want {
				t.Errorf("%v: %+v: got %v, %v", w, test, r.Response, err)
			}
		}
	}
}
