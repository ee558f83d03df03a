package health

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/balancing/proxyprotocol"
)

// serve starts a server that speaks HTTP/1.1 and HTTP/2, over TLS or without.
func serve(t *testing.T, secure bool, handler http.Handler) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // refused handshakes are part of the tests
	server.EnableHTTP2 = true
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP1(true)
	server.Config.Protocols.SetHTTP2(true)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	if secure {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	return server
}

// trusting is TLS to a test's server.
func trusting(server *httptest.Server) func(string) *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	config := &tls.Config{RootCAs: pool, NextProtos: []string{"http/1.1"}}
	return func(string) *tls.Config { return config }
}

func targetOf(server *httptest.Server) Target {
	return Target{ID: "shop-1", Address: server.Listener.Addr().String(), Check: testCheck()}
}

func wantError(t *testing.T, name string, err error, want string) {
	t.Helper()
	if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
		t.Errorf("%s: got %v, want %q", name, err, want)
	}
}

func TestHTTPChecksGoByTheProtocolOfTheBackends(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/proto", func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, fmt.Sprintf("%s %s %s %v %s", r.Method, r.Host, r.Proto, r.TLS != nil, r.UserAgent()), http.StatusTeapot)
	})
	mux.HandleFunc("/ok", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "fine") })
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/broken", http.StatusFound) })
	mux.HandleFunc("/hints", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(103); w.WriteHeader(200) })
	mux.HandleFunc("/waiting", func(w http.ResponseWriter, r *http.Request) {
		for range 10 {
			w.WriteHeader(102)
		}
	})
	mux.HandleFunc("/endless", func(w http.ResponseWriter, r *http.Request) { // healthy, whatever its body is
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	mux.HandleFunc("/broken", func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, strings.Repeat("x", 300), http.StatusInternalServerError)
	})
	for _, secure := range []bool{false, true} {
		server := serve(t, secure, mux)
		for _, http2 := range []bool{false, true} {
			t.Run(fmt.Sprintf("TLS %v, HTTP/2 %v", secure, http2), func(t *testing.T) {
				target := targetOf(server)
				target.HTTP2 = http2
				scheme, protocol := "http://", "HTTP/1.1"
				if http2 {
					protocol = "HTTP/2.0"
				}
				if secure {
					target.TLS = trusting(server)
					scheme = "https://"
				}
				for path, want := range map[string]string{
					"/ok": "", "/ok?deep=1": "", "/moved": "", "/hints": "", "/endless": "",
					"/proto": fmt.Sprintf(`GET %s%s/proto answered 418 "GET %s %s %v headroom-health-check"; expected 200 to 399`,
						scheme, target.Address, target.Address, protocol, secure),
					"/broken":  `/broken answered 500 "` + strings.Repeat("x", 256) + `"; expected`,
					"/none":    `answered 404 "404 page not found"`,
					"/waiting": "no final answer after four informational ones",
					"/%zz":     "invalid URL escape",
				} {
					target.Check.Path = path // none of them waits
					began := time.Now()
					wantError(t, path, target.Probe(t.Context()), want)
					if took := time.Since(began); took > 30*time.Second {
						t.Errorf("%s took %v", path, took)
					}
				}
			})
		}
	}
}

func TestTLSToABackendIsVerified(t *testing.T) {
	server := serve(t, true, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	old := listen(t, func(c net.Conn) { // knows no ALPN, and so no HTTP/2
		tls.Server(c, &tls.Config{Certificates: server.TLS.Certificates}).Handshake()
	})
	plain := serve(t, false, http.NotFoundHandler())
	trust := trusting(server)
	named := func(string) *tls.Config {
		config := trust("").Clone()
		config.ServerName = "example.com"
		return config
	}
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	for name, c := range map[string]struct {
		change func(*Target)
		want   string
	}{
		"well": {func(*Target) {}, ""},
		"unknown authority": {func(t *Target) { t.TLS = func(string) *tls.Config { return &tls.Config{} } },
			"TLS handshake: tls: failed to verify certificate"},
		"another name":    {func(t *Target) { t.Address = "localhost:" + port }, "not localhost"},
		"name configured": {func(t *Target) { t.Address, t.TLS = "localhost:"+port, named }, ""},
		"no TLS there":    {func(t *Target) { t.Address = plain.Listener.Addr().String() }, "does not look like a TLS handshake"},
		"no HTTP/2 there": {func(t *Target) { t.Address, t.HTTP2 = old, true },
			`expected the protocol h2, the backend chose ""`},
		"TCP with TLS": {func(t *Target) { t.Protocol = headroom.ProtocolTCP }, ""},
		"TCP, no TLS there": {func(t *Target) { t.Protocol, t.Address = headroom.ProtocolTCP, plain.Listener.Addr().String() },
			"connect to 127.0.0.1:"},
		"TLS turned off meanwhile": {func(t *Target) {
			t.Address, t.TLS, t.Check.Path = plain.Listener.Addr().String(), func(string) *tls.Config { return nil }, "/none"
		}, "answered 404"},
		"disabled": {func(t *Target) { t.Check.Enabled, t.Address = false, plain.Listener.Addr().String() }, ""},
	} {
		target := targetOf(server)
		target.TLS = trust
		c.change(&target)
		wantError(t, name, target.Probe(t.Context()), c.want)
	}
}

func TestTCPChecksAskOnlyForAConnection(t *testing.T) {
	silent := listen(t, func(c net.Conn) { io.Copy(io.Discard, c) })
	refused, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused.Close()
	for name, c := range map[string]struct {
		protocol headroom.Protocol
		kind     headroom.HealthCheckType
		address  string
		want     string
	}{
		"a TCP service":              {headroom.ProtocolTCP, headroom.HealthCheckAuto, silent, ""},
		"a TCP service, no type":     {headroom.ProtocolTCP, "", silent, ""},
		"an HTTP service":            {headroom.ProtocolHTTP, headroom.HealthCheckAuto, silent, "no answer within the timeout of 50ms"},
		"an HTTP service, by TCP":    {headroom.ProtocolHTTP, headroom.HealthCheckTCP, silent, ""},
		"a TCP service, by HTTP":     {headroom.ProtocolTCP, headroom.HealthCheckHTTP, silent, "no answer within the timeout of 50ms"},
		"a TCP service that is away": {headroom.ProtocolTCP, headroom.HealthCheckAuto, refused.Addr().String(), "connection refused"},
	} {
		target := Target{Address: c.address, Protocol: c.protocol, Check: testCheck()}
		target.Check.Type = c.kind
		if strings.HasPrefix(c.want, "no answer within") {
			target.Check.Timeout = headroom.Duration(50 * time.Millisecond)
		}
		wantError(t, name, target.Probe(t.Context()), c.want)
	}
}

func TestSilentServerFailsEachKindOfCheckInTime(t *testing.T) {
	silent := listen(t, func(c net.Conn) { io.Copy(io.Discard, c) })
	for name, change := range map[string]func(*Target){
		"HTTP/2": func(t *Target) { t.HTTP2 = true },
		"gRPC":   func(t *Target) { t.Check.Type = headroom.HealthCheckGRPC },
		"TLS":    func(t *Target) { t.TLS = func(string) *tls.Config { return &tls.Config{} } },
	} {
		target := Target{Address: silent, Check: testCheck()}
		target.Check.Timeout = headroom.Duration(50 * time.Millisecond)
		change(&target)
		wantError(t, name, target.Probe(t.Context()), "no answer within the timeout of 50ms")
	}
}

func TestChecksBeginWithThePROXYHeaderOfTheService(t *testing.T) {
	headers := make(chan proxyprotocol.Header, 1)
	address := listen(t, func(c net.Conn) {
		buf := make([]byte, 0, proxyprotocol.MaxV2)
		for {
			n, err := c.Read(buf[len(buf):cap(buf)])
			if err != nil {
				return
			}
			buf = buf[:len(buf)+n]
			header, used, err := proxyprotocol.Parse(buf)
			if err == nil && strings.HasSuffix(string(buf[used:]), "\r\n\r\n") && strings.HasPrefix(string(buf[used:]), "GET ") {
				headers <- header
				io.WriteString(c, "HTTP/1.1 204 No Content\r\n\r\n")
				return
			}
			if err != nil && err != proxyprotocol.ErrIncomplete {
				return
			}
		}
	})
	for _, version := range []string{"v1", "v2"} {
		target := Target{Address: address, Check: testCheck(), ProxyProtocol: version}
		if err := target.Probe(t.Context()); err != nil {
			t.Errorf("%s: %v", version, err)
			continue
		}
		if header := <-headers; !header.Local {
			t.Errorf("%s: %+v, want one that tells no client", version, header)
		}
	}
	for _, none := range []string{"", "none"} {
		target := Target{Address: address, Check: testCheck(), ProxyProtocol: none}
		if err := target.Probe(t.Context()); err == nil {
			t.Errorf("%q: the server, which waits for a header, took none", none)
		}
	}
}
