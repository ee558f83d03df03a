package discover

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"headroom.dev/headroom"
	"headroom.dev/headroom/test/system"
)

func named(address string, d *system.DNS) headroom.StaticBackend {
	return headroom.StaticBackend{Address: address, Weight: 1, DNS: headroom.DNS{Refresh: headroom.Duration(time.Hour), Resolver: d.Address}}
}

func ask(t *testing.T, address string, d *system.DNS) []string {
	t.Helper()
	all, err := lookup(t.Context(), named(address, d))
	if err != nil {
		t.Fatal(err)
	}
	var text []string
	for _, one := range all {
		text = append(text, fmt.Sprintf("%s weight %d priority %d", one.Address, one.Weight, one.Priority))
	}
	return text
}

func record(target string, port, priority, weight uint16) dnsmessage.SRVResource {
	return dnsmessage.SRVResource{Target: dnsmessage.MustNewName(target), Port: port, Priority: priority, Weight: weight}
}

func TestAHostStandsForEachOfItsAddresses(t *testing.T) {
	d := system.ServeDNS(t)
	d.Host("shop.internal", "10.0.0.2", "10.0.0.1", "2001:db8::1")
	want := []string{"10.0.0.1:80 weight 0 priority 0", "10.0.0.2:80 weight 0 priority 0", "[2001:db8::1]:80 weight 0 priority 0"}
	if got := ask(t, "dns://shop.internal:80", d); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRecordsOfSRVGiveRanksAndWeights(t *testing.T) {
	d := system.ServeDNS(t)
	d.Host("a.internal", "10.0.0.1")
	d.Host("b.internal", "10.0.0.2", "10.0.0.3")
	d.Host("c.internal", "10.0.0.4")
	d.SRV("_http._tcp.shop.internal", record("a.internal.", 9001, 10, 60000), record("b.internal.", 9002, 10, 30000), record("c.internal.", 9003, 20, 0),
		record("gone.internal.", 9004, 10, 1))
	want := []string{"10.0.0.1:9001 weight 1000 priority 0", "10.0.0.2:9002 weight 500 priority 0", "10.0.0.3:9002 weight 500 priority 0", "10.0.0.4:9003 weight 1 priority 1"}
	if got := ask(t, "srv://_http._tcp.shop.internal", d); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAnAnswerOfManyAddressesIsTruncatedAndAskedForOverTCP(t *testing.T) {
	d := system.ServeDNS(t)
	var many []string
	for i := range 200 { // 16 bytes each: six times what UDP takes
		many = append(many, fmt.Sprintf("10.0.1.%d", i))
	}
	d.Host("shop.internal", many...)
	if got := ask(t, "dns://shop.internal:80", d); len(got) != 200 || d.OverTCP() == 0 {
		t.Errorf("%d addresses, %d questions over TCP", len(got), d.OverTCP())
	}
}

func TestANameWithoutAddressesIsEmptyAndAFailureIsNot(t *testing.T) {
	d := system.ServeDNS(t)
	d.Host("empty.internal")
	for _, address := range []string{"dns://empty.internal:80", "dns://unknown.internal:80", "srv://unknown.internal"} {
		if got := ask(t, address, d); len(got) != 0 {
			t.Errorf("%s: %q", address, got)
		}
	}
	d.Host("shop.internal", "10.0.0.1")
	for _, code := range []dnsmessage.RCode{dnsmessage.RCodeServerFailure, dnsmessage.RCodeRefused} {
		d.Fail(code)
		if all, err := lookup(t.Context(), named("dns://shop.internal:80", d)); err == nil {
			t.Errorf("%v: %v", code, all)
		}
	}
}

func TestNamesAreAskedForAgainAsLongAsTheyAreWanted(t *testing.T) {
	d := system.ServeDNS(t)
	d.Host("shop.internal", "10.0.0.1")
	told := make(chan []headroom.Resolved, 100)
	w := New(func(_ string, _ headroom.StaticBackend, all []headroom.Resolved, err error) {
		if err == nil {
			told <- all
		}
	})
	backend := named("dns://shop.internal:80", d)
	backend.DNS.Refresh = headroom.Duration(10 * time.Millisecond)
	services := map[string]headroom.Service{"shop": {Backends: []headroom.StaticBackend{backend, {Address: "127.0.0.1:1"}}}}
	w.Set(services)
	<-told
	d.Host("shop.internal", "10.0.0.2")
	w.Set(services) // goes on as it is
	for all := range told {
		if all[0].Address == "10.0.0.2:80" {
			break
		}
	}
	w.Stop()
	for len(told) > 0 {
		<-told
	}
	if len(w.watched) != 0 {
		t.Error("it is watched still")
	}
}
