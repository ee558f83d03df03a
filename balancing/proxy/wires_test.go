package proxy

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom"
)

// wire is what is spoken on one side of the balancer.
type wire struct{ http2, tls bool }

func (w wire) String() string {
	name := "http/1.1"
	if w.http2 {
		name = "h2"
	}
	if w.tls {
		name += " over TLS"
	}
	return name
}

func (w wire) protocols() *http.Protocols {
	p := &http.Protocols{}
	p.SetHTTP1(!w.http2)
	p.SetHTTP2(w.http2 && w.tls)
	p.SetUnencryptedHTTP2(w.http2 && !w.tls)
	return p
}

// wires are all kinds.
func wires() []wire { return []wire{{false, false}, {false, true}, {true, false}, {true, true}} }

// everyWay runs a test for each pair of what a client and a backend speak.
func everyWay(t *testing.T, test func(t *testing.T, front, back wire)) {
	for _, front := range wires() {
		for _, back := range wires() {
			t.Run(front.String()+" to "+back.String(), func(t *testing.T) { test(t, front, back) })
		}
	}
}

// selfSigned is a certificate for shop and 127.0.0.1.
func selfSigned(t tester) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "shop"}, DNSNames: []string{"shop"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// oneCertificate is a TLS that has one certificate for all listeners that want some, and believes every backend.
type oneCertificate struct{ certificate tls.Certificate }

func (o oneCertificate) Listener(_ string, services []headroom.ServiceRoute) (*tls.Config, error) {
	for _, s := range services {
		if s.LoadBalancing.TLS.Enabled() {
			return &tls.Config{Certificates: []tls.Certificate{o.certificate}, NextProtos: []string{"h2", "http/1.1"}}, nil
		}
	}
	return nil, nil
}

func (o oneCertificate) Backend(s headroom.ServiceRoute) (func(string) *tls.Config, error) {
	if !s.LoadBalancing.BackendTLS.Enabled {
		return nil, nil
	}
	config := &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}}
	if s.LoadBalancing.BackendProtocol == headroom.BackendHTTP2 {
		config.NextProtos = []string{"h2"}
	}
	return func(string) *tls.Config { return config }, nil
}

func (oneCertificate) Commit()   {}
func (oneCertificate) Rollback() {}
func (oneCertificate) Client(string, *tls.ConnectionState) (*x509.Certificate, bool) {
	return nil, true
}

// over makes a route one of these wires.
func over(r headroom.ServiceRoute, front, back wire) headroom.ServiceRoute {
	if front.tls {
		r.LoadBalancing.TLS.Certificates = []headroom.Certificate{{Certificate: "shop.pem", Key: "shop.key"}}
	}
	r.LoadBalancing.BackendTLS.Enabled = back.tls
	if back.http2 {
		r.LoadBalancing.BackendProtocol = headroom.BackendHTTP2
	}
	return r
}

// startSecure is start with a certificate.
func startSecure(t tester, options Options) *Server {
	t.Helper()
	options.TLS = oneCertificate{selfSigned(t)}
	return start(t, options)
}

// originOver is an origin of a wire.
func originOver(t tester, w wire, handler http.HandlerFunc, change ...func(*http.Server)) string {
	t.Helper()
	ln, err := net.Listen("tcp", anyPort)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: handler, Protocols: w.protocols(), ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	for _, c := range change {
		c(server)
	}
	address := ln.Addr().String()
	if w.tls {
		server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{selfSigned(t)}}
		go server.ServeTLS(ln, "", "")
	} else {
		go server.Serve(ln)
	}
	t.Cleanup(func() { server.Close() })
	return address
}

// clientOver is a client of a wire, which does not compress by itself.
func clientOver(t tester, w wire) *http.Client {
	transport := &http.Transport{
		Protocols: w.protocols(), DisableCompression: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ServerName: "shop"},
		ExpectContinueTimeout: patiently, MaxIdleConnsPerHost: 200,
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// world is a balancer between a client and an origin.
type world struct {
	t      tester
	server *Server
	client *http.Client
	url    string
	route  headroom.ServiceRoute
}

// between starts all three. change may alter the route.
func between(t tester, front, back wire, handler http.HandlerFunc, change ...func(*headroom.ServiceRoute)) *world {
	t.Helper()
	return before(t, front, back, []string{originOver(t, back, handler)}, change...)
}

// before starts a balancer and a client before these backends.
func before(t tester, front, back wire, backends []string, change ...func(*headroom.ServiceRoute)) *world {
	t.Helper()
	w := &world{t: t, server: startSecure(t, Options{}), client: clientOver(t, front), route: over(route(backends...), front, back)}
	w.route.LoadBalancing.Timeouts.Connect = headroom.Duration(patiently) // a hundred handshakes at once take a while with the race detector
	for _, c := range change {
		c(&w.route)
	}
	apply(t, w.server, w.route)
	w.url = map[bool]string{false: "http://", true: "https://"}[front.tls] + w.server.Addr(anyPort).String()
	return w
}

// ask makes a request that ends with the test.
func (w *world) ask(method, path, body string) *http.Request {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patiently)
	w.t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, method, w.url+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Host = "shop"
	return r
}

// do sends a request and wants an answer.
func (w *world) do(r *http.Request) *http.Response {
	w.t.Helper()
	res, err := w.client.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { res.Body.Close() })
	return res
}

// secure has a client speak TLS from here on.
func (c *rawClient) secure() *rawClient {
	c.conn = tls.Client(c.conn, &tls.Config{InsecureSkipVerify: true})
	c.in = bufio.NewReader(c.conn)
	return c
}
