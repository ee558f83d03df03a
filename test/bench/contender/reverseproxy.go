//go:build linux

package contender

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"runtime"
	"sync/atomic"
	"time"
)

// ReverseProxy is Go's own, run by the program at a path when its arguments are "serve-reverse-proxy" and those of
// [ServeReverseProxy].
func ReverseProxy(self string) Proxy {
	return Proxy{Name: "ReverseProxy", Start: func(setup Setup) (*Contender, error) {
		if setup.Kind == TCP || setup.Reloads {
			return nil, ErrCannot
		}
		f, err := newFiles(setup)
		if err != nil {
			return nil, err
		}
		args := []string{"serve-reverse-proxy", f.Address, f.Admin, string(f.Kind), f.Certificate, f.Key}
		c, err := f.start(self, append(args, f.Backends...)...)
		if err != nil {
			return nil, err
		}
		c.Allocations = metricReader("http://" + f.Admin + "/metrics")
		return c, nil
	}}
}

// ServeReverseProxy is the reverse proxy of Go's standard library over backends with the fewest requests in flight. Its
// arguments are the address, that of its metrics, the [Kind], the certificate, the key, and the backends.
func ServeReverseProxy(args []string) error {
	if len(args) < 6 {
		return fmt.Errorf("got %d arguments: expected an address, one for metrics, a kind, a certificate, a key and backends", len(args))
	}
	address, admin, kind, certificate, key := args[0], args[1], Kind(args[2]), args[3], args[4]
	var backends []*backend
	for _, host := range args[5:] {
		backends = append(backends, &backend{url: &url.URL{Scheme: "http", Host: host}})
	}
	go func() { fmt.Fprintln(os.Stderr, serveAllocations(admin)) }()
	protocols, upstream := new(http.Protocols), new(http.Protocols)
	protocols.SetHTTP1(kind != GRPC)
	protocols.SetHTTP2(kind == HTTPS)
	protocols.SetUnencryptedHTTP2(kind == GRPC)
	upstream.SetHTTP1(kind != GRPC)
	upstream.SetUnencryptedHTTP2(kind == GRPC)
	proxy := &httputil.ReverseProxy{
		Transport: &http.Transport{
			MaxIdleConns: 2000, MaxIdleConnsPerHost: 1000, DisableCompression: true, Protocols: upstream, ResponseHeaderTimeout: time.Minute,
		},
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(r.In.Context().Value(chosen{}).(*backend).url)
			r.SetXForwarded()
		},
		BufferPool: &buffers{},
	}
	if kind == GRPC {
		proxy.FlushInterval = -1
	}
	server := &http.Server{
		Addr: address, Protocols: protocols, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute,
		HTTP2:     &http.HTTP2Config{MaxConcurrentStreams: 250},
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS13, CurvePreferences: []tls.CurveID{tls.X25519}},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			least := backends[0]
			for _, b := range backends[1:] {
				if b.inFlight.Load() < least.inFlight.Load() {
					least = b
				}
			}
			least.inFlight.Add(1)
			defer least.inFlight.Add(-1)
			proxy.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), chosen{}, least)))
		}),
	}
	if kind == HTTPS {
		return server.ListenAndServeTLS(certificate, key)
	}
	return server.ListenAndServe()
}

// chosen is the key of the backend in the context of a request.
type chosen struct{}

type backend struct {
	url      *url.URL
	inFlight atomic.Int64
}

// serveAllocations answers with the one metric that [metricReader] asks for.
func serveAllocations(address string) error {
	handler := func(w http.ResponseWriter, _ *http.Request) {
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		fmt.Fprintf(w, "go_memstats_mallocs_total %d\n", stats.Mallocs)
	}
	server := &http.Server{Addr: address, ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(handler)}
	err := server.ListenAndServe()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
