package headroom

import (
	"errors"
	"strings"
	"testing"
)

func TestAlgorithmsNeedTheirSettings(t *testing.T) {
	eu := []Region{{Name: "eu", Continents: []string{"EU"}}}
	for _, c := range []struct {
		name  string
		lb    LoadBalancing
		field string
		says  string
	}{
		{"no key", LoadBalancing{Algorithm: HeaderHash}, "lb.hash.key", "must name the header"},
		{"a key that is no name", LoadBalancing{Algorithm: CookieHash, Hash: Hash{Key: "a b"}}, "lb.hash.key", "must name the cookie"},
		{"TCP has no headers", LoadBalancing{Algorithm: HeaderHash, Protocol: ProtocolTCP, Hash: Hash{Key: "x"}}, "lb.algorithm", "use ip-hash"},
		{"no regions", LoadBalancing{Algorithm: Geographic, Geographic: GeographicSettings{Header: "X-Country"}}, "lb.geographic.regions", "must list 1 to 32"},
		{"nobody knows where", LoadBalancing{Algorithm: Geographic, Geographic: GeographicSettings{Regions: eu}}, "lb.geographic.database", "or give header"},
		{"two of one name", LoadBalancing{Algorithm: Geographic, Geographic: GeographicSettings{Header: "x", Regions: []Region{{Name: "eu"}, {Name: "eu"}}}},
			"lb.geographic.regions[1].name", "is also the name"},
		{"two of one country", LoadBalancing{Algorithm: Geographic, Geographic: GeographicSettings{Header: "x", Regions: []Region{{Name: "a", Countries: []string{"DE"}},
			{Name: "b", Countries: []string{"DE"}}}}}, "lb.geographic.regions[1].countries", "is also a country"},
		{"a country in words", LoadBalancing{Algorithm: Geographic, Geographic: GeographicSettings{Header: "x", Regions: []Region{{Name: "a", Countries: []string{"Germany"}}}}},
			"lb.geographic.regions[0].countries", "two capital letters"},
		{"no such continent", LoadBalancing{Algorithm: Geographic, Geographic: GeographicSettings{Header: "x", Regions: []Region{{Name: "a", Continents: []string{"XX"}}}}},
			"lb.geographic.regions[0].continents", "must be one of AF"},
		{"half a point", LoadBalancing{Algorithm: Geographic, Geographic: GeographicSettings{Header: "x", Regions: []Region{{Name: "a", Latitude: new(float64)}}}},
			"lb.geographic.regions[0].latitude", "given together"},
		{"no mistake", LoadBalancing{Algorithm: Geographic, Geographic: GeographicSettings{Header: "x", Regions: eu}}, "", ""},
		{"no mistake either", LoadBalancing{Algorithm: IPHash}, "", ""},
	} {
		err := errors.Join(c.lb.validateAlgorithm("lb")...)
		if c.field == "" {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		var invalid *InvalidError
		if !errors.As(err, &invalid) || invalid.Field != c.field || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want %s: … %s", c.name, err, c.field, c.says)
		}
	}
}

func TestBackendsAreInRegionsThatAreThere(t *testing.T) {
	s := Service{Backends: []StaticBackend{{Placement: Placement{Region: "eu"}}, {Placement: Placement{Region: "asia"}}, {}},
		LoadBalancing: LoadBalancing{Algorithm: Geographic, Geographic: GeographicSettings{Regions: []Region{{Name: "eu"}}}}}
	if errs := s.validatePlacement("s"); len(errs) != 1 || !strings.Contains(errs[0].Error(), `s.backends[1].region: "asia": must be one of loadBalancing.geographic.regions: eu`) {
		t.Errorf("got %v", errs)
	}
	s.LoadBalancing.Algorithm = RoundRobin
	if errs := s.validatePlacement("s"); len(errs) != 0 {
		t.Errorf("without geographic: %v", errs)
	}
}
