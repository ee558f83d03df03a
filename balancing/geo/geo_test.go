package geo

import (
	"bytes"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
	"headroom.dev/headroom"
)

// write makes an mmdb file of networks.
func write(t testing.TB, records map[string]mmdbtype.Map) string {
	t.Helper()
	tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: "Test", RecordSize: 24, IncludeReservedNetworks: true})
	if err != nil {
		t.Fatal(err)
	}
	for network, record := range records {
		_, prefix, err := net.ParseCIDR(network)
		if err != nil {
			t.Fatal(err)
		}
		if err := tree.Insert(prefix, record); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if _, err := tree.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "test.mmdb")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func flat(code string) mmdbtype.Map { return mmdbtype.Map{"country_code": mmdbtype.String(code)} }

func city(code, continent string, latitude, longitude float64) mmdbtype.Map {
	return mmdbtype.Map{
		"country":   mmdbtype.Map{"iso_code": mmdbtype.String(code)},
		"continent": mmdbtype.Map{"code": mmdbtype.String(continent)},
		"location":  mmdbtype.Map{"latitude": mmdbtype.Float64(latitude), "longitude": mmdbtype.Float64(longitude)},
	}
}

func small(t testing.TB) *Database {
	t.Helper()
	d, err := Open(write(t, map[string]mmdbtype.Map{
		"192.0.2.0/24": flat("DE"), "198.51.100.0/24": flat("BR"), "2001:db8::/32": flat("JP"),
		"203.0.113.0/25": city("US", "NA", 37.8, -122.4), "203.0.113.128/25": city("US", "NA", 40.7, -74),
	}))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestAddressesAreFoundInEitherKindOfDatabase(t *testing.T) {
	d := small(t)
	for address, want := range map[string]Place{
		"192.0.2.7": {"DE", "EU", Point{51, 9}, true}, "::ffff:192.0.2.7": {"DE", "EU", Point{51, 9}, true}, "2001:db8::1": {"JP", "AS", Point{36, 138}, true},
		"203.0.113.1": {"US", "NA", Point{37.8, -122.4}, true}, "203.0.113.200": {"US", "NA", Point{40.7, -74}, true}, "10.0.0.1": {}, "::1": {},
	} {
		for range 2 { // the second time from what was decoded
			if got := d.Find(netip.MustParseAddr(address)); got != want {
				t.Errorf("%s: got %+v, want %+v", address, got, want)
			}
		}
	}
	if got := d.Find(netip.Addr{}); got != (Place{}) {
		t.Errorf("no address: got %+v", got)
	}
}

// Great circles by an independent calculator: London to New York 5,570 km, Sydney to Auckland 2,156 km.
func TestDistanceIsThatOfTheGreatCircle(t *testing.T) {
	for _, c := range []struct{ a, b, c, d, want float64 }{{51.5074, -0.1278, 40.7128, -74.0060, 5570}, {-33.8688, 151.2093, -36.8485, 174.7633, 2156}, {0, 179, 0, -179, 222}} {
		if got := (Point{c.a, c.b}).distance(Point{c.c, c.d}); got < c.want*0.998 || got > c.want*1.002 {
			t.Errorf("%v: got %.0f km", c, got)
		}
	}
}

func TestEveryCountryHasAContinentAndAPlace(t *testing.T) {
	all := countries()
	if len(all) != 250 { // the 249 of ISO 3166-1, and XK, which databases use for Kosovo
		t.Errorf("%d countries", len(all))
	}
	for code, p := range all {
		if len(code) != 2 || !slices.Contains([]string{"AF", "AN", "AS", "EU", "NA", "OC", "SA"}, p.Continent) || max(p.Point.Latitude, -p.Point.Latitude) > 90 || max(p.Point.Longitude, -p.Point.Longitude) > 180 {
			t.Errorf("%s: %+v", code, p)
		}
	}
}

func TestRegionsAreRankedByCountryThenContinentThenDistance(t *testing.T) {
	at := func(v float64) *float64 { return &v }
	r := NewRegions(headroom.GeographicSettings{Regions: []headroom.Region{
		{Name: "us-east", Continents: []string{"NA"}, Latitude: at(39), Longitude: at(-77)},
		{Name: "us-west", Continents: []string{"NA"}, Latitude: at(37), Longitude: at(-122)},
		{Name: "frankfurt", Continents: []string{"EU"}, Latitude: at(50), Longitude: at(9)},
		{Name: "zurich", Countries: []string{"CH", "BR"}},
	}}, small(t))
	for _, c := range []struct {
		name, header, address string
		want                  []uint8
	}{
		{"its continent, then by distance", "", "192.0.2.1", []uint8{2, 0, 1, 3}},
		{"its country goes before all", "", "198.51.100.1", []uint8{3, 0, 1, 2}}, // then 5,905 km, 8,706, 9,084 from (-10, -55)
		{"two of its continent: the nearer", "", "203.0.113.1", []uint8{1, 0, 2, 3}},
		{"and on the other coast", "", "203.0.113.129", []uint8{0, 1, 2, 3}},
		{"the header goes before the database", "CH", "203.0.113.1", []uint8{3, 2, 0, 1}},
		{"a header that is no country does not", "XX", "203.0.113.1", []uint8{1, 0, 2, 3}},
		{"not known", "", "10.0.0.1", nil},
	} {
		if got := r.Append(nil, []byte(c.header), netip.MustParseAddr(c.address)); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

func TestDatabaseThatIsNoneIsAnError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "no.mmdb")
	var library Library
	if _, err := library.Open(path); err == nil {
		t.Error("a file that is not there was opened")
	}
	if err := os.WriteFile(path, []byte("no database"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := library.Open(path); err == nil {
		t.Error("a file that is none was opened")
	}
}

func TestDatabaseIsReadAgainOnlyWhereItHasChanged(t *testing.T) {
	var library Library
	path := write(t, map[string]mmdbtype.Map{"192.0.2.0/24": flat("DE")})
	first, err := library.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := library.Open(path); again != first {
		t.Error("read again")
	}
	if err := os.Chtimes(path, time.Time{}, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if again, _ := library.Open(path); again == first {
		t.Error("not read again")
	}
}

func TestFindingRegionsAllocatesNothing(t *testing.T) {
	r := NewRegions(headroom.GeographicSettings{Regions: []headroom.Region{{Name: "eu", Continents: []string{"EU"}}, {Name: "us"}}}, small(t))
	var order [8]uint8
	for _, address := range []string{"192.0.2.1", "203.0.113.1", "10.0.0.1"} {
		addr := netip.MustParseAddr(address)
		r.Append(order[:0], nil, addr)
		if n := testing.AllocsPerRun(100, func() { r.Append(order[:0], nil, addr) }); n != 0 {
			t.Errorf("%s: %v allocations", address, n)
		}
	}
}

// What anybody puts into a file may be wrong, but ends nothing.
func FuzzDatabase(f *testing.F) {
	data, err := os.ReadFile(write(f, map[string]mmdbtype.Map{"192.0.2.0/24": flat("DE")}))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "fuzz.mmdb")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if d, err := Open(path); err == nil {
			d.Find(netip.MustParseAddr("192.0.2.1"))
			d.Find(netip.MustParseAddr("2001:db8::1"))
		}
	})
}

// The free database of countries (CC0), where `make geo-database` has installed it.
func TestFreeDatabaseKnowsCountries(t *testing.T) {
	path := os.Getenv("GEO_DATABASE")
	if path == "" {
		path = "../../bin/geo/country.mmdb"
	}
	d, err := Open(path)
	if err != nil {
		t.Skip("make geo-database installs it: ", err)
	}
	for address, want := range map[string]string{"194.25.0.60": "DE", "133.11.0.1": "JP", "200.160.2.3": "BR"} { // Telekom, University of Tokyo, NIC.br
		if got := d.Find(netip.MustParseAddr(address)); got.Country != want {
			t.Errorf("%s: got %+v, want %s", address, got, want)
		}
	}
}

func BenchmarkFind(b *testing.B) {
	d, addr := small(b), netip.MustParseAddr("192.0.2.1")
	b.ReportAllocs()
	for b.Loop() {
		d.Find(addr)
	}
}
