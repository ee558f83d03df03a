package headroom

import "time"

// Hold keeps requests for which there is no backend yet, rather than refusing them: those of a service at zero, whose first replica they have started,
// and those that come before the first replicas are ready. It is for services whose replicas headroom starts.
type Hold struct {
	Enabled     bool     `json:"enabled" default:"true" doc:"false answers 503 at once while a service has no replica"`
	Timeout     Duration `json:"timeout" default:"30s" doc:"how long a request waits for a first replica; then it is answered 503" example:"1m"`
	Saturated   Duration `json:"saturated,omitempty" doc:"how long a request waits for a place where all backends have as many as overload.perBackend.maxRequests; not set is not at all" example:"1s"`
	MaxRequests int      `json:"maxRequests" default:"1000" minimum:"1" maximum:"1000000" doc:"most requests of the service that wait at once; more are answered 503"`
	MaxBytes    Bytes    `json:"maxBytes" default:"64MiB" doc:"most memory that waiting requests take" example:"64MiB"`
	Release     int      `json:"release" default:"16" minimum:"1" maximum:"100000" doc:"how many at once each new backend gets of those that waited, where overload.perBackend.maxRequests sets no other limit"`
}

// Waiting tells the scaler that requests wait for a first replica. It is sent when the first of them comes, and again each second.
type Waiting struct {
	Service  string    `json:"service"`
	Requests int       `json:"requests"`
	At       time.Time `json:"at"`
}

// Validate says what is wrong with how long requests wait.
func (h Hold) Validate(path string) []error {
	found := &findings{}
	found.add(positive(path+".timeout", h.Timeout, "30s")...)
	if h.MaxBytes <= 0 {
		found.add(&InvalidError{Field: path + ".maxBytes", Value: h.MaxBytes.String(), Expected: `must be more than 0, such as "64MiB"`})
	}
	found.add(checkTags(path, h)...)
	return found.errors
}
