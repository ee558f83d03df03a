package headroom

import (
	"strings"
	"testing"
	"time"
)

func TestWhereRequestsAreLedIsChecked(t *testing.T) {
	route := func(routes ...Route) func(*LoadBalancing) {
		return func(l *LoadBalancing) {
			for i := range routes {
				routes[i].Redirect.Status = 308
			}
			l.Routes = routes
		}
	}
	split := func(s Split) func(*LoadBalancing) { return func(l *LoadBalancing) { l.Split = s } }
	for name, c := range map[string]struct {
		edit  func(*LoadBalancing)
		field string // empty: all is well
		words string
	}{
		"another service":      {route(Route{Path: "/a", Service: "other"}), "", ""},
		"no such service":      {route(Route{Path: "/a", Service: "othr"}), "routes[0].service", `did you mean "other"?`},
		"a service of TCP":     {route(Route{Path: "/a", Service: "tcp"}), "routes[0].service", "protocol is tcp"},
		"redirect and service": {route(Route{Path: "/a", Service: "other", Redirect: Redirect{To: "/b"}}), "routes[0].service", "redirects"},
		"priority elsewhere": {func(l *LoadBalancing) {
			l.Overload.MaxRequests = 10
			l.Overload.Priorities.Classes = []RequestPriority{{Name: "batch", Percent: 100}}
			l.Routes = []Route{{Path: "/a", Service: "other", Priority: "batch", Redirect: Redirect{Status: 308}}}
		}, "routes[0].priority", "no effect"},
		"limits of nobody": {func(l *LoadBalancing) {
			l.Listen = ListenNone
			l.RateLimits = []RateLimit{{Name: "a", Requests: 1, Period: Duration(time.Second), OnFailure: "share", MaxKeys: 64}}
		}, "rateLimits", "listen is none"},
		"path and regexp":   {route(Route{Path: "/a", Regexp: "/a"}), "routes[0].regexp", "beside path"},
		"regexp alone":      {route(Route{Regexp: "/a[0-9]+"}), "", ""},
		"exact regexp":      {route(Route{Regexp: "/a", Exact: true}), "routes[0].exact", "remove it"},
		"broken regexp":     {route(Route{Regexp: "/a[", Path: ""}), "routes[0].regexp", "missing closing ]"},
		"neither":           {route(Route{}), "routes[0].path", "must begin with a slash"},
		"lower-case method": {route(Route{Path: "/", Methods: []string{"get"}}), "routes[0].methods[0]", `did you mean "GET"?`},
		"wildcard host":     {route(Route{Path: "/", Hosts: []string{"*.example.com"}}), "", ""},
		"host with port":    {route(Route{Path: "/", Hosts: []string{"a:80"}}), "routes[0].hosts[0]", "without port"},
		"header twice":      {route(Route{Path: "/", Headers: map[string]string{"X-A": "1", "x-a": "2"}}), "routes[0].headers.x-a", `the same header field as "X-A"`},
		"broken header":     {route(Route{Path: "/", Headers: map[string]string{"X-A": "~("}}), "routes[0].headers.X-A", "regular expression"},
		"empty parameter":   {route(Route{Path: "/", Query: map[string]string{"": "1"}}), "routes[0].query.", "name of a parameter"},

		"twice the same path":         {route(Route{Path: "/a"}, Route{Path: "/a"}), "routes[1].path", "is also the path of loadBalancing.routes[0]"},
		"more specific by method":     {route(Route{Path: "/a"}, Route{Path: "/a", Methods: []string{"GET"}}), "", ""},
		"other methods":               {route(Route{Path: "/a", Methods: []string{"PUT"}}, Route{Path: "/a", Methods: []string{"GET"}}), "", ""},
		"one method in both":          {route(Route{Path: "/a", Methods: []string{"PUT", "GET"}}, Route{Path: "/a", Methods: []string{"GET"}}), "routes[1].path", "neither is more specific"},
		"other values":                {route(Route{Path: "/a", Headers: map[string]string{"X-A": "1"}}, Route{Path: "/a", Headers: map[string]string{"x-a": "2"}}), "", ""},
		"two fields that may both be": {route(Route{Path: "/a", Headers: map[string]string{"X-A": "1"}}, Route{Path: "/a", Headers: map[string]string{"X-B": "1"}}), "routes[1].path", "neither is more specific"},
		"a value that fits not":       {route(Route{Path: "/a", Query: map[string]string{"v": "1"}}, Route{Path: "/a", Query: map[string]string{"v": "~[2-9]"}}), "", ""},
		"a value that fits":           {route(Route{Path: "/a", Query: map[string]string{"v": "2"}}, Route{Path: "/a", Query: map[string]string{"v": "~[2-9]"}}), "routes[1].path", "neither is more specific"},
		"two expressions":             {route(Route{Path: "/a", Query: map[string]string{"v": "~1"}}, Route{Path: "/a", Query: map[string]string{"v": "~[2-9]"}}), "", ""},
		"other hosts":                 {route(Route{Path: "/a", Hosts: []string{"a.example"}}, Route{Path: "/a", Hosts: []string{"b.example"}}), "", ""},
		"the same host":               {route(Route{Path: "/a", Hosts: []string{"a.example"}}, Route{Path: "/a", Hosts: []string{"A.example", "b.example"}}), "routes[1].path", "another host"},
		"a longer wildcard":           {route(Route{Path: "/a", Hosts: []string{"*.example"}}, Route{Path: "/a", Hosts: []string{"*.b.example"}}), "", ""},
		"the same regexp":             {route(Route{Regexp: "/a+"}, Route{Regexp: "/a+"}), "routes[1].regexp", "is also the path of"},

		"a split":                {split(Split{By: SplitByCookie, Variants: []Variant{{Service: "shop", Weight: 1}, {Service: "other"}}}), "", ""},
		"nobody's share":         {split(Split{By: SplitByCookie, Variants: []Variant{{Service: "shop"}, {Service: "other"}}}), "split.variants", "give one of them a weight"},
		"only by what is shown":  {split(Split{By: SplitByCookie, Variants: []Variant{{Service: "shop"}, {Service: "other", Cookies: map[string]string{"beta": "*"}}}}), "", ""},
		"no such variant":        {split(Split{By: SplitByCookie, Variants: []Variant{{Service: "oter", Weight: 1}}}), "split.variants[0].service", `did you mean "other"?`},
		"variant twice":          {split(Split{By: SplitByCookie, Variants: []Variant{{Service: "other", Weight: 1}, {Service: "other", Weight: 1}}}), "split.variants[1].service", "give it once"},
		"variant without name":   {split(Split{By: SplitByCookie, Variants: []Variant{{Weight: 1}}}), "split.variants[0].service", "must name a service"},
		"by no header":           {split(Split{By: SplitByHeader}), "split.name", "X-User-Id"},
		"name of a lot":          {split(Split{By: SplitByRequest, Name: "x"}), "split.name", "set by to cookie or header"},
		"weight below 0":         {split(Split{By: SplitByRequest, Variants: []Variant{{Service: "other", Weight: -1}, {Service: "shop", Weight: 2}}}), "split.variants[0].weight", "from 0 to 1000000"},
		"a mirror":               {func(l *LoadBalancing) { l.Mirror.Service = "other" }, "", ""},
		"a mirror of itself":     {func(l *LoadBalancing) { l.Mirror.Service = "shop" }, "mirror.service", "each request twice"},
		"more than all":          {func(l *LoadBalancing) { l.Mirror.Percent = 101 }, "mirror.percent", "from 0 to 100"},
		"no listener":            {func(l *LoadBalancing) { l.Listen = ListenNone }, "", ""},
		"hosts without listener": {func(l *LoadBalancing) { l.Listen, l.Hosts = ListenNone, []string{"a.example"} }, "hosts", "listen is none"},
		"a host of hosts":        {func(l *LoadBalancing) { l.Hosts = []string{"*.example.com"} }, "", ""},
		"a star within":          {func(l *LoadBalancing) { l.Hosts = []string{"a.*.com"} }, "hosts[0]", "must be a host name"},
	} {
		t.Run(name, func(t *testing.T) {
			config := validConfig()
			other, tcp := config.Services["shop"], config.Services["shop"]
			other.LoadBalancing.Listen, tcp.LoadBalancing.Listen, tcp.LoadBalancing.Protocol = ListenNone, "127.0.0.1:1", ProtocolTCP
			tcp.LoadBalancing.HealthCheck.Path = config.LoadBalancing.HealthCheck.Path
			shop := config.Services["shop"]
			c.edit(&shop.LoadBalancing)
			config.Services = map[string]Service{"shop": shop, "other": other, "tcp": tcp}
			errs := config.Validate()
			if c.field == "" {
				if len(errs) > 0 {
					t.Fatalf("got %v", errs)
				}
				return
			}
			if len(errs) != 1 {
				t.Fatalf("got %v, want one", errs)
			}
			invalid := errs[0].(*InvalidError)
			if invalid.Field != "services.shop.loadBalancing."+c.field || !strings.Contains(invalid.Error(), strings.ReplaceAll(c.words, "loadBalancing.routes", "services.shop.loadBalancing.routes")) {
				t.Errorf("got %q", invalid.Error())
			}
		})
	}
}
