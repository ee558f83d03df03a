package proxy

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"testing"

	"headroom.dev/headroom"
)

// demanding is a TLS that lets no client of a service in without a certificate, and whose clients have none.
type demanding struct{ oneCertificate }

func (demanding) Client(string, *tls.ConnectionState) (*x509.Certificate, bool) { return nil, false }

// A connection that began before its listener had TLS has shown no certificate, and cannot.
func TestConnectionFromBeforeTLSDoesNotReachAServiceThatDemandsCertificates(t *testing.T) {
	o := newOrigin(t, ok)
	s := start(t, Options{TLS: demanding{oneCertificate{selfSigned(t)}}})
	apply(t, s, route(o.address()))
	for _, http2 := range []bool{false, true} {
		apply(t, s, route(o.address()))
		w := &world{t: t, server: s, client: clientOver(t, wire{http2: http2}), url: "http://" + s.Addr(anyPort).String()}
		res := w.do(w.ask("GET", "/", ""))
		if io.Copy(io.Discard, res.Body); res.StatusCode != 200 {
			t.Fatalf("before: %d", res.StatusCode)
		}
		r := over(route(o.address()), wire{tls: true}, wire{})
		r.LoadBalancing.TLS.Clients = headroom.ClientCertificates{Mode: "required", CA: "clients.pem"}
		apply(t, s, r)
		if res := w.do(w.ask("GET", "/", "")); res.StatusCode != 421 || !http2 && !res.Close {
			t.Errorf("HTTP/2 %v: got %d, close %v, want 421 and the end of the connection", http2, res.StatusCode, res.Close)
		}
		w.client.CloseIdleConnections()
	}
}
