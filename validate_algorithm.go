package headroom

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// validateAlgorithm says what is wrong with how the backend of a request is chosen.
func (l LoadBalancing) validateAlgorithm(path string) []error {
	found := &findings{}
	switch l.Algorithm {
	case HeaderHash, CookieHash, QueryHash:
		what := strings.TrimSuffix(string(l.Algorithm), "-hash")
		if l.Protocol == ProtocolTCP {
			found.add(&InvalidError{Field: path + ".algorithm", Value: string(l.Algorithm),
				Expected: fmt.Sprintf("needs requests with a %s, and protocol is tcp, which has none: use ip-hash, or another algorithm", what)})
		}
		if !isToken(l.Hash.Key) {
			found.add(&InvalidError{Field: path + ".hash.key", Value: strconv.Quote(l.Hash.Key),
				Expected: fmt.Sprintf(`must name the %s that %s hashes, such as "tenant"`, what, l.Algorithm)})
		}
	case Geographic:
		found.add(l.Geographic.validate(path + ".geographic")...)
	}
	return found.errors
}

// mostRegions bounds the regions of a service: each request ranks them.
const mostRegions = 32

func (g GeographicSettings) validate(path string) []error {
	found := &findings{}
	if len(g.Regions) == 0 || len(g.Regions) > mostRegions {
		found.add(&InvalidError{Field: path + ".regions", Value: strconv.Itoa(len(g.Regions)),
			Expected: fmt.Sprintf("must list 1 to %d regions, such as [{name: eu, continents: [EU]}, {name: us}]", mostRegions)})
	}
	if g.Database == "" && g.Header == "" {
		found.add(&InvalidError{Field: path + ".database", Value: `""`,
			Expected: "must be an mmdb file that says where clients are; or give header, which a CDN sends"})
	}
	if g.Header != "" && !isToken(g.Header) {
		found.add(&InvalidError{Field: path + ".header", Value: strconv.Quote(g.Header), Expected: `must be the name of a header, such as "CF-IPCountry"`})
	}
	names, countries := map[string]int{}, map[string]int{}
	for i, region := range g.Regions {
		at := fmt.Sprintf("%s.regions[%d]", path, i)
		found.add(region.validate(at)...)
		if first, twice := names[region.Name]; twice {
			found.add(&InvalidError{Field: at + ".name", Value: strconv.Quote(region.Name), Expected: fmt.Sprintf("is also the name of %s.regions[%d]", path, first)})
		}
		names[region.Name] = i
		for _, country := range region.Countries {
			if first, twice := countries[country]; twice {
				found.add(&InvalidError{Field: at + ".countries", Value: country, Expected: fmt.Sprintf("is also a country of %s.regions[%d]: its clients can go to one of them first", path, first)})
			}
			countries[country] = i
		}
	}
	return found.errors
}

func (r Region) validate(path string) []error {
	found := &findings{}
	if r.Name == "" {
		found.add(&InvalidError{Field: path + ".name", Value: `""`, Expected: "must be the region that backends name"})
	}
	for _, country := range r.Countries {
		if len(country) != 2 || strings.ToUpper(country) != country {
			found.add(&InvalidError{Field: path + ".countries", Value: strconv.Quote(country), Expected: `must be two capital letters of ISO 3166, such as "DE"`})
		}
	}
	continents := []string{"AF", "AN", "AS", "EU", "NA", "OC", "SA"}
	for _, continent := range r.Continents {
		if !slices.Contains(continents, continent) {
			found.add(&InvalidError{Field: path + ".continents", Value: strconv.Quote(continent), Expected: "must be one of " + strings.Join(continents, ", ")})
		}
	}
	if (r.Latitude == nil) != (r.Longitude == nil) {
		found.add(&InvalidError{Field: path + ".latitude", Expected: "latitude and longitude must be given together"})
	}
	return found.errors
}

// validatePlacement finds backends in regions that the service's algorithm does not know.
func (s Service) validatePlacement(path string) []error {
	if s.LoadBalancing.Algorithm != Geographic {
		return nil
	}
	found := &findings{}
	var known []string
	for _, region := range s.LoadBalancing.Geographic.Regions {
		known = append(known, region.Name)
	}
	for i, backend := range s.Backends {
		if backend.Region != "" && !slices.Contains(known, backend.Region) {
			found.add(&InvalidError{Field: fmt.Sprintf("%s.backends[%d].region", path, i), Value: strconv.Quote(backend.Region),
				Expected: "must be one of loadBalancing.geographic.regions: " + strings.Join(known, ", ")})
		}
	}
	return found.errors
}
