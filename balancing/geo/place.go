package geo

import (
	_ "embed"
	"fmt"
	"math"
	"strings"
)

// Place is where a client is, as far as it is known.
type Place struct {
	Country   string // ISO 3166, capital letters; empty where it is not known
	Continent string // AF, AN, AS, EU, NA, OC or SA
	Point     Point
	Located   bool // Point is known
}

// Point is in degrees north and east.
type Point struct{ Latitude, Longitude float64 }

// earth is its mean radius in kilometers.
const earth = 6371.0

// distance is that of the great circle in kilometers (haversine).
func (p Point) distance(q Point) float64 {
	const degree = math.Pi / 180
	north, east := math.Sin((q.Latitude-p.Latitude)*degree/2), math.Sin((q.Longitude-p.Longitude)*degree/2)
	return 2 * earth * math.Asin(math.Sqrt(min(1, north*north+math.Cos(p.Latitude*degree)*math.Cos(q.Latitude*degree)*east*east)))
}

// countryList has the continent of each country and a point in its middle, in whole degrees (as The World Factbook gives them). Databases of
// countries tell no more than the country.
//
//go:embed countries.txt
var countryList string

// countries makes the places of all countries, by code.
func countries() map[string]Place {
	made := map[string]Place{}
	for line := range strings.Lines(countryList) {
		var p Place
		if _, err := fmt.Sscan(line, &p.Country, &p.Continent, &p.Point.Latitude, &p.Point.Longitude); err == nil {
			p.Located = true
			made[p.Country] = p
		}
	}
	return made
}
