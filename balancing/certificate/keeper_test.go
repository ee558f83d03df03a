package certificate

import (
	"bytes"
	"crypto/tls"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"headroom.dev/headroom"
)

const address = "127.0.0.1:443"

// journal collects log lines.
type journal struct {
	mu    sync.Mutex
	lines bytes.Buffer
}

func (j *journal) Write(line []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.lines.Write(line)
}

// count is how many lines have a text.
func (j *journal) count(text string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Count(j.lines.String(), text)
}

func newTestKeeper(t testing.TB) (*Keeper, *journal) {
	t.Helper()
	j := &journal{}
	k := New(Options{Logger: slog.New(slog.NewTextHandler(j, nil)), StateDir: t.TempDir()})
	t.Cleanup(k.Close)
	return k, j
}

// service is one with certificates from files.
func service(name string, hosts []string, pairs ...pairFiles) headroom.ServiceRoute {
	route := headroom.ServiceRoute{Service: name}
	route.LoadBalancing.Hosts = hosts
	for _, files := range pairs {
		named := headroom.Certificate{Certificate: files.certificate, Key: files.key}
		route.LoadBalancing.TLS.Certificates = append(route.LoadBalancing.TLS.Certificates, named)
	}
	return route
}

// apply puts services in force that share one address.
func apply(t testing.TB, k *Keeper, services ...headroom.ServiceRoute) *tls.Config {
	t.Helper()
	config, err := k.Listener(address, services)
	if err != nil {
		t.Fatal(err)
	}
	k.Commit()
	return config
}

// shake makes a connection in memory and returns what both ends know of it. The client reads, so that it gets its session tickets.
func shake(t testing.TB, server, client *tls.Config) (ofServer, ofClient tls.ConnectionState, err error) {
	t.Helper()
	near, far := pipe()
	serverConn, clientConn := tls.Server(near, server), tls.Client(far, client)
	served := make(chan error, 1)
	go func() {
		defer near.Close()
		err := serverConn.Handshake()
		if err == nil {
			_, err = serverConn.Write([]byte("."))
		}
		served <- err
	}()
	_, err = io.ReadFull(clientConn, make([]byte, 1))
	ofClient = clientConn.ConnectionState()
	far.Close()
	if serverErr := <-served; serverErr != nil && err == nil {
		err = serverErr
	}
	return serverConn.ConnectionState(), ofClient, err
}

// clientFor is a client that asks for a name and trusts an authority.
func clientFor(a *authority, name string) *tls.Config {
	return &tls.Config{ServerName: name, RootCAs: a.pool()}
}

// served is the first name of the certificate that a client gets who asks for a name.
func served(t testing.TB, config *tls.Config, name string) string {
	t.Helper()
	_, state, err := shake(t, config, &tls.Config{ServerName: name, InsecureSkipVerify: true})
	if err != nil {
		t.Fatalf("ask for %q: %v", name, err)
	}
	return state.PeerCertificates[0].Subject.CommonName
}
