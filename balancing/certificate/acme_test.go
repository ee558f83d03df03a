package certificate

import (
	"crypto/tls"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"headroom.dev/headroom"
)

// front is a listener whose TLS is changed as the proxy does.
type front struct {
	net.Listener
	config atomic.Pointer[tls.Config]
}

func listen(t *testing.T, at string) *front {
	t.Helper()
	ln, err := net.Listen("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	f := &front{Listener: ln}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				tls.Server(conn, f.config.Load()).Handshake()
			}()
		}
	}()
	return f
}

// apply puts services on the front in force.
func (f *front) apply(t *testing.T, k *Keeper, services ...headroom.ServiceRoute) {
	t.Helper()
	config, err := k.Listener(f.Addr().String(), services)
	if err != nil {
		t.Fatal(err)
	}
	f.config.Store(config)
	k.Commit()
}

// serial is that of the certificate that a client gets, "" while it gets none.
func (f *front) serial(name string) string {
	conn, err := tls.Dial("tcp", f.Addr().String(), &tls.Config{ServerName: name, InsecureSkipVerify: true})
	if err != nil {
		return ""
	}
	defer conn.Close()
	leaf := conn.ConnectionState().PeerCertificates[0]
	if leaf.VerifyHostname(name) != nil {
		return ""
	}
	return leaf.SerialNumber.String()
}

// obtained is a service whose certificates are obtained.
func obtained(p pebble, name string, hosts ...string) headroom.ServiceRoute {
	route := headroom.ServiceRoute{Service: name}
	route.LoadBalancing.Hosts = hosts
	route.LoadBalancing.TLS.ACME = headroom.ACME{Enabled: true, Directory: p.directory, RootCA: p.rootCA, Email: "ops@example.test"}
	return route
}

func TestCertificateIsObtainedServedAndKeptOverARestart(t *testing.T) {
	p := startPebble(t, 90*24*time.Hour)
	state, j := t.TempDir(), &journal{}
	options := Options{Logger: slog.New(slog.NewTextHandler(j, nil)), StateDir: state}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log: %s", j.lines.String())
		}
	})
	k := New(options)
	defer k.Close()
	f := listen(t, p.listen)
	shop, blog := obtained(p, "shop", "shop.test", "www.shop.test"), obtained(p, "blog", "blog.test")
	f.apply(t, k, shop)
	first := map[string]string{}
	for _, host := range []string{"shop.test", "www.shop.test"} {
		eventually(t, "the certificate of "+host, func() bool { first[host] = f.serial(host); return first[host] != "" })
	}
	if f.serial("blog.test") != "" {
		t.Error("there is a certificate for a host of no service")
	}
	for _, status := range k.Status() {
		if status.Source != SourceACME || !strings.HasPrefix(status.Issuer, "Pebble") ||
			time.Until(status.NotAfter) < 80*24*time.Hour || status.Error != "" {
			t.Errorf("status: %+v", status)
		}
	}
	if info, err := os.Stat(filepath.Join(state, "acme")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder of the state: %v, %v", info.Mode(), err)
	}

	f.apply(t, k, shop, blog) // a service more: what there is stays
	if f.serial("shop.test") != first["shop.test"] {
		t.Error("a change of another service took the certificate away")
	}
	eventually(t, "the certificate of blog.test", func() bool { return f.serial("blog.test") != "" })

	f.apply(t, k, blog) // hosts that went are no longer managed
	if status := k.Status(); len(status) != 1 || status[0].Names[0] != "blog.test" {
		t.Errorf("status: %+v", status)
	}
	if f.serial("shop.test") != "" {
		t.Error("the certificate of a host that went is still served")
	}
	for _, o := range k.current.issuing {
		if left := o.issuer.cache.Load().AllMatchingCertificates("shop.test"); len(left) != 0 {
			t.Error("the certificate of a host that went is still renewed")
		}
	}
	k.Close()

	again := New(options)
	defer again.Close()
	f.apply(t, again, shop)
	for host, serial := range first {
		if got := f.serial(host); got != serial {
			t.Errorf("%s gets certificate %s at once after a restart, want %s", host, got, serial)
		}
	}
	if j.count("level=ERROR") != 0 {
		t.Error("errors were logged")
	}
}

func TestCertificateThatIsDueIsRenewedAtTheStart(t *testing.T) {
	// certmagic renews whatever ends within 50 minutes, five times its interval of looking.
	p := startPebble(t, 30*time.Minute)
	state, j := t.TempDir(), &journal{}
	options := Options{Logger: slog.New(slog.NewTextHandler(j, nil)), StateDir: state}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log: %s", j.lines.String())
		}
	})
	f := listen(t, p.listen)
	k := New(options)
	defer k.Close()
	f.apply(t, k, obtained(p, "shop", "shop.test"))
	var first string
	eventually(t, "a certificate", func() bool { first = f.serial("shop.test"); return first != "" })
	k.Close()

	k = New(options)
	defer k.Close()
	f.apply(t, k, obtained(p, "shop", "shop.test"))
	if f.serial("shop.test") == "" {
		t.Error("the certificate that is due is not served until it is renewed")
	}
	eventually(t, "another certificate", func() bool { now := f.serial("shop.test"); return now != "" && now != first })
	if j.count("renewed=true") == 0 {
		t.Error("no renewal was logged")
	}
}

func TestHandshakeFailsClearlyUntilThereIsACertificate(t *testing.T) {
	root := newAuthority(t, "ca").file(filepath.Join(t.TempDir(), "root.pem"))
	nobody := pebble{directory: "https://" + freeAddress(t) + "/dir", rootCA: root}
	k, _ := newTestKeeper(t)
	f := listen(t, "127.0.0.1:0")
	f.apply(t, k, obtained(nobody, "shop", "shop.test"))
	for _, name := range []string{"shop.test", "", "other.test"} {
		near, far := pipe()
		go tls.Client(far, &tls.Config{ServerName: name, InsecureSkipVerify: true}).Handshake()
		err := tls.Server(near, f.config.Load()).Handshake()
		if err == nil || !strings.Contains(err.Error(), "there is no certificate for shop.test") {
			t.Errorf("ask for %q: %v", name, err)
		}
	}
	eventually(t, "the status says why", func() bool { return strings.Contains(k.Status()[0].Error, "connection refused") })
	if status := k.Status(); len(status) != 1 || status[0].Names[0] != "shop.test" || !status[0].NotAfter.IsZero() {
		t.Errorf("status: %+v", status)
	}
}

func TestHostsThatFilesAreForAreNotObtained(t *testing.T) {
	a, dir := newAuthority(t, "ca"), t.TempDir()
	route := service("shop", []string{"shop.test", "*.shop.test"}, a.files(dir, "shop.test", "*.shop.test"))
	route.LoadBalancing.TLS.ACME = headroom.ACME{Enabled: true, Directory: "https://ca.test/directory"}
	k, _ := newTestKeeper(t)
	config := apply(t, k, route)
	if got := served(t, config, "www.shop.test"); got != "shop.test" {
		t.Errorf("got %q", got)
	}
	if status := k.Status(); len(status) != 1 || status[0].Source != SourceFile {
		t.Errorf("status: %+v", status)
	}
	if _, err := os.Stat(filepath.Join(k.options.StateDir, "acme")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an account was made for nothing: %v", err)
	}
}

func TestStrangersCannotAskForAChallenge(t *testing.T) {
	k, _ := newTestKeeper(t)
	a := newAuthority(t, "ca")
	config := apply(t, k, service("shop", []string{"shop.test"}, a.files(t.TempDir(), "shop.test")))
	client := clientFor(a, "shop.test")
	client.NextProtos = []string{acmeProtocol}
	if _, _, err := shake(t, config, client); err == nil || !strings.Contains(err.Error(), "no application protocol") {
		t.Errorf("got %v", err)
	}
}
