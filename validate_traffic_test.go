package headroom

import (
	"slices"
	"strings"
	"testing"
)

// balanced is the smallest valid config with one change of how its service is balanced.
func balanced(edit func(*LoadBalancing)) Config {
	config := validConfig()
	service := config.Services["shop"]
	edit(&service.LoadBalancing)
	config.Services["shop"] = service
	return config
}

func TestEachMistakeOfTheDataPlaneIsNamedByItsPath(t *testing.T) {
	routes := func(routes ...Route) func(*LoadBalancing) {
		for i := range routes {
			if routes[i].Redirect.Status == 0 {
				routes[i].Redirect.Status = 308
			}
		}
		return func(l *LoadBalancing) { l.Routes = routes }
	}
	redirect := func(to string) func(*LoadBalancing) { return routes(Route{Path: "/old/", Redirect: Redirect{To: to}}) }
	set := func(name, value string) func(*LoadBalancing) {
		return func(l *LoadBalancing) { l.RequestHeaders.Set = map[string]string{name: value} }
	}
	tcp := func(edit func(*LoadBalancing)) func(*LoadBalancing) {
		return func(l *LoadBalancing) { l.Protocol = ProtocolTCP; edit(l) }
	}
	acme := func(hosts ...string) func(*LoadBalancing) {
		return func(l *LoadBalancing) {
			l.Hosts, l.TLS.ACME = hosts, ACME{Enabled: true, Directory: "https://acme.example/dir"}
		}
	}
	for name, c := range map[string]struct {
		edit         func(*LoadBalancing)
		field, words string
	}{
		// TLS.
		"certificate without key": {func(l *LoadBalancing) { l.TLS.Certificates = []Certificate{{Certificate: "a.pem"}} }, "tls.certificates[0].key", "must name a PEM file"},
		"key without certificate": {func(l *LoadBalancing) { l.TLS.Certificates = []Certificate{{Key: "a.key"}} }, "tls.certificates[0].certificate", "must name a PEM file"},
		"client certificates without authorities": {func(l *LoadBalancing) {
			l.TLS.Certificates, l.TLS.Clients.Mode = []Certificate{{"a.pem", "a.key"}}, "required"
		}, "tls.clients.ca", "must be given where clients.mode is required"},
		"client certificates without TLS":      {func(l *LoadBalancing) { l.TLS.Clients = ClientCertificates{"required", "ca.pem"} }, "tls.clients.mode", "only show certificates over TLS"},
		"authorities that verify nobody":       {func(l *LoadBalancing) { l.TLS.Clients.CA = "ca.pem" }, "tls.clients.mode", "no client is asked"},
		"least version of TLS":                 {func(l *LoadBalancing) { l.TLS.MinVersion = "1.1" }, "tls.minVersion", "must be one of 1.2, 1.3"},
		"ACME without hosts":                   {acme(), "hosts", "must be given where tls.acme is enabled"},
		"ACME for an address":                  {acme("192.0.2.1"), "hosts[0]", "must be a full name"},
		"ACME for a wildcard":                  {acme("*.example.com"), "hosts[0]", "must be a full name"},
		"ACME for tcp":                         {tcp(acme()), "tls.acme.enabled", "has no hosts"},
		"ACME in plain text":                   {func(l *LoadBalancing) { acme("a.example")(l); l.TLS.ACME.Directory = "http://acme.example" }, "tls.acme.directory", "must be the https URL"},
		"whom the authority cannot tell":       {func(l *LoadBalancing) { acme("a.example")(l); l.TLS.ACME.Email = "ops" }, "tls.acme.email", "must be an address"},
		"a backend's CA, but plain text":       {func(l *LoadBalancing) { l.BackendTLS.CA = "ca.pem" }, "backendTLS.enabled", "spoken to in plain text"},
		"a certificate for backends alone":     {func(l *LoadBalancing) { l.BackendTLS = BackendTLS{Enabled: true, Certificate: "a.pem"} }, "backendTLS.key", "must be given with"},
		"a key for backends alone":             {func(l *LoadBalancing) { l.BackendTLS = BackendTLS{Enabled: true, Key: "a.key"} }, "backendTLS.certificate", "must be given with"},
		"a server name with a port":            {func(l *LoadBalancing) { l.BackendTLS = BackendTLS{Enabled: true, ServerName: "a:1"} }, "backendTLS.serverName", "without port"},
		"a trusted proxy by name":              {func(l *LoadBalancing) { l.TrustedProxies = []string{"10.0.0.0/8", "lb.example"} }, "trustedProxies[1]", "an address or a network"},
		"a trusted network of 33 bits":         {func(l *LoadBalancing) { l.TrustedProxies = []string{"10.0.0.0/33"} }, "trustedProxies[0]", "an address or a network"},
		"a version of PROXY that is not there": {func(l *LoadBalancing) { l.ProxyProtocol.Send = "v3" }, "proxyProtocol.send", "none, v1, v2"},

		// Header fields.
		"a field with a colon":         {set("X-A:", "1"), "requestHeaders.set.X-A:", "name of a header field"},
		"a field without a name":       {func(l *LoadBalancing) { l.ResponseHeaders.Remove = []string{""} }, "responseHeaders.remove[0]", "name of a header field"},
		"a value that splits":          {set("X-A", "1\r\nX-B: 2"), "requestHeaders.set.X-A", `has '\r'`},
		"a value with NUL":             {set("X-A", "\x00"), "requestHeaders.set.X-A", `has '\x00'`},
		"framing":                      {set("content-length", "1"), "requestHeaders.set.content-length", "cannot be edited"},
		"framing as CGI reads it":      {set("Transfer_Encoding", "chunked"), "requestHeaders.set.Transfer_Encoding", "cannot be edited"},
		"the connection":               {func(l *LoadBalancing) { l.ResponseHeaders.Remove = []string{"Server", "Connection"} }, "responseHeaders.remove[1]", "cannot be edited"},
		"two hosts":                    {func(l *LoadBalancing) { l.RequestHeaders.Add = map[string]string{"Host": "a"} }, "requestHeaders.add.Host", "requestHeaders may set it"},
		"no host":                      {func(l *LoadBalancing) { l.RequestHeaders.Remove = []string{"host"} }, "requestHeaders.remove[0]", "requestHeaders may set it"},
		"a host of responses":          {func(l *LoadBalancing) { l.ResponseHeaders.Set = map[string]string{"Host": "a"} }, "responseHeaders.set.Host", "requestHeaders may set it"},
		"a host that is none":          {set("Host", "a b"), "requestHeaders.set.Host", "must be a host name"},
		"one field in two spellings":   {func(l *LoadBalancing) { l.ResponseHeaders.Set = map[string]string{"X-A": "1", "x-a": "2"} }, "responseHeaders.set.x-a", `same field as "X-A"`},
		"header fields within a route": {routes(Route{Path: "/", RequestHeaders: HeaderEdits{Remove: []string{"TE"}}}), "routes[0].requestHeaders.remove[0]", "cannot be edited"},

		// Routes.
		"a route without a path":            {routes(Route{}), "routes[0].path", "must begin with a slash"},
		"a route with a query":              {routes(Route{Path: "/a?b"}), "routes[0].path", "without query"},
		"a route with two slashes":          {routes(Route{Path: "/a//b"}), "routes[0].path", "single slashes"},
		"a route with dots":                 {routes(Route{Path: "/a/%2e./b"}), "routes[0].path", `no "." and ".."`},
		"a route with half an escape":       {routes(Route{Path: "/a%2"}), "routes[0].path", "two hexadecimal digits"},
		"a route with a space":              {routes(Route{Path: "/a b"}), "routes[0].path", "no spaces"},
		"one path twice":                    {routes(Route{Path: "/a"}, Route{Path: "/b"}, Route{Path: "/a"}), "routes[2].path", "is also the path of services.shop.loadBalancing.routes[0]"},
		"rewriting what is redirected":      {routes(Route{Path: "/a", Rewrite: "/b", Redirect: Redirect{To: "/c"}}), "routes[0].rewrite", "the route redirects"},
		"rewriting to no path":              {routes(Route{Path: "/a", Rewrite: "b"}), "routes[0].rewrite", "must begin with a slash"},
		"a status that is no redirect":      {routes(Route{Path: "/a", Redirect: Redirect{To: "/b", Status: 304}}), "routes[0].redirect.status", "301, 302, 303, 307, 308"},
		"a redirect to a word":              {redirect("new"), "routes[0].redirect.to", "begins with one slash, or an http or https URL"},
		"a redirect without scheme":         {redirect("//evil.example/"), "routes[0].redirect.to", "begins with one slash, or an http or https URL"},
		"a redirect to a script":            {redirect("javascript:alert(1)"), "routes[0].redirect.to", "begins with one slash, or an http or https URL"},
		"a redirect wherever clients ask":   {redirect("{query}"), "routes[0].redirect.to", "begins with one slash, or an http or https URL"},
		"an authority that clients write":   {redirect("https://shop.example{query}"), "routes[0].redirect.to", "a slash or {path} after the host"},
		"a redirect with a user":            {redirect("https://user@shop.example/"), "routes[0].redirect.to", "without a user"},
		"a redirect without a host":         {redirect("https://{path}"), "routes[0].redirect.to", "with a host"},
		"an unknown placeholder":            {redirect("/new/{method}"), "routes[0].redirect.to", "no other braces"},
		"a redirect that splits":            {redirect("/new\r\nSet-Cookie: a"), "routes[0].redirect.to", "must hold no spaces"},
		"a redirect to itself":              {routes(Route{Path: "/docs", Redirect: Redirect{To: "/docs/"}}), "routes[0].redirect.to", "round in a circle"},
		"a redirect of all to a part of it": {routes(Route{Path: "/", Redirect: Redirect{To: "/busy"}}), "routes[0].redirect.to", "round in a circle"},

		// Compression, error pages, limits, timeouts.
		"an algorithm by its long name":   {func(l *LoadBalancing) { l.Compression.Algorithms = []string{"br", "gzp"} }, "compression.algorithms[1]", `did you mean "gzip"?`},
		"an algorithm twice":              {func(l *LoadBalancing) { l.Compression.Algorithms = []string{"br", "br"} }, "compression.algorithms[1]", "given twice"},
		"a media type without a slash":    {func(l *LoadBalancing) { l.Compression.Types = []string{"json"} }, "compression.types[0]", "must be a media type"},
		"a media type with parameters":    {func(l *LoadBalancing) { l.Compression.Types = []string{"text/html; charset=utf-8"} }, "compression.types[0]", "without parameters"},
		"everything":                      {func(l *LoadBalancing) { l.Compression.Types = []string{"*/*"} }, "compression.types[0]", "must be a media type"},
		"a page for success":              {func(l *LoadBalancing) { l.ErrorPages = map[string]string{"200": "a"} }, "errorPages.200", "must be 4xx, 5xx or one of"},
		"a page for a backend's own":      {func(l *LoadBalancing) { l.ErrorPages = map[string]string{"403": "a"} }, "errorPages.403", "must be 4xx, 5xx or one of"},
		"a page without a file":           {func(l *LoadBalancing) { l.ErrorPages = map[string]string{"5xx": ""} }, "errorPages.5xx", "must name a file"},
		"a head of 1 KiB":                 {func(l *LoadBalancing) { l.Limits.Header = 1 << 10 }, "limits.header", "must be from 4KiB to 1MiB"},
		"a head of 2 MiB":                 {func(l *LoadBalancing) { l.Limits.Header = 2 << 20 }, "limits.header", "must be from 4KiB to 1MiB"},
		"no streams":                      {func(l *LoadBalancing) { l.Limits.StreamsPerConnection = 0 }, "limits.streamsPerConnection", "must be from 1 to 10000"},
		"tunnels that are closed at once": {func(l *LoadBalancing) { l.Timeouts.Tunnel = 0 }, "timeouts.tunnel", "must be more than 0"},

		// Protocols.
		"hosts of tcp":            {tcp(func(l *LoadBalancing) { l.Hosts = []string{"a.example"} }), "hosts", "protocol is tcp"},
		"routes of tcp":           {tcp(routes(Route{Path: "/"})), "routes", "protocol is tcp"},
		"header fields of tcp":    {tcp(set("X-A", "1")), "requestHeaders", "protocol is tcp"},
		"compression of tcp":      {tcp(func(l *LoadBalancing) { l.Compression.Enabled = true }), "compression.enabled", "protocol is tcp"},
		"error pages of tcp":      {tcp(func(l *LoadBalancing) { l.ErrorPages = map[string]string{"503": "a"} }), "errorPages", "protocol is tcp"},
		"Server-Timing of tcp":    {tcp(func(l *LoadBalancing) { l.ServerTiming = true }), "serverTiming", "protocol is tcp"},
		"HTTP/2 behind tcp":       {tcp(func(l *LoadBalancing) { l.BackendProtocol = BackendHTTP2 }), "backendProtocol", "protocol is tcp"},
		"bodies of tcp":           {tcp(func(l *LoadBalancing) { l.Limits.Body = 1 }), "limits.body", "protocol is tcp"},
		"response timeout of tcp": {tcp(func(l *LoadBalancing) { l.Timeouts.Response = 2 }), "timeouts.response", "protocol is tcp"},
		"a path to check of tcp":  {tcp(func(l *LoadBalancing) { l.HealthCheck.Path = "/well" }), "healthCheck.path", "protocol is tcp"},
		"a path to connect to": {func(l *LoadBalancing) { l.HealthCheck.Type, l.HealthCheck.Path = HealthCheckTCP, "/well" },
			"healthCheck.path", "set healthCheck.type to http or grpc"},
		"a protocol for which": {func(l *LoadBalancing) { l.Protocol = "udp" }, "protocol", "must be one of http, tcp"},
	} {
		t.Run(name, func(t *testing.T) {
			errs := balanced(c.edit).Validate()
			if len(errs) != 1 {
				t.Fatalf("got %d errors, want one: %v", len(errs), errs)
			}
			invalid, ok := errs[0].(*InvalidError)
			if !ok || invalid.Field != "services.shop.loadBalancing."+c.field || !strings.Contains(invalid.Expected, c.words) {
				t.Errorf("got %v, want %s: …%s…", errs[0], c.field, c.words)
			}
		})
	}
}

func TestWhatTheDataPlaneOffersIsAccepted(t *testing.T) {
	for name, edit := range map[string]func(*LoadBalancing){
		"TLS ended for tcp": func(l *LoadBalancing) {
			l.Protocol, l.TLS.Certificates = ProtocolTCP, []Certificate{{"a.pem", "a.key"}}
		},
		"PROXY with trusted ones": func(l *LoadBalancing) {
			l.ProxyProtocol, l.TrustedProxies = ProxyProtocol{true, "v2"}, []string{"10.0.0.0/8", "::1", "2001:db8::/32"}
		},
		"mutual TLS both ways": func(l *LoadBalancing) {
			l.TLS = TLS{Certificates: []Certificate{{"a.pem", "a.key"}}, Clients: ClientCertificates{"optional", "ca.pem"}, MinVersion: "1.3"}
			l.BackendTLS = BackendTLS{Enabled: true, CA: "b.pem", ServerName: "shop.internal", Certificate: "c.pem", Key: "c.key"}
		},
		"ACME": func(l *LoadBalancing) {
			l.Hosts, l.TLS.ACME = []string{"shop.example.com"}, ACME{Enabled: true, Email: "ops@example.com", Directory: "https://localhost:14000/dir"}
		},
		"header fields": func(l *LoadBalancing) {
			l.RequestHeaders = HeaderEdits{Remove: []string{"Cookie"}, Set: map[string]string{"Host": "shop.internal:8080", "X-Forwarded-Proto": "https"}}
			l.ResponseHeaders = HeaderEdits{Remove: []string{"Server"}, Add: map[string]string{"Vary": "Accept", "X-Empty": ""}}
		},
		"routes": func(l *LoadBalancing) {
			l.Routes = []Route{
				{Path: "/docs", Exact: true, Redirect: Redirect{To: "/docs/", Status: 301}},
				{Path: "/docs", Redirect: Redirect{To: "https://docs.example{path}", Status: 302}},
				{Path: "/", Exact: true, Redirect: Redirect{To: "/home?from={path}&{query}", Status: 307}},
				{Path: "/old/", Redirect: Redirect{To: "https://{host}/new/", Status: 308}},
				{Path: "/api/", Rewrite: "/v2/", Redirect: Redirect{Status: 308}},
				{Path: "/%C3%BC/ü", Redirect: Redirect{Status: 308}},
			}
		},
		"tcp checked by HTTP": func(l *LoadBalancing) {
			l.Protocol, l.HealthCheck.Type, l.HealthCheck.Path = ProtocolTCP, HealthCheckHTTP, "/well"
		},
		"the rest": func(l *LoadBalancing) {
			l.Compression = Compression{Enabled: true, Algorithms: []string{"gzip", "zstd"}, Types: []string{"text/*", "application/json"}}
			l.ErrorPages = map[string]string{"5xx": "busy.html", "404": "none.html"}
			l.Limits.Body, l.Limits.BodyRate, l.ServerTiming = 1, 0, true
		},
	} {
		t.Run(name, func(t *testing.T) {
			if errs := balanced(edit).Validate(); errs != nil {
				t.Errorf("got %v", errs)
			}
		})
	}
}

// What is set for every service does not apply where it has no meaning, as scaling does not apply to addresses.
func TestDefaultsOfAllServicesDoNotApplyToTCP(t *testing.T) {
	config := balanced(func(l *LoadBalancing) { l.Protocol = ProtocolTCP })
	shop := config.Services["shop"]
	for _, l := range []*LoadBalancing{&config.LoadBalancing, &shop.LoadBalancing} {
		l.Compression.Enabled, l.ServerTiming, l.BackendProtocol, l.Timeouts.Response = true, true, BackendHTTP2, 7
		l.ResponseHeaders.Set = map[string]string{"X-A": "1"}
		l.ErrorPages = map[string]string{"503": "a"}
	}
	config.Services["shop"] = shop
	if errs := config.Validate(); errs != nil {
		t.Errorf("got %v", errs)
	}
}

func TestServicesOnOneListenerAgreeOnWhatHoldsForAConnection(t *testing.T) {
	for name, c := range map[string]struct {
		edit         func(*LoadBalancing)
		field, words string
	}{
		"tcp":             {func(l *LoadBalancing) { l.Protocol, l.Hosts = ProtocolTCP, nil }, "listen", "services api and shop both listen there, and tcp connections name no host"},
		"TLS":             {func(l *LoadBalancing) { l.TLS.Certificates = []Certificate{{"a.pem", "a.key"}} }, "tls", `services api and shop share the listener "127.0.0.1:8080", where all or none have certificates: shop has, api has not`},
		"PROXY":           {func(l *LoadBalancing) { l.ProxyProtocol.Accept = true }, "proxyProtocol.accept", `services api and shop share the listener "127.0.0.1:8080", where it must be the same: it is false in api`},
		"trusted proxies": {func(l *LoadBalancing) { l.TrustedProxies = []string{"10.0.0.0/8"} }, "trustedProxies", `services api and shop share the listener "127.0.0.1:8080", where they must be the same`},
	} {
		t.Run(name, func(t *testing.T) {
			config := balanced(func(l *LoadBalancing) { l.Hosts = []string{"shop.example"}; c.edit(l) })
			api := validConfig().Services["shop"]
			api.LoadBalancing.Hosts = []string{"api.example"}
			config.Services["api"] = api
			errs := config.Validate()
			if len(errs) != 1 {
				t.Fatalf("got %v", errs)
			}
			invalid := errs[0].(*InvalidError)
			if invalid.Field != "services.shop.loadBalancing."+c.field || !strings.Contains(invalid.Expected, c.words) {
				t.Errorf("got %v", invalid)
			}
		})
	}
}

func TestTrustedProxiesAreASet(t *testing.T) {
	proxies := []string{"10.0.0.0/8", "::1"}
	config := balanced(func(l *LoadBalancing) { l.Hosts, l.TrustedProxies = []string{"shop.example"}, proxies })
	api := validConfig().Services["shop"]
	api.LoadBalancing.Hosts, api.LoadBalancing.TrustedProxies = []string{"api.example"}, []string{"::1", "10.0.0.0/8"}
	config.Services["api"] = api
	if errs := config.Validate(); errs != nil {
		t.Errorf("got %v", errs)
	}
	if !slices.Equal(proxies, []string{"10.0.0.0/8", "::1"}) {
		t.Error("the settings were changed")
	}
}
