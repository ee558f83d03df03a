package balancing

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"headroom.dev/headroom/test/system"
)

// named is an origin that answers with its name.
func named(t *testing.T, name string) string {
	o := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, name) }))
	t.Cleanup(o.Close)
	return o.Listener.Addr().String()
}

func TestServiceWithoutHostsGetsTheRequestsForAllThatNoOtherOneHas(t *testing.T) {
	s := system.New(t, `api: {listen: API}
loadBalancing: {listen: TRAFFIC, healthCheck: {enabled: false}}
services:
  rest: {backends: [{address: '`+named(t, "the rest")+`'}]}
  api: {backends: [{address: '`+named(t, "api")+`'}], loadBalancing: {hosts: [api.test, WWW.test]}}
`)
	s.Run()
	s.Eventually(patiently, "it serves", func() error { return serves(s.Traffic) })
	for host, want := range map[string]string{
		"api.test": "api", "API.test:80": "api", "www.test.": "api", "other.test": "the rest", "127.0.0.1": "the rest", "x.api.test": "the rest",
	} {
		c, err := dial(s.Traffic)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		io.WriteString(c, "GET / HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\n\r\n")
		if got, err := c.response("GET"); err != nil || got.status != 200 || got.body != want {
			t.Errorf("%s: got %d %q, %v, want %q", host, got.status, got.body, err, want)
		}
	}
}
