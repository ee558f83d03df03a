package control_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom"
)

func TestReplicasAddressesNamesAndWhatTheAPIAddedStandInOneList(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		name := headroom.StaticBackend{Address: "srv://shop.internal", Weight: 1, DNS: headroom.DNS{Refresh: headroom.Duration(10 * time.Second)}}
		mixed := w.config.Services["shop"]
		mixed.Backends = []headroom.StaticBackend{{Address: "10.9.9.9:80", Weight: 1}, name}
		w.config.Services["shop"] = mixed
		w.start()
		w.pass(5 * time.Second)
		w.control.Resolved("shop", name, []headroom.Resolved{{Address: "10.0.0.1:9001", Weight: 5, Priority: 1}}, nil)
		if _, err := w.control.AddBackend(t.Context(), headroom.Backend{Service: "shop", Address: "10.8.8.8:80", Weight: 1}, headroom.Change{}); err != nil {
			t.Fatal(err)
		}
		w.pass(time.Millisecond)
		got := strings.Join(w.balancer.backends(headroom.BackendActive), " ")
		if got != "shop-1 shop-10.0.0.1-9001 shop-10.8.8.8-80 shop-10.9.9.9-80 shop-2" {
			t.Errorf("the balancer has %s", got)
		}
		backends, err := w.control.Backends("shop")
		if err != nil || backends[1].Weight != 5 || backends[1].Priority != 1 || backends[1].Source != headroom.SourceDNS {
			t.Errorf("the name stands for %+v, %v", backends[1], err)
		}
		w.expectNames("shop-1", "shop-2")
	})
}

func TestTheLastGoodAnswerOfDNSStaysInForceUntilThereIsAnother(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		name := headroom.StaticBackend{Address: "dns://shop.internal:80", Weight: 2, DNS: headroom.DNS{Refresh: headroom.Duration(10 * time.Second)}}
		w.config = headroom.Config{Services: map[string]headroom.Service{"shop": {Backends: []headroom.StaticBackend{{Address: "10.9.9.9:80", Weight: 1}, name}}}}
		w.start()
		w.pass(time.Second)
		expect := func(when, want string) {
			t.Helper()
			w.pass(time.Millisecond)
			var got []string
			for _, backend := range w.balancer.backends(headroom.BackendActive) {
				got = append(got, fmt.Sprint(backend))
			}
			if text := strings.Join(got, " "); text != want {
				t.Errorf("%s the balancer has %q, want %q", when, text, want)
			}
		}
		to := func(addresses ...string) (all []headroom.Resolved) {
			for _, address := range addresses {
				all = append(all, headroom.Resolved{Address: address})
			}
			return all
		}
		expect("before any answer", "shop-10.9.9.9-80")
		w.control.Resolved("shop", name, to("10.0.0.1:80", "10.0.0.2:80", "10.9.9.9:80"), nil)
		expect("after an answer", "shop-10.0.0.1-80 shop-10.0.0.2-80 shop-10.9.9.9-80")
		w.pass(time.Minute)
		w.control.Resolved("shop", name, nil, errors.New("server misbehaving"))
		w.control.Resolved("shop", name, nil, nil)
		expect("after a failure and an empty answer", "shop-10.0.0.1-80 shop-10.0.0.2-80 shop-10.9.9.9-80")
		w.pass(3 * time.Second)
		problems := strings.Join(w.status().Problems, "\n")
		if !strings.Contains(problems, "dns://shop.internal:80 has not been resolved for 3s: the answer has no addresses. The last answer, of 1m3s ago, stays in force: 3 addresses") {
			t.Errorf("the problems are %s", problems)
		}
		w.restart()
		w.pass(time.Second)
		expect("after a restart", "shop-10.0.0.1-80 shop-10.0.0.2-80 shop-10.9.9.9-80")
		w.control.Resolved("shop", name, to("10.0.0.2:80"), nil)
		expect("after another answer", "shop-10.0.0.2-80 shop-10.9.9.9-80")
		var events []string
		for _, entry := range w.control.EventsSince(time.Time{}) {
			if strings.HasPrefix(entry.ID, "dns-") {
				events = append(events, entry.ID)
			}
		}
		if got := strings.Join(events, " "); got != "dns-changed dns-failed dns-changed" {
			t.Errorf("the events are %s", got)
		}
		var conflict *headroom.ConflictError
		if err := w.control.RemoveBackend(t.Context(), "shop-10.0.0.2-80", headroom.Change{}); !errors.As(err, &conflict) {
			t.Errorf("removed through the API: %v", err)
		}

		may := name
		may.DNS.AllowEmpty = true
		w.config.Services["shop"] = headroom.Service{Backends: []headroom.StaticBackend{{Address: "10.9.9.9:80", Weight: 1}, may}}
		if err := w.control.Apply(w.config); err != nil {
			t.Fatal(err)
		}
		w.control.Resolved("shop", name, to("10.0.0.7:80"), nil) // of before the reload
		expect("after a reload", "shop-10.0.0.2-80 shop-10.9.9.9-80")
		w.control.Resolved("shop", may, nil, nil)
		expect("after an empty answer that may be", "shop-10.9.9.9-80")
	})
}
