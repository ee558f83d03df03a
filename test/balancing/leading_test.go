package balancing

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// calling is an origin that answers with its name, and with what it was asked.
func calling(t *testing.T, name string) string {
	o := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s %s", name, r.Method, r.URL)
	}))
	o.Start()
	t.Cleanup(o.Close)
	return o.Listener.Addr().String()
}

func TestRequestsAreLedByHostMethodHeaderAndParameterOverEveryWire(t *testing.T) {
	services := func(listen, tls string) string {
		return `
  shop` + listen + `:
    backends: [{address: '` + calling(t, "shop") + `'}]
    loadBalancing:
      listen: ` + listen + tls + `
      hosts: [shop.test]
      routes:
        - {path: /pay/, service: pay}
        - {path: /pay/, methods: [DELETE], service: audit, rewrite: /gone/}
        - {regexp: '/users/([0-9]+)', rewrite: '/by-id/$1'}
        - {path: /, headers: {X-Beta: '~1|yes'}, service: beta}
        - {path: /, query: {debug: '*'}, service: audit}
  wild` + listen + `:
    backends: [{address: '` + calling(t, "wild") + `'}]
    loadBalancing: {listen: ` + listen + tls + `, hosts: ['*.shop.test']}
`
	}
	names := ""
	for _, name := range []string{"pay", "audit", "beta"} {
		names += "  " + name + ": {backends: [{address: '" + calling(t, name) + "'}], loadBalancing: {listen: none}}\n"
	}
	config := "services:" + services("LISTEN1", "") + services("LISTEN2", "\n      tls: {certificates: [{certificate: a.pem, key: a.key}]}") + names
	config = strings.ReplaceAll(strings.ReplaceAll(config, "shopLISTEN", "shop"), "wildLISTEN", "wild")
	config = strings.ReplaceAll(config, "{listen: LISTEN2\n      tls: {certificates: [{certificate: a.pem, key: a.key}]}", "{listen: LISTEN2, tls: {certificates: [{certificate: a.pem, key: a.key}]}")
	c := configure(t, config)
	for _, w := range wires {
		client := w.client(t, c.listens[map[bool]int{true: 1}[w.secure]], "a.test")
		for _, test := range []struct{ method, host, path, beta, want string }{
			{"GET", "shop.test", "/a", "", "shop GET /a"},
			{"GET", "shop.test", "/pay/now", "", "pay GET /pay/now"},
			{"GET", "shop.test", "/pay/now", "1", "pay GET /pay/now"}, // the longer path goes before the header
			{"DELETE", "shop.test", "/pay/now", "", "audit DELETE /gone/now"},
			{"GET", "shop.test", "/users/12?x=1", "", "shop GET /by-id/12?x=1"},
			{"GET", "shop.test", "/a", "yes", "beta GET /a"},
			{"GET", "shop.test", "/a", "no", "shop GET /a"},
			{"GET", "shop.test", "/a?debug=1", "", "audit GET /a?debug=1"},
			{"GET", "eu.shop.test", "/a", "", "wild GET /a"},
			{"GET", "a.eu.shop.test", "/pay/", "", "wild GET /pay/"},
		} {
			request, err := http.NewRequest(test.method, w.url(test.host, test.path), nil)
			if err != nil {
				t.Fatal(err)
			}
			if test.beta != "" {
				request.Header.Set("X-Beta", test.beta)
			}
			response, err := client.Do(request)
			if err != nil {
				t.Fatalf("%v: %v", w, err)
			}
			body, _ := io.ReadAll(response.Body)
			response.Body.Close()
			if string(body) != test.want {
				t.Errorf("%v: %s %s%s with %q: got %d %q, want %q", w, test.method, test.host, test.path, test.beta, response.StatusCode, body, test.want)
			}
		}
	}
}

func TestUsersStayOnTheirVariantOverEveryWire(t *testing.T) {
	split := "split: {by: cookie, variants: [{service: SHOP, weight: 50}, {service: canary, weight: 50, headers: {X-Canary: '*'}}]}"
	config := "services:\n"
	for i, tls := range []string{"", ", tls: {certificates: [{certificate: a.pem, key: a.key}]}"} {
		name := fmt.Sprint("shop", i)
		config += "  " + name + ": {backends: [{address: '" + calling(t, "old") + "'}], loadBalancing: {listen: LISTEN" + fmt.Sprint(i+1) + tls + ", " + strings.ReplaceAll(split, "SHOP", name) + "}}\n"
	}
	c := configure(t, config+"  canary: {backends: [{address: '"+calling(t, "new")+"'}], loadBalancing: {listen: none}}\n")
	for _, w := range wires {
		client := w.client(t, c.listens[map[bool]int{true: 1}[w.secure]], "a.test")
		ask := func(fields map[string]string) (variant string, cookies []*http.Cookie) {
			t.Helper()
			request, err := http.NewRequest("GET", w.url("a.test", "/"), nil)
			if err != nil {
				t.Fatal(err)
			}
			for name, value := range fields {
				request.Header.Set(name, value)
			}
			response, err := client.Do(request)
			if err != nil {
				t.Fatalf("%v: %v", w, err)
			}
			defer response.Body.Close()
			body, _ := io.ReadAll(response.Body)
			return strings.Fields(string(body))[0], response.Cookies()
		}
		seen := map[string]int{}
		for range 40 { // all 40 on one variant: once in 2^39 runs
			first, cookies := ask(nil)
			if len(cookies) != 1 || cookies[0].Name != "headroom-split" || !cookies[0].HttpOnly || cookies[0].Secure != w.secure {
				t.Fatalf("%v: cookies %v", w, cookies)
			}
			seen[first]++
			again, none := ask(map[string]string{"Cookie": "a=b; headroom-split=" + cookies[0].Value})
			if again != first || len(none) > 0 {
				t.Errorf("%v: was on %s, then on %s with %v", w, first, again, none)
			}
		}
		if seen["old"] == 0 || seen["new"] == 0 {
			t.Errorf("%v: %v", w, seen)
		}
		if variant, cookies := ask(map[string]string{"X-Canary": ""}); variant != "new" || len(cookies) > 0 {
			t.Errorf("%v: who asks for the canary gets %s, and cookies %v", w, variant, cookies)
		}
	}
}

func TestAMirrorThatHangsNeitherSlowsNorFailsTheOriginal(t *testing.T) {
	var mu sync.Mutex
	copies := map[string]int{}
	hang := make(chan struct{})
	m := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		copies[fmt.Sprintf("%s %s%s %s mirror=%s", r.Method, r.Host, r.URL, body, r.Header.Get("Headroom-Mirror"))]++
		mu.Unlock()
		<-hang
	}))
	t.Cleanup(m.Close)
	t.Cleanup(func() { close(hang) })
	c := configure(t, "services:\n  shop: {backends: [{address: '"+calling(t, "shop")+"'}], loadBalancing: {listen: LISTEN1, mirror: {service: new, maxInFlight: 4}}}\n"+
		"  new: {backends: [{address: '"+m.Listener.Addr().String()+"'}], loadBalancing: {listen: none}}\n")
	for _, w := range wires[:2] {
		client := w.client(t, c.listens[0], "")
		for i := range 20 {
			response, err := do(client, "POST", fmt.Sprintf("http://shop.test/%d", i), strings.NewReader("basket"))
			if err != nil || response.body != fmt.Sprintf("shop POST /%d", i) {
				t.Fatalf("%v: %v %q", w, err, response.body)
			}
		}
	}
	c.Eventually(patiently, "as many copies as there may be at once", func() error {
		mu.Lock()
		defer mu.Unlock()
		if len(copies) != 4 {
			return fmt.Errorf("got %v", copies)
		}
		for i := range 4 { // each is a request of the first wire, whole and told apart
			if n := copies[fmt.Sprintf("POST shop.test/%d basket mirror=1", i)]; n != 1 {
				return fmt.Errorf("got %v", copies)
			}
		}
		return nil
	})
}
