package geo

import (
	"cmp"
	"math"
	"net/netip"
	"slices"

	"headroom.dev/headroom"
)

// Regions are those of a service, in the order of its settings, which gives them their numbers. Immutable and safe for concurrent use.
type Regions struct {
	database *Database // nil where only the header says where a client is
	known    map[string]Place
	list     []region
	orders   map[string][]uint8 // by country, where that is all that is known
}

type region struct {
	countries, continents []string
	point                 Point
	located               bool
}

// NewRegions prepares the regions of valid settings. database may be nil.
func NewRegions(settings headroom.GeographicSettings, database *Database) *Regions {
	r := &Regions{database: database, known: countries(), orders: map[string][]uint8{}}
	for _, s := range settings.Regions {
		made := region{countries: s.Countries, continents: s.Continents}
		if s.Latitude != nil && s.Longitude != nil {
			made.point, made.located = Point{*s.Latitude, *s.Longitude}, true
		}
		r.list = append(r.list, made)
	}
	for code, place := range r.known {
		r.orders[code] = r.sort(nil, place)
	}
	return r
}

// Append appends the numbers of the regions from the nearest to a client to the farthest. header is what the settings' header said, if anything: a code
// of two letters goes before the database. Nothing is appended where the country is not known. Hot path.
func (r *Regions) Append(dst []uint8, header []byte, client netip.Addr) []uint8 {
	if order, known := r.orders[string(header)]; known {
		return append(dst, order...)
	}
	if r.database == nil {
		return dst
	}
	place := r.database.Find(client)
	known, listed := r.known[place.Country]
	switch {
	case listed && place == known:
		return append(dst, r.orders[place.Country]...)
	case !place.Located && place.Country == "" && place.Continent == "":
		return dst
	}
	return r.sort(dst, place)
}

// sort appends the regions that name the client's country, then those that name its continent, then the others; of each kind the nearest first.
func (r *Regions) sort(dst []uint8, client Place) []uint8 {
	from := len(dst)
	for i := range r.list {
		dst = append(dst, uint8(i))
	}
	slices.SortStableFunc(dst[from:], func(a, b uint8) int {
		classA, kmA := r.list[a].seen(client)
		classB, kmB := r.list[b].seen(client)
		return cmp.Or(cmp.Compare(classA, classB), cmp.Compare(kmA, kmB))
	})
	return dst
}

// seen is how a region looks from a client: 0 for its country, 1 for its continent, 2 for neither; and its distance, if that is known.
func (g *region) seen(client Place) (class int, km float64) {
	km = math.Inf(1)
	if g.located && client.Located {
		km = g.point.distance(client.Point)
	}
	switch {
	case slices.Contains(g.countries, client.Country):
		return 0, km
	case slices.Contains(g.continents, client.Continent):
		return 1, km
	}
	return 2, km
}
