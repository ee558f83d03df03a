package balancing

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
)

// numbered is an origin that says which one it is.
func numbered(t *testing.T, name string) string {
	o := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Header().Set("X-Origin", name) }))
	t.Cleanup(o.Close)
	return o.Listener.Addr().String()
}

// browser keeps the cookie that it is given.
type browser struct {
	address, cookie string
	given           int
}

func (b *browser) visit(t *testing.T) string {
	t.Helper()
	request, err := http.NewRequest("GET", "http://"+b.address+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if b.cookie != "" {
		request.Header.Set("Cookie", b.cookie)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patiently}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if set := response.Header.Get("Set-Cookie"); set != "" {
		b.cookie, _, _ = strings.Cut(set, ";")
		b.given++
	}
	return response.Header.Get("X-Origin")
}

// A client keeps its backend when another process takes over, and when one begins that knows of the client nothing but its key.
func TestSessionsOutliveUpgradesAndRestarts(t *testing.T) {
	a, b := numbered(t, "a"), numbered(t, "b")
	c := configure(t, "services:\n  shop:\n    backends: [{address: '"+a+"'}, {address: '"+b+"'}]\n    loadBalancing: {listen: LISTEN1, sessionAffinity: {enabled: true}}\n")
	var browsers []*browser
	homes := map[string]int{}
	var first []string
	for range 10 {
		v := &browser{address: c.listens[0]}
		home := v.visit(t)
		homes[home]++
		browsers, first = append(browsers, v), append(first, home)
	}
	if len(homes) != 2 {
		t.Fatalf("all went to %v, so nothing is tested", homes)
	}
	stay := func(after string) {
		t.Helper()
		for i, v := range browsers {
			if home := v.visit(t); home != first[i] || v.given != 1 {
				t.Errorf("after %s client %d went from %s to %s, with %d cookies", after, i, first[i], home, v.given)
			}
		}
	}
	stay("nothing")
	c.upgrade(t)
	stay("an upgrade")
	c.process.Signal(syscall.SIGINT)
	c.process.Wait(patiently)
	c.process = c.Run()
	stay("a restart")
}
