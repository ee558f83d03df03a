package headroom

// Limits bound what one client can make the balancer do. All are on by default.
type Limits struct {
	Header                Bytes `json:"header" default:"64KiB" doc:"largest head of a request or response" example:"64KiB"`
	HeaderFields          int   `json:"headerFields" default:"100" minimum:"1" maximum:"10000" doc:"most header fields of a request or response"`
	Body                  Bytes `json:"body,omitempty" doc:"largest body of a request; larger ones are answered 413; not set is no limit" example:"100MiB"`
	BodyRate              Bytes `json:"bodyRate" default:"500" doc:"least bytes per second of a request's body, after 10 s; 0 is no limit" example:"500"`
	ConnectionsPerClient  int   `json:"connectionsPerClient" default:"2000" minimum:"1" maximum:"1000000" doc:"most connections at once from one address; trustedProxies are exempt"`
	RequestsPerConnection int   `json:"requestsPerConnection" default:"100000" minimum:"1" maximum:"1000000000" doc:"a client's connection is closed after this many requests"`
	StreamsPerConnection  int   `json:"streamsPerConnection" default:"250" minimum:"1" maximum:"10000" doc:"most requests at once on one HTTP/2 connection"`
}
