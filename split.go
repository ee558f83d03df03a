package headroom

// SplitBy is what keeps a user on one variant.
type SplitBy string

// What variants are chosen by.
const (
	SplitByRequest SplitBy = "request" // by lot, each request for itself
	SplitByClient  SplitBy = "client"  // the client's address
	SplitByCookie  SplitBy = "cookie"  // a cookie, which is given to those that have none
	SplitByHeader  SplitBy = "header"  // a header field, such as the user's ID; requests without it go by lot
)

// Split shares the requests of a service among variants of it, which are services of their own: with backends, scaling and metrics of their own.
// Without variants the service takes all. A request that fits what a variant names goes there, whatever the weights.
type Split struct {
	By       SplitBy   `json:"by" default:"request" enum:"request,client,cookie,header" doc:"what keeps a user on one variant; request decides for each request anew"`
	Name     string    `json:"name,omitempty" doc:"of the cookie (default headroom-split) or the header field" example:"X-User-Id"`
	Variants []Variant `json:"variants,omitempty" doc:"services that share the requests; a service that is not among its own variants gets none itself" example:"[{service: shop, weight: 95}, {service: shop-v2, weight: 5}]"`
}

// Variant is one of the services among which requests are shared.
type Variant struct {
	Service string            `json:"service" doc:"the service that gets this share" example:"shop-v2"`
	Weight  int               `json:"weight" minimum:"0" maximum:"1000000" doc:"share relative to the other variants; 0 gets only what headers and cookies name" example:"5"`
	Headers map[string]string `json:"headers,omitempty" doc:"requests with all of these header fields go here: a value, * for any, or ~REGEXP" example:"{X-Beta: '1'}"`
	Cookies map[string]string `json:"cookies,omitempty" doc:"requests with all of these cookies go here: a value, * for any, or ~REGEXP" example:"{beta: '*'}"`
}

// DefaultSplitCookie is the cookie that keeps a user on a variant where the split names none.
const DefaultSplitCookie = "headroom-split"

// Mirror sends copies of requests to another service, whose answers nobody gets: they can neither slow nor fail the original.
type Mirror struct {
	Service     string  `json:"service,omitempty" doc:"the service that gets the copies" example:"shop-v2"`
	Percent     float64 `json:"percent" default:"100" minimum:"0" maximum:"100" doc:"share of the requests that is copied" example:"10"`
	MaxInFlight int     `json:"maxInFlight" default:"64" minimum:"1" maximum:"100000" doc:"most copies at once; what is beyond is not copied, and counted"`
}
