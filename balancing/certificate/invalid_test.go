package certificate

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"headroom.dev/headroom"
)

func TestWhatCannotBeUsedIsNamed(t *testing.T) {
	a, dir := newAuthority(t, "ca"), t.TempDir()
	good := a.files(filepath.Join(dir, "good"), "shop.test")
	other := a.files(filepath.Join(dir, "other"), "other.test")
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		write(t, path, []byte(content))
		return path
	}
	locked := pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte{1}})
	garbled := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte{1, 2, 3}})
	old := newPKCS1(t, a, filepath.Join(dir, "old"))
	const tls = "services.shop.loadBalancing.tls"
	pair := func(certificate, key string) func(*headroom.LoadBalancing) {
		return func(lb *headroom.LoadBalancing) {
			lb.TLS.Certificates = append(lb.TLS.Certificates, headroom.Certificate{Certificate: certificate, Key: key})
		}
	}
	acme := func(change func(*headroom.LoadBalancing)) func(*headroom.LoadBalancing) {
		return func(lb *headroom.LoadBalancing) {
			lb.TLS.ACME = headroom.ACME{Enabled: true, Directory: "https://ca.test/directory"}
			lb.Hosts = []string{"shop.test"}
			change(lb)
		}
	}
	clients := func(mode, ca string) func(*headroom.LoadBalancing) {
		return func(lb *headroom.LoadBalancing) { lb.TLS.Clients = headroom.ClientCertificates{Mode: mode, CA: ca} }
	}
	for _, test := range []struct {
		change      func(*headroom.LoadBalancing)
		field, want string
	}{
		{pair("", "x.key"), tls + ".certificates[1].certificate", "must name a PEM file"},
		{pair("x.pem", ""), tls + ".certificates[1].key", "must name a PEM file"},
		{pair(filepath.Join(dir, "none.pem"), good.key), tls + ".certificates[1].certificate", "there is no such file"},
		{pair(good.certificate, filepath.Join(dir, "none.key")), tls + ".certificates[1].key", "there is no such file"},
		{pair(file("empty.pem", " \n"), good.key), tls + ".certificates[1].certificate", "is empty"},
		{pair(file("text.pem", "hello"), good.key), tls + ".certificates[1].certificate", "is not PEM"},
		{pair(good.key, good.key), tls + ".certificates[1].certificate", `has no certificate but a block "PRIVATE KEY"`},
		{pair(good.certificate, good.certificate), tls + ".certificates[1].key", `has no private key but a block "CERTIFICATE"`},
		{pair(file("garbled.pem", string(garbled)), good.key), tls + ".certificates[1].certificate", "certificate 1 in it cannot be read"},
		{pair(good.certificate, file("locked.key", string(locked))), tls + ".certificates[1].key", "is protected by a passphrase"},
		{pair(good.certificate, other.key), tls + ".certificates[1].key", "which is for shop.test"},
		{pair(old.certificate, old.key), "", ""},
		{pair(file("large.pem", strings.Repeat(" ", maxFile+1)), good.key), tls + ".certificates[1].certificate", "has more than 4 MiB"},
		{func(lb *headroom.LoadBalancing) { lb.TLS.MinVersion = "1.1" }, tls + ".minVersion", `must be "1.2" or "1.3"`},
		{clients("maybe", ""), tls + ".clients.mode", "must be none, optional or required"},
		{clients("required", ""), tls + ".clients.ca", "must name the PEM file"},
		{clients("required", good.key), tls + ".clients.ca", "has no certificate"},
		{clients("optional", filepath.Join(dir, "none.pem")), tls + ".clients.ca", "there is no such file"},
		{acme(func(lb *headroom.LoadBalancing) { lb.Hosts = nil }), "services.shop.loadBalancing.hosts", "must name the hosts"},
		{acme(func(lb *headroom.LoadBalancing) { lb.Hosts = []string{"shop.test", "*.shop.test"} }), "services.shop.loadBalancing.hosts[1]",
			"proves one whole host name (RFC 8737)"},
		{acme(func(lb *headroom.LoadBalancing) { lb.Hosts = []string{"10.0.0.1"} }), "services.shop.loadBalancing.hosts[0]",
			"one whole host name"},
		{acme(func(lb *headroom.LoadBalancing) { lb.Hosts = []string{""} }), "services.shop.loadBalancing.hosts[0]",
			"one whole host name"},
		{acme(func(lb *headroom.LoadBalancing) { lb.TLS.ACME.Directory = "http://ca.test" }), tls + ".acme.directory", "begins with https://"},
		{acme(func(lb *headroom.LoadBalancing) { lb.TLS.ACME.RootCA = filepath.Join(dir, "none.pem") }),
			tls + ".acme.rootCA", "there is no such file"},
	} {
		k, _ := newTestKeeper(t)
		route := service("shop", nil, good)
		test.change(&route.LoadBalancing)
		_, err := k.Listener(address, []headroom.ServiceRoute{route})
		if test.field == "" {
			if err != nil {
				t.Error(err)
			}
			continue
		}
		var invalid *headroom.InvalidError
		if !errors.As(err, &invalid) || invalid.Field != test.field || !strings.Contains(invalid.Expected, test.want) {
			t.Errorf("got %v, want %s: %s", err, test.field, test.want)
		}
	}
}

// newPKCS1 writes a pair whose key has the form that OpenSSL wrote before version 1.0.
func newPKCS1(t *testing.T, a *authority, dir string) pairFiles {
	t.Helper()
	key := newRSAKey(t)
	certificate, _ := a.issue(key, "old.test")
	return writePair(t, dir, certificate, pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
}

func TestAllThatIsWrongIsNamedAtOnce(t *testing.T) {
	k, _ := newTestKeeper(t)
	one, two := service("one", nil, pairFiles{"none.pem", "none.key"}), service("two", nil, pairFiles{"none.pem", "none.key"})
	one.LoadBalancing.TLS.MinVersion = "0.9"
	_, err := k.Listener(address, []headroom.ServiceRoute{one, two})
	for _, field := range []string{"services.one.loadBalancing.tls.minVersion", "services.one.loadBalancing.tls.certificates[0].certificate",
		"services.two.loadBalancing.tls.certificates[0].certificate"} {
		if !strings.Contains(fmt.Sprint(err), field) {
			t.Errorf("%q is missing in: %v", field, err)
		}
	}
}

func TestServicesOfAnAddressHaveTLSAllOrNone(t *testing.T) {
	a := newAuthority(t, "ca")
	k, _ := newTestKeeper(t)
	shop, blog := service("shop", []string{"shop.test"}, a.files(t.TempDir(), "shop.test")), service("blog", []string{"blog.test"})
	for _, services := range [][]headroom.ServiceRoute{{shop, blog}, {blog, shop}} {
		_, err := k.Listener(address, services)
		var invalid *headroom.InvalidError
		if !errors.As(err, &invalid) || invalid.Field != "services.blog.loadBalancing.tls" ||
			!strings.Contains(invalid.Expected, "service shop has TLS on "+address+" and service blog has not") {
			t.Errorf("got %v", err)
		}
	}
	if config, err := k.Listener(address, []headroom.ServiceRoute{blog}); config != nil || err != nil {
		t.Errorf("without TLS: got %v and %v", config, err)
	}
	if config, err := k.Listener(address, nil); config != nil || err != nil {
		t.Errorf("without services: got %v and %v", config, err)
	}
}
