package headroom

// SignalFrom says where a signal comes from that headroom does not measure by itself. Of the sources exactly one is given. The value is of the service as
// a whole; targets divide it by the replicas.
type SignalFrom struct {
	PromQL   *PromQLSource   `json:"promql,omitempty" doc:"the result of a query" example:"{query: 'sum(queue_length)'}"`
	HTTP     *HTTPSource     `json:"http,omitempty" doc:"a number in a JSON document" example:"{url: 'http://127.0.0.1:9000/stats', path: queues.0.length}"`
	Command  *CommandSource  `json:"command,omitempty" doc:"what a program prints" example:"{run: ./queue-length}"`
	External *ExternalSource `json:"external,omitempty" doc:"an external scaler of KEDA's (gRPC)" example:"{address: 'scaler:9090', metadata: {queue: orders}}"`
	Pushed   *PushedSource   `json:"pushed,omitempty" doc:"a metric that is sent to headroom: POST /api/monitor/metrics, OTLP, or Prometheus' remote write" example:"{metric: orders_open}"`
	Cron     *CronSource     `json:"cron,omitempty" doc:"a number at some times, as KEDA's cron scaler; else 0" example:"{from: '0 8 * * *', until: '0 18 * * *', value: 5}"`

	Every      Duration       `json:"every" default:"15s" doc:"how often it is read; 1s to 1h; pushed ones come as they come" example:"5s"`
	StaleAfter Duration       `json:"staleAfter" default:"1m" doc:"an older value is unknown" example:"1m"`
	Fallback   SignalFallback `json:"fallback" doc:"what a target on this signal asks for when it cannot be read"`
}

// PromQLSource is a query to a Prometheus, or to headroom's own monitor where no url is given.
type PromQLSource struct {
	Query   string            `json:"query" doc:"instant query; the sum of its series is the value" example:"sum(rate(http_requests_total[1m]))"`
	URL     string            `json:"url,omitempty" doc:"of a server with Prometheus' query API; headroom's own metrics where not given" example:"http://prometheus:9090"`
	Headers map[string]string `json:"headers,omitempty" secret:"true" doc:"sent along" example:"{Authorization: 'Bearer file:token'}"`
	Timeout Duration          `json:"timeout" default:"5s" doc:"of one query" example:"5s"`
}

// HTTPSource reads a number from a JSON document.
type HTTPSource struct {
	URL     string            `json:"url" doc:"http or https" example:"http://127.0.0.1:9000/stats"`
	Path    string            `json:"path,omitempty" doc:"names and indexes with dots between them; the document itself where not given" example:"queues.0.length"`
	Headers map[string]string `json:"headers,omitempty" secret:"true" doc:"sent along" example:"{X-Token: abc}"`
	Timeout Duration          `json:"timeout" default:"5s" doc:"of one request" example:"5s"`
}

// CommandSource reads a number from the output of a program.
type CommandSource struct {
	Run     Command  `json:"run" doc:"program and arguments; its output is one number" example:"./queue-length orders"`
	Timeout Duration `json:"timeout" default:"5s" doc:"after which it is killed" example:"5s"`
}

// ExternalSource is a server of KEDA's externalscaler.proto.
type ExternalSource struct {
	Address  string            `json:"address" doc:"host:port" example:"scaler.default:9090"`
	Metric   string            `json:"metric,omitempty" doc:"which of its metrics; the first where not given" example:"queue-length"`
	Metadata map[string]string `json:"metadata,omitempty" secret:"true" doc:"the trigger's metadata; values may be given as file:PATH" example:"{queue: orders}"`
	// PerTarget is for policies that come from KEDA, where the scaler alone knows its target.
	PerTarget bool `json:"perTarget,omitempty" doc:"the value is divided by the target that the scaler names itself; it is 0 while the scaler is not active and at least 0.001 while it is: what KEDA decides by, for a target of 1" example:"true"`
	// Plain is the default of KEDA's external scaler as well.
	TLS     bool     `json:"tls,omitempty" doc:"encrypt, and trust the system's certificates" example:"true"`
	CAFile  string   `json:"caFile,omitempty" doc:"trust these certificates alone" example:"/etc/scaler/ca.pem"`
	Timeout Duration `json:"timeout" default:"5s" doc:"of one call" example:"5s"`
}

// PushedSource is a metric that others send.
type PushedSource struct {
	Metric    string            `json:"metric" doc:"its name" example:"orders_open"`
	Labels    map[string]string `json:"labels,omitempty" doc:"only series with these labels" example:"{shop: berlin}"`
	Aggregate string            `json:"aggregate" default:"sum" enum:"sum,avg,max,min" doc:"how several series become one value"`
}

// CronSource has a value while a window holds, and 0 otherwise.
type CronSource struct {
	Window
	Value float64 `json:"value" minimum:"0" maximum:"1000000000000" doc:"while the window holds" example:"5"`
}

// SignalFallback is what a target on a signal asks for when it could not be read several times in a row. Until then, and without one, it asks for nothing,
// and nothing shrinks.
type SignalFallback struct {
	Behavior string `json:"behavior" default:"none" enum:"none,static,current,current-if-higher,current-if-lower,formula" doc:"none: nothing shrinks; static: fallback.replicas; current: what there is; current-if-higher and current-if-lower: what there is or fallback.replicas, the larger or the smaller; formula: formulas see the signal as unknown and decide themselves"`
	Replicas int    `json:"replicas,omitempty" minimum:"0" maximum:"1000" doc:"for behaviors that need a number" example:"6"`
	After    int    `json:"after" default:"3" minimum:"1" maximum:"1000" doc:"failures in a row before it is used"`
}
