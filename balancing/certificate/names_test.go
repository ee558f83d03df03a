package certificate

import (
	"crypto/tls"
	"crypto/x509"
	"path/filepath"
	"testing"

	"headroom.dev/headroom"
)

func TestClientGetsTheCertificateOfTheMostSpecificName(t *testing.T) {
	a, dir := newAuthority(t, "ca"), t.TempDir()
	shop := a.files(filepath.Join(dir, "shop"), "shop.example.com", "www.shop.example.com")
	star := a.files(filepath.Join(dir, "star"), "*.example.com")
	k, _ := newTestKeeper(t)
	config := apply(t, k, service("shop", []string{"other.test"}, star, shop))
	for _, test := range []struct{ ask, want, why string }{
		{"shop.example.com", "shop.example.com", "an exact name goes before a wildcard that is listed first"},
		{"WWW.Shop.Example.Com", "shop.example.com", "names have no case"},
		{"www.shop.example.com", "shop.example.com", "the second name of a certificate counts as the first"},
		{"blog.example.com", "*.example.com", "a star stands for one label"},
		{"a.blog.example.com", "*.example.com", "a star does not stand for two labels; what is left is the first certificate"},
		{"example.com", "*.example.com", "a star does not stand for none; what is left is the first certificate"},
		{"other.test", "*.example.com", "a host that no certificate is for gets the first"},
		{"", "*.example.com", "a client that names none gets the first"},
		{"127.0.0.1", "*.example.com", "clients name no addresses"},
	} {
		if got := served(t, config, test.ask); got != test.want {
			t.Errorf("%q gets %q, want %q: %s", test.ask, got, test.want, test.why)
		}
	}
}

func TestServiceUsesItsOwnCertificateBeforeAnother(t *testing.T) {
	a, dir := newAuthority(t, "ca"), t.TempDir()
	everybody := a.files(filepath.Join(dir, "all"), "all.test", "b.example.com", "c.example.com")
	own := a.files(filepath.Join(dir, "own"), "*.example.com")
	k, _ := newTestKeeper(t)
	config := apply(t, k, service("a", []string{"a.example.com"}, everybody), service("b", []string{"b.example.com"}, own))
	for ask, want := range map[string]string{
		"b.example.com": "*.example.com", // service b has it in its wildcard, although another's is more specific
		"c.example.com": "all.test",      // of no service: the most specific of all
		"d.example.com": "*.example.com",
	} {
		if got := served(t, config, ask); got != want {
			t.Errorf("%q gets %q, want %q", ask, got, want)
		}
	}
}

func TestServiceWithoutHostsTakesClientsThatNameNone(t *testing.T) {
	a, dir := newAuthority(t, "ca"), t.TempDir()
	first := a.files(filepath.Join(dir, "first"), "first.test")
	rest := a.files(filepath.Join(dir, "rest"), "rest.test")
	k, _ := newTestKeeper(t)
	config := apply(t, k, service("first", []string{"first.test"}, first), service("rest", nil, rest))
	for ask, want := range map[string]string{"": "rest.test", "unknown.test": "rest.test", "first.test": "first.test"} {
		if got := served(t, config, ask); got != want {
			t.Errorf("%q gets %q, want %q", ask, got, want)
		}
	}
}

func TestOfTwoKindsOfKeysAClientGetsOneThatItCanUse(t *testing.T) {
	a, dir := newAuthority(t, "ca"), t.TempDir()
	certificate, key := a.issue(newRSAKey(t), "shop.test")
	withRSA := writePair(t, filepath.Join(dir, "rsa"), certificate, key)
	withECDSA := a.files(filepath.Join(dir, "ecdsa"), "shop.test")
	k, _ := newTestKeeper(t)
	config := apply(t, k, service("shop", nil, withECDSA, withRSA))
	for _, test := range []struct {
		suite uint16
		want  x509.PublicKeyAlgorithm
	}{
		{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, x509.ECDSA},
		{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, x509.RSA},
	} {
		client := clientFor(a, "shop.test")
		client.MaxVersion, client.CipherSuites = tls.VersionTLS12, []uint16{test.suite}
		_, state, err := shake(t, config, client)
		if err != nil {
			t.Fatalf("%s: %v", tls.CipherSuiteName(test.suite), err)
		}
		if got := state.PeerCertificates[0].PublicKeyAlgorithm; got != test.want {
			t.Errorf("%s: got %s, want %s", tls.CipherSuiteName(test.suite), got, test.want)
		}
	}
}

func TestProtocolIsChosenByALPN(t *testing.T) {
	a := newAuthority(t, "ca")
	files := a.files(t.TempDir(), "shop.test")
	web := service("web", nil, files)
	raw := service("raw", nil, files)
	raw.LoadBalancing.Protocol = headroom.ProtocolTCP
	for _, test := range []struct {
		name   string
		route  headroom.ServiceRoute
		offers []string
		want   string
	}{
		{"HTTP/2 goes first", web, []string{"http/1.1", "h2"}, "h2"},
		{"HTTP/1.1 alone", web, []string{"http/1.1"}, "http/1.1"},
		{"HTTP/1.0 is not refused", web, []string{"http/1.0", "http/1.1"}, "http/1.1"},
		{"none offered", web, nil, ""},
		{"bytes have no protocol", raw, []string{"postgresql"}, ""},
	} {
		k, _ := newTestKeeper(t)
		client := clientFor(a, "shop.test")
		client.NextProtos = test.offers
		_, state, err := shake(t, apply(t, k, test.route), client)
		if err != nil || state.NegotiatedProtocol != test.want {
			t.Errorf("%s: got %q and %v, want %q", test.name, state.NegotiatedProtocol, err, test.want)
		}
	}
}

func TestVersionIsTheLeastOfTheServiceThatIsAskedFor(t *testing.T) {
	a, dir := newAuthority(t, "ca"), t.TempDir()
	modern := service("modern", []string{"modern.test"}, a.files(filepath.Join(dir, "a"), "modern.test"))
	modern.LoadBalancing.TLS.MinVersion = "1.3"
	common := service("common", []string{"common.test"}, a.files(filepath.Join(dir, "b"), "common.test"))
	k, _ := newTestKeeper(t)
	config := apply(t, k, modern, common)
	for _, test := range []struct {
		name    string
		maximum uint16
		ok      bool
	}{
		{"modern.test", tls.VersionTLS13, true},
		{"modern.test", tls.VersionTLS12, false},
		{"common.test", tls.VersionTLS12, true},
		{"common.test", tls.VersionTLS11, false},
	} {
		client := clientFor(a, test.name)
		client.MinVersion, client.MaxVersion = tls.VersionTLS10, test.maximum
		if _, _, err := shake(t, config, client); (err == nil) != test.ok {
			t.Errorf("%s with at most %s: %v", test.name, tls.VersionName(test.maximum), err)
		}
	}
}
