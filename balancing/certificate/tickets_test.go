package certificate

import (
	"crypto/tls"
	"log/slog"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"headroom.dev/headroom"
)

// returning is a client that keeps its session tickets.
func returning(a *authority, name string, version uint16) *tls.Config {
	client := clientFor(a, name)
	client.ClientSessionCache, client.MaxVersion = tls.NewLRUClientSessionCache(4), version
	return client
}

// resumes makes a connection and reports whether it resumed a session.
func resumes(t *testing.T, server, client *tls.Config) bool {
	t.Helper()
	_, state, err := shake(t, server, client)
	if err != nil {
		t.Fatal(err)
	}
	return state.DidResume
}

func TestSessionsAreResumedAcrossChangesOfTheConfiguration(t *testing.T) {
	a, dir := newAuthority(t, "ca"), t.TempDir()
	shop := service("shop", []string{"shop.test", "www.shop.test"}, a.files(filepath.Join(dir, "shop"), "shop.test"))
	turned := service("shop", []string{"www.shop.test", "SHOP.test"}, a.files(filepath.Join(dir, "turned"), "shop.test"))
	blog := service("blog", []string{"blog.test"}, a.files(filepath.Join(dir, "blog"), "blog.test"))
	renamed := shop
	renamed.Service = "store"
	moved := service("shop", []string{"shop.test", "new.shop.test"}, a.files(filepath.Join(dir, "moved"), "shop.test"))
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		k, _ := newTestKeeper(t)
		client := returning(a, "shop.test", version)
		if resumes(t, apply(t, k, shop), client) {
			t.Fatal("there was nothing to resume")
		}
		for _, test := range []struct {
			name     string
			services []headroom.ServiceRoute
			want     bool
		}{
			{"the same again", []headroom.ServiceRoute{shop}, true},
			{"with another service beside it", []headroom.ServiceRoute{blog, shop}, true},
			{"another certificate and order of hosts", []headroom.ServiceRoute{turned}, true},
			{"a service of another name with the same hosts, as on another address", []headroom.ServiceRoute{renamed}, true},
			{"other hosts", []headroom.ServiceRoute{moved}, false},
		} {
			if got := resumes(t, apply(t, k, test.services...), client); got != test.want {
				t.Errorf("%s: %s: resumed %v", tls.VersionName(version), test.name, got)
			}
		}
	}
}

func TestSessionOfOneServiceIsNotResumedByAnother(t *testing.T) {
	a, dir := newAuthority(t, "ca"), t.TempDir()
	both := a.files(dir, "shop.test", "blog.test")
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		k, _ := newTestKeeper(t)
		config := apply(t, k, service("shop", []string{"shop.test"}, both), service("blog", []string{"blog.test"}, both))
		client := returning(a, "shop.test", version)
		resumes(t, config, client)
		other := client.Clone()
		other.ServerName = "blog.test"
		other.ClientSessionCache = oneSession{client.ClientSessionCache} // as of a client that uses any ticket anywhere
		if resumes(t, config, other) {
			t.Errorf("%s: a ticket of shop.test was taken for blog.test", tls.VersionName(version))
		}
		if !resumes(t, config, client) {
			t.Errorf("%s: and it was none of shop.test either, so that nothing was tested", tls.VersionName(version))
		}
	}
}

// oneSession is a cache that has the session of shop.test for every name.
type oneSession struct{ tls.ClientSessionCache }

func (o oneSession) Get(string) (*tls.ClientSessionState, bool) {
	return o.ClientSessionCache.Get("shop.test")
}
func (o oneSession) Put(string, *tls.ClientSessionState) {}

func TestTicketIsWorthSomethingForADayAndNothingAfterThreeRotations(t *testing.T) {
	for _, test := range []struct {
		after time.Duration
		want  bool
	}{
		{time.Minute, true},
		{11 * time.Hour, true},
		{24*time.Hour - time.Minute, true},
		{37 * time.Hour, false}, // three rotations, or none for so long that the secret is too old
	} {
		for _, busy := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				a := newAuthority(t, "ca")
				k, _ := newTestKeeper(t)
				config := apply(t, k, service("shop", nil, a.files(t.TempDir(), "shop.test")))
				client := returning(a, "shop.test", tls.VersionTLS13)
				resumes(t, config, client)
				k.Close() // what was handed out works on, and nothing looks at files 18,000 times a day
				for passed := time.Duration(0); passed < test.after; {
					step := min(time.Hour, test.after-passed)
					time.Sleep(step) // of the bubble's clock
					passed += step
					if busy && passed < test.after {
						resumes(t, config, clientFor(a, "shop.test")) // of other clients
					}
				}
				if got := resumes(t, config, client); got != test.want {
					t.Errorf("after %v, others connecting %v: resumed %v", test.after, busy, got)
				}
			})
		}
	}
}

func TestSecretsOfTicketsAreKeptNoLongerThanNeeded(t *testing.T) {
	s, now := newTickets("", slog.New(slog.DiscardHandler)), year(2026)
	first := s.at(now).list[0]
	for i, want := range []struct {
		after time.Duration
		kept  int
		first bool // the first secret is still there
	}{
		{11 * time.Hour, 1, true},
		{12 * time.Hour, 2, true},
		{24 * time.Hour, 3, true},
		{35 * time.Hour, 3, true},
		{36 * time.Hour, 3, false},
		{1000 * time.Hour, 1, false},
	} {
		list := s.at(now.Add(want.after)).list
		if len(list) != want.kept || (list[len(list)-1] == first) != want.first {
			t.Errorf("%d: after %v there are %d secrets, the first among them %v", i, want.after, len(list), list[len(list)-1] == first)
		}
	}
}
