package certificate

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom"
)

// behind is a service whose backends are spoken to in TLS.
func behind(settings headroom.BackendTLS, addresses ...string) headroom.ServiceRoute {
	route := headroom.ServiceRoute{Service: "shop"}
	settings.Enabled = true
	route.LoadBalancing.BackendTLS = settings
	for _, address := range addresses {
		route.Backends = append(route.Backends, headroom.Backend{ID: address, Address: address})
	}
	return route
}

func applyBackend(t *testing.T, k *Keeper, route headroom.ServiceRoute) func(string) *tls.Config {
	t.Helper()
	config, err := k.Backend(route)
	if err != nil {
		t.Fatal(err)
	}
	k.Commit()
	return config
}

// backend is the server of one.
func backend(t *testing.T, a *authority, names ...string) *tls.Config {
	t.Helper()
	pem, key := a.issue(newKey(t), names...)
	certificate, err := tls.X509KeyPair(pem, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: []string{"h2", "http/1.1"}}
}

func TestBackendMustBeWhoItsAddressOrServerNameSays(t *testing.T) {
	ours, others, dir := newAuthority(t, "ours"), newAuthority(t, "others"), t.TempDir()
	ca := ours.file(filepath.Join(dir, "ours.pem"))
	named := headroom.BackendTLS{CA: ca, ServerName: "shop.internal"}
	for _, test := range []struct {
		name     string
		settings headroom.BackendTLS
		address  string
		server   *tls.Config
		ok       bool
	}{
		{"for the host of its address", headroom.BackendTLS{CA: ca}, "shop.internal:8443", backend(t, ours, "shop.internal"), true},
		{"for the IP address", headroom.BackendTLS{CA: ca}, "10.0.0.1:8443", backend(t, ours, "10.0.0.1"), true},
		{"for an IPv6 address", headroom.BackendTLS{CA: ca}, "[fd00::1]:8443", backend(t, ours, "fd00::1"), true},
		{"for the IP address of another", headroom.BackendTLS{CA: ca}, "10.0.0.1:8443", backend(t, ours, "10.0.0.2"), false},
		{"for the configured name", named, "10.0.0.1:8443", backend(t, ours, "shop.internal"), true},
		{"for its address, not the configured name", named, "10.0.0.1:8443", backend(t, ours, "10.0.0.1"), false},
		{"of another authority", headroom.BackendTLS{CA: ca}, "shop.internal:8443", backend(t, others, "shop.internal"), false},
		{"of none that the system knows", headroom.BackendTLS{}, "shop.internal:8443", backend(t, others, "shop.internal"), false},
		{"anything where nothing is verified", headroom.BackendTLS{SkipVerify: true}, "shop.internal:8443", backend(t, others, "x"), true},
	} {
		k, _ := newTestKeeper(t)
		config := applyBackend(t, k, behind(test.settings, test.address))
		if _, _, err := shake(t, test.server, config(test.address)); (err == nil) != test.ok {
			t.Errorf("%s: %v", test.name, err)
		}
		if first, second := config(test.address), config(test.address); first != second {
			t.Errorf("%s: each connection gets a configuration of its own", test.name)
		}
	}
}

func TestBackendIsAskedForItsProtocol(t *testing.T) {
	ours := newAuthority(t, "ours")
	for _, test := range []struct {
		protocol headroom.Protocol
		backend  headroom.BackendProtocol
		want     string
	}{
		{headroom.ProtocolHTTP, headroom.BackendHTTP1, "http/1.1"},
		{headroom.ProtocolHTTP, headroom.BackendHTTP2, "h2"},
		{headroom.ProtocolTCP, headroom.BackendHTTP1, ""},
	} {
		k, _ := newTestKeeper(t)
		route := behind(headroom.BackendTLS{SkipVerify: true}, "10.0.0.1:1")
		route.LoadBalancing.Protocol, route.LoadBalancing.BackendProtocol = test.protocol, test.backend
		_, state, err := shake(t, backend(t, ours, "x"), applyBackend(t, k, route)("10.0.0.1:1"))
		if err != nil || state.NegotiatedProtocol != test.want {
			t.Errorf("%s over %s: got %q and %v", test.backend, test.protocol, state.NegotiatedProtocol, err)
		}
	}
}

func TestCertificateThatIsShownToBackendsIsTheOneInItsFiles(t *testing.T) {
	ours, dir := newAuthority(t, "ours"), t.TempDir()
	own := ours.files(filepath.Join(dir, "own"), "balancer-1")
	server := backend(t, ours, "shop.internal")
	server.ClientAuth, server.ClientCAs = tls.RequireAndVerifyClientCert, ours.pool()
	k, _ := newTestKeeper(t)
	settings := headroom.BackendTLS{CA: ours.file(filepath.Join(dir, "ca.pem")), Certificate: own.certificate, Key: own.key}
	config := applyBackend(t, k, behind(settings, "shop.internal:1"))
	shown := func() string {
		state, _, err := shake(t, server, config("shop.internal:1"))
		if err != nil {
			t.Fatal(err)
		}
		return state.PeerCertificates[0].Subject.CommonName
	}
	if got := shown(); got != "balancer-1" {
		t.Errorf("got %q", got)
	}
	ours.files(filepath.Join(dir, "own"), "balancer-2")
	k.look(time.Now())
	if got := shown(); got != "balancer-2" {
		t.Errorf("got %q after its files changed", got)
	}
	if status := k.Status(); len(status) != 1 || status[0].Names[0] != "balancer-2" {
		t.Errorf("status: %+v", status)
	}
}

func TestSessionsWithBackendsAreResumedUntilAuthoritiesChange(t *testing.T) {
	old, fresh, dir := newAuthority(t, "old"), newAuthority(t, "fresh"), t.TempDir()
	ca := old.file(filepath.Join(dir, "ca.pem"))
	one, two := backend(t, old, "shop.internal"), backend(t, old, "shop.internal")
	k, _ := newTestKeeper(t)
	route := behind(headroom.BackendTLS{CA: ca, ServerName: "shop.internal"}, "10.0.0.1:1", "10.0.0.2:1")
	config := applyBackend(t, k, route)
	resumed := func(server *tls.Config, address string) bool { return resumes(t, server, config(address)) }
	if resumed(one, "10.0.0.1:1") || resumed(two, "10.0.0.2:1") {
		t.Error("there was nothing to resume")
	}
	if !resumed(one, "10.0.0.1:1") || !resumed(two, "10.0.0.2:1") {
		t.Error("a backend's session was lost to another backend of the same name")
	}
	route.Backends = append(route.Backends, headroom.Backend{ID: "3", Address: "10.0.0.3:1"})
	config = applyBackend(t, k, route)
	if !resumed(one, "10.0.0.1:1") {
		t.Error("a change of the backends lost the sessions")
	}
	fresh.file(ca)
	k.look(time.Now())
	var unknown x509.UnknownAuthorityError
	if _, _, err := shake(t, one, config("10.0.0.1:1")); !errors.As(err, &unknown) {
		t.Errorf("a backend of the authority that was taken away: %v", err)
	}
	if _, _, err := shake(t, backend(t, fresh, "shop.internal"), config("10.0.0.1:1")); err != nil {
		t.Errorf("a backend of the authority that took its place: %v", err)
	}
}

func TestWhatCannotBeUsedForBackendsIsNamed(t *testing.T) {
	ours, dir := newAuthority(t, "ours"), t.TempDir()
	own, none := ours.files(dir, "balancer"), filepath.Join(dir, "none.pem")
	const path = "services.shop.loadBalancing.backendTLS"
	for _, test := range []struct {
		settings    headroom.BackendTLS
		field, want string
	}{
		{headroom.BackendTLS{CA: none}, path + ".ca", "there is no such file"},
		{headroom.BackendTLS{Certificate: own.certificate}, path + ".key", "must name a PEM file"},
		{headroom.BackendTLS{Key: own.key}, path + ".certificate", "must name a PEM file"},
		{headroom.BackendTLS{Certificate: own.certificate, Key: none}, path + ".key", "there is no such file"},
	} {
		k, _ := newTestKeeper(t)
		_, err := k.Backend(behind(test.settings))
		var invalid *headroom.InvalidError
		if !errors.As(err, &invalid) || invalid.Field != test.field || !strings.Contains(invalid.Expected, test.want) {
			t.Errorf("got %v, want %s: %s", err, test.field, test.want)
		}
	}
	k, _ := newTestKeeper(t)
	if config, err := k.Backend(headroom.ServiceRoute{Service: "plain"}); config != nil || err != nil {
		t.Errorf("without TLS: %v", err)
	}
}
