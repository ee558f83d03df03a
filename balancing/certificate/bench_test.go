package certificate

import (
	"crypto/tls"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"headroom.dev/headroom"
)

// BenchmarkHandshake is a connection on loopback with both ends in this process, so that CPU is that of client and server together. Full
// is ECDSA P-256 with Go's defaults; cpu-µs/op is user and system time.
func BenchmarkHandshake(b *testing.B) {
	a := newAuthority(b, "ca")
	k, _ := newTestKeeper(b)
	config, err := k.Listener(address, []headroom.ServiceRoute{service("shop", []string{"shop.test"}, a.files(b.TempDir(), "shop.test"))})
	if err != nil {
		b.Fatal(err)
	}
	k.Commit()
	for _, bench := range []struct {
		name   string
		change func(*tls.Config)
	}{
		{"full/X25519MLKEM768", func(*tls.Config) {}},
		{"full/X25519", func(c *tls.Config) { c.CurvePreferences = []tls.CurveID{tls.X25519} }},
		{"full/P-256", func(c *tls.Config) { c.CurvePreferences = []tls.CurveID{tls.CurveP256} }},
		{"resumed/X25519MLKEM768", func(c *tls.Config) { c.ClientSessionCache = tls.NewLRUClientSessionCache(1) }},
		{"resumed/X25519", func(c *tls.Config) {
			c.ClientSessionCache, c.CurvePreferences = tls.NewLRUClientSessionCache(1), []tls.CurveID{tls.X25519}
		}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			client := clientFor(a, "shop.test")
			bench.change(client)
			benchmarkHandshakes(b, config, client)
		})
	}
}

func benchmarkHandshakes(b *testing.B, server, client *tls.Config) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			secured := tls.Server(conn, server)
			secured.Write([]byte("."))
			io.Copy(io.Discard, secured)
			conn.Close()
		}
	}()
	connect := func() bool {
		conn, err := tls.Dial("tcp", ln.Addr().String(), client)
		if err != nil {
			b.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
			b.Fatal(err)
		}
		return conn.ConnectionState().DidResume
	}
	connect() // gets the ticket
	b.ReportAllocs()
	before := cpuTime(b)
	for b.Loop() {
		if connect() != (client.ClientSessionCache != nil) {
			b.Fatal("it was not resumed, or was without a ticket")
		}
	}
	b.ReportMetric(float64((cpuTime(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
}

func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// BenchmarkChoose is what each handshake costs beyond crypto/tls: the rules of the service and the certificate.
func BenchmarkChoose(b *testing.B) {
	a := newAuthority(b, "ca")
	k, _ := newTestKeeper(b)
	shop := service("shop", []string{"shop.test", "www.shop.test"}, a.files(b.TempDir(), "shop.test", "*.shop.test"))
	config, err := k.Listener(address, []headroom.ServiceRoute{shop})
	if err != nil {
		b.Fatal(err)
	}
	hello := &tls.ClientHelloInfo{ServerName: "www.shop.test", SupportedProtos: []string{"h2", "http/1.1"}}
	b.ReportAllocs()
	for b.Loop() {
		chosen, err := config.GetConfigForClient(hello)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := chosen.GetCertificate(hello); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkClient is what the proxy asks for connections to services with rules for clients.
func BenchmarkClient(b *testing.B) {
	a, ours := newAuthority(b, "ca"), newAuthority(b, "ours")
	dir := b.TempDir()
	k, _ := newTestKeeper(b)
	config := apply(b, k, guarded("shop", "required", ours.file(dir+"/ours.pem"), nil, a.files(dir, "shop.test")))
	client := clientFor(a, "shop.test")
	client.Certificates = []tls.Certificate{ours.client("alice")}
	state, _, err := shake(b, config, client)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, allowed := k.Client("shop", &state); !allowed {
			b.Fatal("refused")
		}
	}
}
