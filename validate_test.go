package headroom

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

// validConfig is the smallest config with every value that a loaded one has.
func validConfig() Config {
	balancing := LoadBalancing{
		Listen: "127.0.0.1:8080", Algorithm: LeastConnections, MaxConnections: 1,
		Protocol: ProtocolHTTP, BackendProtocol: BackendHTTP1,
		TLS: TLS{MinVersion: "1.2", Clients: ClientCertificates{Mode: "none"}}, ProxyProtocol: ProxyProtocol{Send: "none"},
		HealthCheck: HealthCheck{Type: HealthCheckAuto, Interval: 1, Timeout: 1, Path: "/health", HealthyThreshold: 1, UnhealthyThreshold: 1},
		Hash:        Hash{Fallback: FallbackPowerOfTwo, LoadFactor: 1.25}, Geographic: GeographicSettings{Within: LeastConnections},
		SessionAffinity: SessionAffinity{Type: AffinityCookie, Cookie: CookieSettings{Path: "/", Secure: "auto", SameSite: "lax"}},
		CircuitBreaker:  CircuitBreaker{FailureThreshold: 1, RecoveryTimeout: 1, MinimumRequests: 1, Probes: 1},
		Outliers:        OutlierDetection{MaxEjectionPercent: 10},
		SlowStart:       SlowStart{Aggression: 1, MinPercent: 10},
		Retries:         Retries{Attempts: 3},
		Hold:            Hold{Timeout: 1, MaxRequests: 1, MaxBytes: 1, Release: 1},
		Split:           Split{By: SplitByRequest}, Mirror: Mirror{MaxInFlight: 1},
		Hedging:  Hedging{Percentile: 95},
		Overload: Overload{Adaptive: AdaptiveLimit{MinLimit: 1, MaxLimit: 1, Tolerance: 1}},
		Timeouts: Timeouts{Connect: 1, Response: 1, Header: 1, Idle: 1, Tunnel: 1},
		Limits:   Limits{Header: 64 << 10, HeaderFields: 100, BodyRate: 500, ConnectionsPerClient: 1, RequestsPerConnection: 1, StreamsPerConnection: 1},
	}
	scaling := Scaling{MinReplicas: 1, MaxReplicas: 2, LatencyQuantile: 0.95, StableWindow: Duration(15 * time.Second), PanicThreshold: 1.5}
	return Config{
		API: API{Listen: "127.0.0.1:7070"}, State: State{Dir: "x", Retention: 1}, AccessLog: AccessLog{Sample: 1},
		Scaling: scaling, LoadBalancing: balancing,
		Monitoring: Monitoring{Retention: 1, MaxSize: 1}, Log: Log{Level: "info", Format: "auto"},
		Services: map[string]Service{"shop": {
			Run:     &Run{Command: Command{"./shop"}, Ports: PortRange{First: 20000, Last: 20009}, StartTimeout: 1},
			Scaling: scaling, LoadBalancing: balancing, Objective: Objective{Availability: 99.9, LatencyShare: 99, Window: 1},
		}},
	}
}

func TestValidConfigHasNothingToSay(t *testing.T) {
	if errs := validConfig().Validate(); errs != nil {
		t.Errorf("got %v", errs)
	}
}

func TestEachMistakeIsNamedByItsPath(t *testing.T) {
	change := func(edit func(*Service)) func(*Config) {
		return func(c *Config) {
			service := c.Services["shop"]
			edit(&service)
			c.Services["shop"] = service
		}
	}
	for name, c := range map[string]struct {
		edit  func(*Config)
		field string
		words string
	}{
		"neither run nor backends": {change(func(s *Service) { s.Run = nil }), "services.shop", `needs "run"`},
		"no command":               {change(func(s *Service) { s.Run.Command = nil }), "services.shop.run.command", "must name a program"},
		"negative replicas":        {change(func(s *Service) { s.Scaling.MinReplicas = -1 }), "services.shop.scaling.minReplicas", "must be from 0 to 1000"},
		"maximum below minimum":    {change(func(s *Service) { s.Scaling.MinReplicas = 3 }), "services.shop.scaling.maxReplicas", "at least minReplicas, which is 3"},
		"not a number":             {change(func(s *Service) { s.Scaling.Tolerance = math.NaN() }), "services.shop.scaling.tolerance", "must be from 0 to 1"},
		"too few ports":            {change(func(s *Service) { s.Run.Ports.Last = 20000 }), "services.shop.run.ports", "fewer than maxReplicas"},
		"unknown metric": {change(func(s *Service) {
			s.Scaling.Policies = []ScalingPolicy{{Name: "a", Metric: "memroy", Action: ActionScaleUp, Step: 1}}
		}), "services.shop.scaling.policies[0].metric", `did you mean "memory"?`},
		"name of a policy": {change(func(s *Service) {
			s.Scaling.Policies = []ScalingPolicy{{Name: "night/day", Metric: MetricCPU, Action: ActionScaleUp, Step: 1}}
		}), "services.shop.scaling.policies[0].name", "without spaces, dots and slashes"},
		"two policies of a name": {change(func(s *Service) {
			policy := ScalingPolicy{Name: "a", Metric: MetricCPU, Action: ActionScaleUp, Step: 1}
			s.Scaling.Policies = []ScalingPolicy{policy, policy}
		}), "services.shop.scaling.policies[1].name", "names of policies must differ"},
		"affinity by cookie on TCP": {change(func(s *Service) {
			s.LoadBalancing.Protocol, s.LoadBalancing.SessionAffinity.Enabled = ProtocolTCP, true
		}), "services.shop.loadBalancing.sessionAffinity.type", "must be ip where protocol is tcp"},
		"host twice":                   {change(func(s *Service) { s.LoadBalancing.Hosts = []string{"a.b", "A.B"} }), "services.shop.loadBalancing.hosts[1]", "given twice"},
		"environment name":             {change(func(s *Service) { s.Run.Environment = map[string]string{"A=B": ""} }), "services.shop.run.environment.A=B", "cannot be the name of a variable"},
		"a listener that is the API's": {func(c *Config) { c.API.Listen = ":8080" }, "services.shop.loadBalancing.listen", "where the API listens"},
		"load on no service":           {func(c *Config) { c.Load = &Load{Service: "shpo", Shape: "1s@1", Path: "/"} }, "load.service", `did you mean "shop"?`},
		"log level":                    {func(c *Config) { c.Log.Level = "" }, "log.level", "must be one of debug, info, warn, error"},
		"name of a service":            {func(c *Config) { c.Services["a.b"] = c.Services["shop"]; delete(c.Services, "shop") }, "services.a.b", "lower-case letters, digits and dashes"},
		"state without place":          {func(c *Config) { c.State.Dir = "" }, "state.dir", "must name a directory"},
	} {
		t.Run(name, func(t *testing.T) {
			config := validConfig()
			c.edit(&config)
			errs := config.Validate()
			if len(errs) != 1 {
				t.Fatalf("got %d errors, want one: %v", len(errs), errs)
			}
			invalid, ok := errs[0].(*InvalidError)
			if !ok || invalid.Field != c.field || !strings.Contains(invalid.Expected, c.words) {
				t.Errorf("got %v, want %s: …%s…", errs[0], c.field, c.words)
			}
		})
	}
}

func TestServicesOnOneListenerAreToldApartByHosts(t *testing.T) {
	for name, c := range map[string]struct {
		shop, api, web []string // hosts
		words          string   // of the error, if there is one
	}{
		"each has some":                 {[]string{"shop.example"}, []string{"api.example"}, []string{"www.example", "example"}, ""},
		"one has none, and gets others": {nil, []string{"api.example"}, []string{"www.example"}, ""},
		"two have none":                 {nil, nil, []string{"www.example"}, "services api and shop both listen there and neither has hosts"},
		"two have the same": {[]string{"a.example", "b.example"}, []string{"B.example"}, nil,
			`services api and shop both listen there and cannot be told apart by host "b.example"`},
	} {
		t.Run(name, func(t *testing.T) {
			config := validConfig()
			service := config.Services["shop"]
			for name, hosts := range map[string][]string{"shop": c.shop, "api": c.api, "web": c.web} {
				service.LoadBalancing.Hosts = hosts
				config.Services[name] = service
			}
			errs := config.Validate()
			if c.words == "" && errs != nil || c.words != "" && (len(errs) != 1 || !strings.Contains(errs[0].Error(), c.words)) {
				t.Errorf("got %v, want %q", errs, c.words)
			}
		})
	}
}

func TestDefaultsThatEveryServiceMendsAreNoMistake(t *testing.T) {
	config := validConfig()
	config.Scaling.MinReplicas = 50 // above its own maximum of 2, but shop has both of its own
	if errs := config.Validate(); errs != nil {
		t.Errorf("got %v", errs)
	}
	config.Services = nil
	if errs := config.Validate(); len(errs) != 1 {
		t.Errorf("without services the defaults are judged by themselves: got %v", errs)
	}
}

func TestBackendAddresses(t *testing.T) {
	for address, want := range map[string]string{
		"127.0.0.1:9001": "", "localhost:1": "", "[::1]:80": "", "[fe80::1%eth0]:80": "", "my_service.internal:65535": "",
		"": "must be given", "localhost": "must have a port", ":80": "must have a host", "a:0": "must have a port of 1 to 65535",
		"a:http": "must have a port of 1 to 65535", "::1:80": "IPv6 address in brackets", "http://a:1": "without scheme", "a b:1": "IP address or host name", "-a:1": "IP address or host name",
	} {
		errs := StaticBackend{Address: address, Weight: 1}.Validate("backend")
		switch {
		case want == "" && errs != nil:
			t.Errorf("%q: %v", address, errs)
		case want != "" && (len(errs) != 1 || !strings.Contains(errs[0].Error(), want)):
			t.Errorf("%q: got %v, want …%s…", address, errs, want)
		}
	}
}

func TestNearestForgivesSlipsOnly(t *testing.T) {
	known := []string{"minReplicas", "maxReplicas", "cpu", "memory", "scale-up", "scale-down"}
	for name, want := range map[string]string{
		"minReplica": "minReplicas", "min_replicas": "minReplicas", "MINREPLICAS": "minReplicas", "maxRelpicas": "maxReplicas",
		"cup": "cpu", "memroy": "memory", "scaleup": "scale-up", "scale-dwon": "scale-down",
		"": "", "disk": "", "x": "", "replicas": "", strings.Repeat("cpu", 1000): "",
	} {
		if got := Nearest(name, known); got != want {
			t.Errorf("nearest to %q is %q, want %q", name, got, want)
		}
	}
	if !slices.Equal(known, []string{"minReplicas", "maxReplicas", "cpu", "memory", "scale-up", "scale-down"}) {
		t.Error("the list was changed")
	}
}

// The balancers would refuse a list in which an ID is there twice, and go on with the old one.
func TestNoTwoBackendsHaveOneID(t *testing.T) {
	one := func(addresses ...string) Service {
		service := Service{LoadBalancing: LoadBalancing{Listen: "127.0.0.1:0"}}
		for _, address := range addresses {
			service.Backends = append(service.Backends, StaticBackend{Address: address})
		}
		return service
	}
	run := Service{Run: &Run{Command: Command{"x"}}, LoadBalancing: LoadBalancing{Listen: "127.0.0.1:0"}}
	for name, c := range map[string]struct {
		services map[string]Service
		want     string
	}{
		"two lists":       {map[string]Service{"a": one("b-c:80"), "a-b": one("x:80", "c:80")}, "services.a-b.backends[1].address"},
		"a replica":       {map[string]Service{"shop": one("eu:80"), "shop-eu": run}, "services.shop.backends[0].address"},
		"not a replica":   {map[string]Service{"shop": one("eu:80"), "shop-e": run, "shop-eu-80": run, "eu": run}, ""},
		"the same server": {map[string]Service{"a": one("x:80"), "b": one("x:80")}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			found := Config{Services: c.services}.validateBackendIDs()
			if c.want == "" && len(found) > 0 {
				t.Fatalf("found %v; expected nothing", found)
			}
			if c.want == "" {
				return
			}
			var invalid *InvalidError
			if len(found) != 1 || !errors.As(found[0], &invalid) || invalid.Field != c.want {
				t.Errorf("found %v; expected one at %s", found, c.want)
			}
		})
	}
}
