package headroom

// Route treats some requests in another way than the rest of their service, or leads them to another service. Of the routes whose conditions
// a request meets the most specific one wins; see docs/routes.md. In Headers and Query a value is meant as it is written, but for "*", which is
// any, and "~" with a regular expression (RE2) behind it, which must fit the whole value.
type Route struct {
	Path            string            `json:"path,omitempty" doc:"path that the route is for: /api/ with all below it, or one path alone with exact" example:"/api/"`
	Exact           bool              `json:"exact,omitempty" doc:"the path alone, not those below it" example:"true"`
	Regexp          string            `json:"regexp,omitempty" doc:"in place of path: a regular expression (RE2) that the whole path must fit" example:"/users/[0-9]+/orders"`
	Hosts           []string          `json:"hosts,omitempty" doc:"only for these hosts; *.example.com is all below example.com" example:"['*.example.com']"`
	Methods         []string          `json:"methods,omitempty" doc:"only for these methods" example:"[GET, HEAD]"`
	Headers         map[string]string `json:"headers,omitempty" doc:"only for requests with these header fields: a value, * for any, or ~REGEXP" example:"{X-Beta: '1', User-Agent: '~.*Firefox.*'}"`
	Query           map[string]string `json:"query,omitempty" doc:"only for requests with these parameters in the query: a value, * for any, or ~REGEXP" example:"{version: '2'}"`
	Service         string            `json:"service,omitempty" doc:"the service whose backends get the requests; default the one that the route belongs to" example:"checkout"`
	Redirect        Redirect          `json:"redirect" doc:"answer with a redirect instead of asking a backend"`
	Rewrite         string            `json:"rewrite,omitempty" doc:"what the backend gets in place of the part of the path that fitted" example:"/v2/"`
	Timeouts        RouteTimeouts     `json:"timeouts" doc:"timeouts that differ from the service's"`
	MaxBody         Bytes             `json:"maxBody,omitempty" doc:"limits.body for these paths" example:"1GiB"`
	Priority        string            `json:"priority,omitempty" doc:"class of overload.priorities of these requests" example:"batch"`
	RateLimits      []RateLimit       `json:"rateLimits,omitempty" doc:"limits of these requests beside those of the service" example:"[{name: logins, requests: 5, period: 1m}]"`
	RequestHeaders  HeaderEdits       `json:"requestHeaders" doc:"changes of the fields that backends get, after those of the service"`
	ResponseHeaders HeaderEdits       `json:"responseHeaders" doc:"changes of the fields that clients get, after those of the service"`
}

// Redirect answers a request with another place to look at.
type Redirect struct {
	To     string `json:"to,omitempty" doc:"path or URL; where it ends with a slash, what follows the fitted part of the path is appended; the query is kept unless it has one of its own; {host} (without port), {path} and {query} are replaced" example:"https://{host}{path}"`
	Status int    `json:"status" default:"308" minimum:"301" maximum:"308" doc:"301, 302, 303, 307 or 308, which keeps the method and may be remembered"`
}

// RouteTimeouts are timeouts of a route; those not set are the service's.
type RouteTimeouts struct {
	Response Duration `json:"response,omitempty" doc:"from the end of the request to the head of the response" example:"5m"`
	Request  Duration `json:"request,omitempty" doc:"a request may take this long in all, retries included" example:"10m"`
}

// HeaderEdits change header fields: first those to remove go, then those to set replace, then those to add come.
type HeaderEdits struct {
	Remove []string          `json:"remove,omitempty" doc:"names of fields to leave out" example:"[Server, X-Powered-By]"`
	Set    map[string]string `json:"set,omitempty" doc:"fields that replace those of the same name" example:"{Strict-Transport-Security: max-age=31536000}"`
	Add    map[string]string `json:"add,omitempty" doc:"fields beside those of the same name" example:"{Vary: Accept}"`
}

// Empty reports whether nothing is changed.
func (e HeaderEdits) Empty() bool { return len(e.Remove) == 0 && len(e.Set) == 0 && len(e.Add) == 0 }

// Compression compresses responses on their way to clients that accept it. Only whole 200 responses are, whose backend sent them
// plain and did not forbid it (Cache-Control: no-transform).
type Compression struct {
	Enabled    bool     `json:"enabled" default:"false" doc:"compress responses"`
	Algorithms []string `json:"algorithms,omitempty" doc:"zstd, br and gzip, the preferred first; default all three in this order" example:"[br, gzip]"`
	MinSize    Bytes    `json:"minSize" default:"1KiB" doc:"smaller responses are sent as they are" example:"1KiB"`
	Types      []string `json:"types,omitempty" doc:"media types that are compressed, text/* for all of a kind; default text, JSON, JavaScript, XML, SVG and WebAssembly" example:"[text/html, application/json]"`
}
