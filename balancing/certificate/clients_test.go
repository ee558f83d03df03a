package certificate

import (
	"crypto/tls"
	"os"
	"path/filepath"
	"testing"
	"time"

	"headroom.dev/headroom"
)

var ofNobody = tls.ConnectionState{}

// guarded is a service that asks for certificates of clients.
func guarded(name, mode, ca string, hosts []string, files pairFiles) headroom.ServiceRoute {
	route := service(name, hosts, files)
	route.LoadBalancing.TLS.Clients = headroom.ClientCertificates{Mode: mode, CA: ca}
	return route
}

func TestClientsAreWhoTheyProveToBe(t *testing.T) {
	a, ours, others, dir := newAuthority(t, "ca"), newAuthority(t, "ours"), newAuthority(t, "others"), t.TempDir()
	ca, files := ours.file(filepath.Join(dir, "ours.pem")), a.files(dir, "shop.test")
	alice, mallory := ours.client("alice"), others.client("mallory")
	for _, test := range []struct {
		mode  string
		shown []tls.Certificate
		ok    bool
		who   string
	}{
		{"required", []tls.Certificate{alice}, true, "alice"},
		{"required", nil, false, ""},
		{"required", []tls.Certificate{mallory}, false, ""},
		{"optional", []tls.Certificate{alice}, true, "alice"},
		{"optional", nil, true, ""},
		{"optional", []tls.Certificate{mallory}, false, ""},
		{"none", []tls.Certificate{alice}, true, ""},
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			k, _ := newTestKeeper(t)
			config := apply(t, k, guarded("shop", test.mode, ca, nil, files))
			client := returning(a, "shop.test", version)
			if len(test.shown) > 0 {
				// Also where the server names other authorities, as an attacker would.
				client.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &test.shown[0], nil }
			}
			for _, resumed := range []bool{false, true} {
				state, _, err := shake(t, config, client)
				if (err == nil) != test.ok {
					t.Fatalf("%s, %s: %v", test.mode, tls.VersionName(version), err)
				}
				if !test.ok {
					break
				}
				if state.DidResume != resumed {
					t.Errorf("%s: resumed %v", test.mode, state.DidResume)
				}
				who, allowed := k.Client("shop", &state)
				if !allowed || (who == nil) != (test.who == "") || who != nil && who.Subject.CommonName != test.who {
					t.Errorf("%s: allowed %v, who %v", test.mode, allowed, who)
				}
			}
		}
	}
}

func TestConnectionForOneServiceDoesNotReachAnotherThatRequiresACertificate(t *testing.T) {
	a, ours, others, dir := newAuthority(t, "ca"), newAuthority(t, "ours"), newAuthority(t, "others"), t.TempDir()
	files := a.files(dir, "*.test")
	k, _ := newTestKeeper(t)
	config := apply(t, k,
		service("open", []string{"open.test"}, files),
		guarded("bank", "required", ours.file(filepath.Join(dir, "ours.pem")), []string{"bank.test"}, files),
		guarded("club", "required", others.file(filepath.Join(dir, "others.pem")), []string{"club.test"}, files),
		guarded("forum", "optional", ours.file(filepath.Join(dir, "ours.pem")), []string{"forum.test"}, files))
	alice, bob := ours.client("alice"), others.client("bob")
	for _, test := range []struct {
		asked, service string
		shown          *tls.Certificate
		who            string
		allowed        bool
	}{
		{"bank.test", "bank", &alice, "alice", true},
		{"open.test", "bank", &alice, "", false},      // open does not ask for it, so that it is not shown
		{"club.test", "bank", &bob, "", false},        // verified, but by the authorities of another
		{"club.test", "forum", &bob, "", true},        // let in, but as nobody
		{"forum.test", "bank", &alice, "alice", true}, // the same authorities verified it
		{"forum.test", "bank", nil, "", false},
		{"bank.test", "open", &alice, "", true},
	} {
		client := clientFor(a, test.asked)
		if test.shown != nil {
			client.Certificates = []tls.Certificate{*test.shown}
		}
		state, _, err := shake(t, config, client)
		if err != nil {
			t.Fatal(err)
		}
		who, allowed := k.Client(test.service, &state)
		if allowed != test.allowed || (who != nil) != (test.who != "") || who != nil && who.Subject.CommonName != test.who {
			t.Errorf("asked for %s, requests go to %s: allowed %v, who %v", test.asked, test.service, allowed, who)
		}
	}
}

func TestAuthorityThatIsTakenAwayCountsAtOnceAlsoForResumedSessions(t *testing.T) {
	a, old, fresh, dir := newAuthority(t, "ca"), newAuthority(t, "old"), newAuthority(t, "fresh"), t.TempDir()
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		ca := old.file(filepath.Join(dir, "clients.pem"))
		k, _ := newTestKeeper(t)
		config := apply(t, k, guarded("shop", "required", ca, nil, a.files(dir, "shop.test")))
		alice := old.client("alice")
		client := returning(a, "shop.test", version)
		client.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &alice, nil }
		open, _, err := shake(t, config, client)
		if err != nil {
			t.Fatal(err)
		}
		if !resumes(t, config, client) {
			t.Fatal("nothing is resumed, so that nothing is tested")
		}

		fresh.file(ca)
		k.look(time.Now())
		if _, _, err := shake(t, config, client); err == nil {
			t.Errorf("%s: a client of the authority that was taken away got in by its ticket", tls.VersionName(version))
		}
		if _, allowed := k.Client("shop", &open); allowed {
			t.Errorf("%s: and goes on with a connection that is open", tls.VersionName(version))
		}
		bob := fresh.client("bob")
		client = clientFor(a, "shop.test")
		client.Certificates = []tls.Certificate{bob}
		if _, _, err := shake(t, config, client); err != nil {
			t.Errorf("%s: a client of the authority that took its place: %v", tls.VersionName(version), err)
		}

		if err := os.Remove(ca); err != nil {
			t.Fatal(err)
		}
		k.look(time.Now())
		k.look(time.Now())
		if _, _, err := shake(t, config, client); err != nil {
			t.Errorf("%s: without its file the authority is no longer known: %v", tls.VersionName(version), err)
		}
	}
}

func TestAnyChangeOfAuthoritiesBeginsSessionsAnew(t *testing.T) {
	a, ours, others, dir := newAuthority(t, "ca"), newAuthority(t, "ours"), newAuthority(t, "others"), t.TempDir()
	ca := ours.file(filepath.Join(dir, "clients.pem"))
	k, _ := newTestKeeper(t)
	config := apply(t, k, guarded("shop", "required", ca, nil, a.files(dir, "shop.test")))
	client := returning(a, "shop.test", tls.VersionTLS13)
	client.Certificates = []tls.Certificate{ours.client("alice")}
	resumes(t, config, client)
	write(t, ca, append(ours.pem(), others.pem()...))
	k.look(time.Now())
	if resumes(t, config, client) {
		t.Error("a session was resumed that began under other authorities")
	}
	if !resumes(t, config, client) {
		t.Error("nothing is resumed, so that nothing is tested")
	}
}

func TestTicketOfAServiceThatAsksForNoCertificateDoesNotReplaceOne(t *testing.T) {
	a, ours, dir := newAuthority(t, "ca"), newAuthority(t, "ours"), t.TempDir()
	files := a.files(dir, "shop.test")
	ca := ours.file(filepath.Join(dir, "ours.pem"))
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		k, _ := newTestKeeper(t)
		client := returning(a, "shop.test", version)
		resumes(t, apply(t, k, service("shop", []string{"shop.test"}, files)), client)
		config := apply(t, k, guarded("shop", "required", ca, []string{"shop.test"}, files))
		if _, _, err := shake(t, config, client); err == nil {
			t.Errorf("%s: got in with a ticket from before certificates were required", tls.VersionName(version))
		}
	}
}
