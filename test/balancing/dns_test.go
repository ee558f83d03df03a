package balancing

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"headroom.dev/headroom/test/system"
)

// together are origins on one port of several addresses of this machine, each of which answers with its address.
func together(t *testing.T, addresses ...string) (port string) {
	t.Helper()
	port = "0"
	for _, address := range addresses {
		listener, err := net.Listen("tcp", net.JoinHostPort(address, port))
		if err != nil {
			t.Fatal(err)
		}
		_, port, _ = net.SplitHostPort(listener.Addr().String())
		o := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, address) }))
		o.Listener.Close()
		o.Listener = listener
		o.Start()
		t.Cleanup(o.Close)
	}
	return port
}

func TestBackendsFollowDNSUnderLoadAndItsFailuresTakeNobodyAway(t *testing.T) {
	port := together(t, "127.0.0.1", "127.0.0.2", "127.0.0.3")
	d := system.ServeDNS(t)
	d.Host("shop.internal", "127.0.0.1")
	s := system.New(t, "")
	s.Configure(`
api: {listen: API}
loadBalancing: {healthCheck: {enabled: false}, algorithm: round-robin}
services:
  shop:
    backends: [{address: 'dns://shop.internal:` + port + `', dns: {refresh: 100ms, resolver: '` + d.Address + `'}}]
    loadBalancing: {listen: TRAFFIC}
`)
	balancer, scaler, monitor := s.Start("balancer"), s.Start("scaler"), s.Start("monitor")
	s.WaitReady(balancer, scaler, monitor)
	client := wires[0].client(t, s.Traffic, "")
	served := func(want ...string) {
		t.Helper()
		s.Eventually(5*time.Second, fmt.Sprint("served by ", want), func() error {
			var by []string
			for range 12 {
				answer, err := do(client, "GET", "http://shop.test/", nil)
				if err != nil || answer.StatusCode != 200 {
					return fmt.Errorf("%v %v", answer.Response, err)
				}
				by = append(by, answer.body)
			}
			slices.Sort(by)
			if by = slices.Compact(by); !slices.Equal(by, want) {
				return fmt.Errorf("served by %v", by)
			}
			return nil
		})
	}
	served("127.0.0.1")
	c := gather(t, "http://"+s.Traffic)
	d.Host("shop.internal", "127.0.0.1", "127.0.0.2", "127.0.0.3")
	served("127.0.0.1", "127.0.0.2", "127.0.0.3")
	for i := range 10 {
		d.Host("shop.internal", fmt.Sprintf("127.0.0.%d", 1+i%3))
		served(fmt.Sprintf("127.0.0.%d", 1+i%3))
	}
	d.Host("shop.internal", "127.0.0.2", "127.0.0.3")
	served("127.0.0.2", "127.0.0.3")
	d.Fail(dnsmessage.RCodeServerFailure)
	s.WaitEvent("dns-failed", "stays in force: 2 addresses", 5*time.Second)
	served("127.0.0.2", "127.0.0.3")
	scaler.Kill()
	served("127.0.0.2", "127.0.0.3")
	scaler = s.Start("scaler") // DNS still fails, and the answer of its last life serves
	s.WaitReady(scaler)
	served("127.0.0.2", "127.0.0.3")
	d.Fail(dnsmessage.RCodeSuccess)
	s.WaitEvent("dns-answers", "is resolved again", 5*time.Second)
	d.Host("shop.internal")
	s.WaitEvent("dns-failed", "has no addresses", 5*time.Second)
	served("127.0.0.2", "127.0.0.3")
	d.Host("shop.internal", "127.0.0.1")
	served("127.0.0.1")
	c.disperse(t)
}
