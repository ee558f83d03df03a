package headroom

// Algorithm chooses the backend of a request.
type Algorithm string

// The algorithms there are; docs/algorithms.md says which is for what.
const (
	RoundRobin        Algorithm = "round-robin"         // in turn, in proportion to weights
	LeastConnections  Algorithm = "least-connections"   // fewest requests in flight per weight
	PowerOfTwo        Algorithm = "power-of-two"        // the less loaded of two drawn by lot
	IPHash            Algorithm = "ip-hash"             // the same client, the same backend
	HeaderHash        Algorithm = "header-hash"         // the same value of a field
	CookieHash        Algorithm = "cookie-hash"         // the same value of a cookie
	QueryHash         Algorithm = "query-hash"          // the same value of a parameter
	LeastResponseTime Algorithm = "least-response-time" // by time to first byte and requests in flight
	Adaptive          Algorithm = "adaptive"            // by all that is learned of each backend
	Geographic        Algorithm = "geographic"          // the region nearest to the client
)

// Algorithms are all of them, in the order of docs/algorithms.md.
func Algorithms() []Algorithm {
	return []Algorithm{RoundRobin, LeastConnections, PowerOfTwo, LeastResponseTime, Adaptive, IPHash, HeaderHash, CookieHash, QueryHash, Geographic}
}

// Keyed reports whether the algorithm sends requests by a key of theirs.
func (a Algorithm) Keyed() bool {
	return a == IPHash || a == HeaderHash || a == CookieHash || a == QueryHash
}

// HashFallback is what becomes of a request without the key that its service hashes.
type HashFallback string

// What can become of it.
const (
	FallbackPowerOfTwo HashFallback = "power-of-two" // it goes to the less loaded of two
	FallbackIP         HashFallback = "ip"           // its client's address is the key
)

// Hash is the key of ip-hash, header-hash, cookie-hash and query-hash.
type Hash struct {
	Key        string       `json:"key,omitempty" doc:"name of the header, cookie or parameter that is hashed; ip-hash needs none" example:"X-Tenant"`
	Fallback   HashFallback `json:"fallback" default:"power-of-two" enum:"power-of-two,ip" doc:"where a request has no such key: the less loaded of two backends, or the client's address as key"`
	LoadFactor float64      `json:"loadFactor" default:"1.25" minimum:"1.05" maximum:"100" doc:"a backend that has this many times the mean of requests in flight gives its next ones to another"`
}

// Locality is where a balancer stands, so that it prefers backends near it.
type Locality struct {
	Zone   string `json:"zone,omitempty" doc:"zone of the balancer: backends of the same zone are asked first" example:"eu-west-1a"`
	Region string `json:"region,omitempty" doc:"region of the balancer: backends of it are asked before those of others" example:"eu-west-1"`
}

// GeographicSettings are the regions of the algorithm geographic.
type GeographicSettings struct {
	Database string    `json:"database,omitempty" doc:"mmdb file that says in which country an address is; make geo-database installs a free one" example:"/var/lib/headroom/country.mmdb"`
	Header   string    `json:"header,omitempty" doc:"request header with the client's country, such as a CDN sends; it goes before the database" example:"CF-IPCountry"`
	Within   Algorithm `json:"within" default:"least-connections" enum:"round-robin,least-connections,power-of-two,least-response-time,adaptive" doc:"how the backend within a region is chosen"`
	Regions  []Region  `json:"regions,omitempty" doc:"the regions of the backends; clients whose country is not known go to them in this order" example:"[{name: eu, continents: [EU, AF]}, {name: us}]"`
}

// Region is where some of the backends of a service are, and whose clients they are for.
type Region struct {
	Name       string   `json:"name" doc:"as in region of the backends" example:"eu-west"`
	Countries  []string `json:"countries,omitempty" doc:"ISO 3166 codes of countries whose clients go here first" example:"[DE, FR]"`
	Continents []string `json:"continents,omitempty" doc:"AF, AN, AS, EU, NA, OC, SA: clients from here go here if no region has their country" example:"[EU]"`
	Latitude   *float64 `json:"latitude,omitempty" minimum:"-90" maximum:"90" doc:"degrees north, with longitude: by distance, where neither country nor continent decide" example:"50.1"`
	Longitude  *float64 `json:"longitude,omitempty" minimum:"-180" maximum:"180" doc:"degrees east" example:"8.7"`
}
