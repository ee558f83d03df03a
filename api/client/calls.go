package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/api"
	"headroom.dev/headroom/scaling/record"
)

// ListOptions selects the newest entries of a list; zero fields select as the API does by itself.
type ListOptions struct {
	Service string
	Limit   int    // 50 where zero, at most 1000
	Since   string // a time in RFC 3339, Unix seconds, or a duration before now such as "1h"
	Before  string // the same
}

func (o ListOptions) query() url.Values {
	query := serviceQuery(o.Service)
	if o.Limit > 0 {
		query.Set("limit", strconv.Itoa(o.Limit))
	}
	if o.Since != "" {
		query.Set("since", o.Since)
	}
	if o.Before != "" {
		query.Set("before", o.Before)
	}
	return query
}

func serviceQuery(service string) url.Values {
	query := url.Values{}
	if service != "" {
		query.Set("service", service)
	}
	return query
}

// get reads one value.
func get[T any](ctx context.Context, c *Client, path string, query url.Values) (T, error) {
	var value T
	err := c.do(ctx, call{method: http.MethodGet, path: path, query: query}, &value)
	return value, err
}

// change sends a mutation and reads its answer.
func change[T any](ctx context.Context, c *Client, method, path string, body any, how Change) (T, error) {
	var value T
	err := c.mutate(ctx, call{method: method, path: path, body: body}, how, &value)
	return value, err
}

// Status returns what there is to know of one service, or of all where the name is empty.
func (c *Client) Status(ctx context.Context, service string) ([]headroom.ServiceStatus, error) {
	answer, err := get[api.StatusList](ctx, c, "/api/scaling/status", serviceQuery(service))
	return answer.Services, err
}

// Scale orders a number of replicas.
func (c *Client) Scale(ctx context.Context, order headroom.ScaleOrder, dryRun bool) (headroom.Decision, error) {
	request := api.ScaleRequest{Service: order.Service, Replicas: order.Replicas, For: order.For, Reason: order.Reason}
	return change[headroom.Decision](ctx, c, http.MethodPost, "/api/scaling/scale", request, Change{DryRun: dryRun})
}

// Policies returns the policies of one service, or of all.
func (c *Client) Policies(ctx context.Context, service string) ([]headroom.Policy, error) {
	answer, err := get[api.PolicyList](ctx, c, "/api/scaling/policies", serviceQuery(service))
	return answer.Policies, err
}

// CreatePolicy makes a policy; with a gate only if a backtest of it is not worse, see api.Problem.Gate. A step of zero is one.
func (c *Client) CreatePolicy(ctx context.Context, service string, policy headroom.ScalingPolicy, gate *headroom.Gate, dryRun bool) (api.PolicyAnswer, error) {
	request := api.PolicyRequest{Service: service, ScalingPolicy: policy, Gate: gate}
	return change[api.PolicyAnswer](ctx, c, http.MethodPost, "/api/scaling/policies", request, Change{DryRun: dryRun})
}

// UpdatePolicy replaces what a policy does, with a gate as CreatePolicy. Its name cannot be changed and may be empty.
func (c *Client) UpdatePolicy(ctx context.Context, id string, policy headroom.ScalingPolicy, gate *headroom.Gate, dryRun bool) (api.PolicyAnswer, error) {
	request := api.PolicyUpdate{Name: policy.Name, ScalingPolicy: policy, Gate: gate}
	return change[api.PolicyAnswer](ctx, c, http.MethodPut, "/api/scaling/policies/"+url.PathEscape(id), request, Change{DryRun: dryRun})
}

// RemovePolicy removes a policy that was made through the API, or takes back what was changed of one of the config file.
func (c *Client) RemovePolicy(ctx context.Context, id string, dryRun bool) error {
	return c.mutate(ctx, call{method: http.MethodDelete, path: "/api/scaling/policies/" + url.PathEscape(id)}, Change{DryRun: dryRun}, nil)
}

// Decisions returns the newest decisions, newest first, with those that say the same as one; only those that changed the
// number of replicas where changes.
func (c *Client) Decisions(ctx context.Context, options ListOptions, changes bool) ([]record.Listed, error) {
	query := options.query()
	if changes {
		query.Set("changes", "true")
	}
	answer, err := get[api.DecisionList](ctx, c, "/api/scaling/decisions", query)
	return answer.Decisions, err
}

// Decision returns one decision.
func (c *Client) Decision(ctx context.Context, id string) (headroom.Decision, error) {
	return get[headroom.Decision](ctx, c, "/api/scaling/decisions/"+url.PathEscape(id), nil)
}

// Explain returns one decision in sentences and numbers.
func (c *Client) Explain(ctx context.Context, id string) (string, error) {
	var text []byte
	err := c.do(ctx, call{
		method: http.MethodGet, path: "/api/scaling/decisions/" + url.PathEscape(id) + "/explanation", accept: "text/plain",
	}, &text)
	return string(text), err
}

// ExplainService explains the decision in force at a time, the zero time being now; with replicas the newest until then that changed the number to that one.
func (c *Client) ExplainService(ctx context.Context, service string, at time.Time, replicas *int) (api.Explanation, error) {
	query := momentQuery(service, at)
	if replicas != nil {
		query.Set("replicas", strconv.Itoa(*replicas))
	}
	return get[api.Explanation](ctx, c, "/api/scaling/explain", query)
}

// WhyNot says why a service did not have so many replicas at a time; the zero time is now.
func (c *Client) WhyNot(ctx context.Context, service string, at time.Time, replicas int) (api.Explanation, error) {
	query := momentQuery(service, at)
	query.Set("replicas", strconv.Itoa(replicas))
	return get[api.Explanation](ctx, c, "/api/scaling/why-not", query)
}

func momentQuery(service string, at time.Time) url.Values {
	query := serviceQuery(service)
	if !at.IsZero() {
		query.Set("at", at.Format(time.RFC3339Nano))
	}
	return query
}

// Balancer returns the traffic of the last second.
func (c *Client) Balancer(ctx context.Context) (headroom.BalancerStatus, error) {
	return get[headroom.BalancerStatus](ctx, c, "/api/balancer/status", nil)
}

// Backends returns the backends of one service, or of all.
func (c *Client) Backends(ctx context.Context, service string) ([]headroom.BackendStatus, error) {
	answer, err := get[api.BackendList](ctx, c, "/api/balancer/backends", serviceQuery(service))
	return answer.Backends, err
}

// AddBackend adds an address that someone else runs, where placement says. A nil weight is 1.
func (c *Client) AddBackend(ctx context.Context, service, address string, weight *int, placement headroom.Placement, how Change) (headroom.Backend, error) {
	request := api.BackendRequest{Service: service, Address: address, Weight: weight, Placement: placement}
	return change[headroom.Backend](ctx, c, http.MethodPost, "/api/balancer/backends", request, how)
}

// UpdateBackend changes the weight of a backend, or drains it.
func (c *Client) UpdateBackend(ctx context.Context, id string, update headroom.BackendUpdate, how Change) (headroom.Backend, error) {
	return change[headroom.Backend](ctx, c, http.MethodPut, "/api/balancer/backends/"+url.PathEscape(id), update, how)
}

// RemoveBackend removes a backend that was added through the API.
func (c *Client) RemoveBackend(ctx context.Context, id string, how Change) error {
	return c.mutate(ctx, call{method: http.MethodDelete, path: "/api/balancer/backends/" + url.PathEscape(id)}, how, nil)
}

// Split returns how the requests of a service are shared among its variants.
func (c *Client) Split(ctx context.Context, service string) (headroom.ServiceSplit, error) {
	return get[headroom.ServiceSplit](ctx, c, splitPath(service), nil)
}

// SetSplit puts a split in the place of that of the config file, or changes weights of the one in force.
func (c *Client) SetSplit(ctx context.Context, service string, update headroom.SplitUpdate, how Change) (headroom.ServiceSplit, error) {
	var request any = map[string]any{"weights": update.Weights}
	if update.Split != nil {
		request = update.Split
	}
	return change[headroom.ServiceSplit](ctx, c, http.MethodPut, splitPath(service), request, how)
}

// ResetSplit has the split of the config file in force again.
func (c *Client) ResetSplit(ctx context.Context, service string, how Change) error {
	return c.mutate(ctx, call{method: http.MethodDelete, path: splitPath(service)}, how, nil)
}

// Routes returns the routes of a service.
func (c *Client) Routes(ctx context.Context, service string) (headroom.ServiceRoutes, error) {
	return get[headroom.ServiceRoutes](ctx, c, routesPath(service), nil)
}

// SetRoutes puts routes in the place of all those of the config file.
func (c *Client) SetRoutes(ctx context.Context, service string, routes []headroom.Route, how Change) (headroom.ServiceRoutes, error) {
	request := api.RoutesRequest{Routes: append([]headroom.Route{}, routes...)}
	return change[headroom.ServiceRoutes](ctx, c, http.MethodPut, routesPath(service), request, how)
}

// ResetRoutes has the routes of the config file in force again.
func (c *Client) ResetRoutes(ctx context.Context, service string, how Change) error {
	return c.mutate(ctx, call{method: http.MethodDelete, path: routesPath(service)}, how, nil)
}

func splitPath(service string) string  { return "/api/balancer/splits/" + url.PathEscape(service) }
func routesPath(service string) string { return "/api/balancer/routes/" + url.PathEscape(service) }

// Metrics returns the key numbers of one service, or of all.
func (c *Client) Metrics(ctx context.Context, service string) ([]api.ServiceNumbers, error) {
	answer, err := get[api.MetricsAnswer](ctx, c, "/api/monitor/metrics", serviceQuery(service))
	return answer.Services, err
}

// Query evaluates PromQL at a time; the zero time is now.
func (c *Client) Query(ctx context.Context, expr string, at time.Time) (headroom.QueryResult, error) {
	query := url.Values{"query": {expr}}
	if !at.IsZero() {
		query.Set("time", at.Format(time.RFC3339Nano))
	}
	return c.query(ctx, query)
}

// QueryRange evaluates PromQL over a range. A step of zero leaves its choice to the API.
func (c *Client) QueryRange(ctx context.Context, expr string, from, to time.Time, step time.Duration) (headroom.QueryResult, error) {
	query := url.Values{"query": {expr}, "from": {from.Format(time.RFC3339Nano)}, "to": {to.Format(time.RFC3339Nano)}}
	if step > 0 {
		query.Set("step", step.String())
	}
	return c.query(ctx, query)
}

func (c *Client) query(ctx context.Context, query url.Values) (headroom.QueryResult, error) {
	answer, err := get[api.MetricsAnswer](ctx, c, "/api/monitor/metrics", query)
	if err != nil || answer.Result == nil {
		return headroom.QueryResult{}, err
	}
	return *answer.Result, nil
}

// Health returns how headroom's own parts are.
func (c *Client) Health(ctx context.Context) (api.HealthAnswer, error) {
	return get[api.HealthAnswer](ctx, c, "/api/monitor/health", nil)
}

// Ready returns nil where every part of headroom is healthy, and an *Error with the reasons otherwise.
func (c *Client) Ready(ctx context.Context) error {
	_, err := get[api.Readiness](ctx, c, "/readyz", nil)
	return err
}

// Alerts returns the alerts there are and the rules they come from.
func (c *Client) Alerts(ctx context.Context) (api.AlertList, error) {
	return get[api.AlertList](ctx, c, "/api/monitor/alerts", nil)
}

// AddAlertRule makes an alert rule.
func (c *Client) AddAlertRule(ctx context.Context, rule headroom.AlertRule, dryRun bool) (headroom.AlertRule, error) {
	return change[headroom.AlertRule](ctx, c, http.MethodPost, "/api/monitor/alerts", api.AlertRuleRequest(rule), Change{DryRun: dryRun})
}

// SLA returns how one service, or all, keep their promises.
func (c *Client) SLA(ctx context.Context, service string) ([]headroom.SLAReport, error) {
	answer, err := get[api.SLAList](ctx, c, "/api/monitor/sla", serviceQuery(service))
	return answer.Reports, err
}

// Operations returns the newest operations, newest first; only those that have not ended where open.
func (c *Client) Operations(ctx context.Context, options ListOptions, open bool) ([]headroom.Operation, error) {
	query := options.query()
	if open {
		query.Set("open", "true")
	}
	answer, err := get[api.OperationList](ctx, c, "/api/operations", query)
	return answer.Operations, err
}

// Audit returns the newest records of the audit log, newest first.
func (c *Client) Audit(ctx context.Context, options ListOptions) ([]api.AuditEntry, error) {
	answer, err := get[api.AuditList](ctx, c, "/api/audit", options.query())
	return answer.Records, err
}

// Logs returns the last lines of a replica's output, oldest first; 100 where lines is zero.
func (c *Client) Logs(ctx context.Context, service, replica string, lines int) ([]string, error) {
	query := url.Values{}
	if lines > 0 {
		query.Set("lines", strconv.Itoa(lines))
	}
	answer, err := get[api.LogLines](ctx, c, "/api/services/"+url.PathEscape(service)+"/replicas/"+url.PathEscape(replica)+"/logs", query)
	return answer.Lines, err
}

// Stop stops headroom and every replica.
func (c *Client) Stop(ctx context.Context, dryRun bool) error {
	return c.mutate(ctx, call{method: http.MethodPost, path: "/api/stop"}, Change{DryRun: dryRun}, nil)
}
