package geo

import (
	"fmt"
	"net/netip"
	"os"
	"sync/atomic"

	"github.com/oschwald/maxminddb-golang/v2"
)

// Database says where addresses are. Safe for concurrent use.
type Database struct {
	reader *maxminddb.Reader
	known  map[string]Place
	recent [recent]atomic.Pointer[decoded]
}

// recent is how many records are kept decoded: a database of countries has 250 in all. One costs 1 µs and three allocations to decode.
const recent = 4096

type decoded struct {
	offset uintptr
	place  Place
}

// record is what is read of an entry: the flat form of ip-location-db, and that of MaxMind and DB-IP.
type record struct {
	Code    string `maxminddb:"country_code"`
	Country struct {
		Code string `maxminddb:"iso_code"`
	} `maxminddb:"country"`
	Continent struct {
		Code string `maxminddb:"code"`
	} `maxminddb:"continent"`
	Location struct {
		Latitude  *float64 `maxminddb:"latitude"`
		Longitude *float64 `maxminddb:"longitude"`
	} `maxminddb:"location"`
}

// Open reads an mmdb file into memory. It is not mapped: a file that is cut short while it is mapped ends the process (SIGBUS).
func Open(path string) (*Database, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	reader, err := maxminddb.OpenBytes(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &Database{reader: reader, known: countries()}, nil
}

// Find says where an address is. What cannot be found or read is not known. Hot path.
func (d *Database) Find(addr netip.Addr) Place {
	result := d.reader.Lookup(addr.Unmap())
	if !result.Found() {
		return Place{}
	}
	slot := &d.recent[result.Offset()%recent]
	if have := slot.Load(); have != nil && have.offset == result.Offset() {
		return have.place
	}
	var r record
	if err := result.Decode(&r); err != nil {
		return Place{}
	}
	place := r.place(d.known)
	slot.Store(&decoded{result.Offset(), place})
	return place
}

func (r record) place(known map[string]Place) Place {
	code := r.Country.Code
	if code == "" {
		code = r.Code
	}
	place, listed := known[code]
	if !listed {
		place = Place{Country: code}
	}
	if r.Continent.Code != "" {
		place.Continent = r.Continent.Code
	}
	if r.Location.Latitude != nil && r.Location.Longitude != nil {
		place.Point, place.Located = Point{*r.Location.Latitude, *r.Location.Longitude}, true
	}
	return place
}
