package api

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"headroom.dev/headroom"
)

// MetricsAnswer holds the key numbers of services, or the result of a query.
type MetricsAnswer struct {
	At       time.Time             `json:"at"`
	Services []ServiceNumbers      `json:"services,omitempty" doc:"without a query"`
	Query    string                `json:"query,omitempty" doc:"as given"`
	Result   *headroom.QueryResult `json:"result,omitempty" doc:"of the query"`
}

// ServiceNumbers is what a service does now. A number that is not known is null.
type ServiceNumbers struct {
	Service           string             `json:"service"`
	DesiredReplicas   int                `json:"desiredReplicas"`
	ReadyReplicas     *int               `json:"readyReplicas"`
	RequestsPerSecond *float64           `json:"requestsPerSecond" doc:"of the last second, as are the other numbers of traffic"`
	FailedPerSecond   *float64           `json:"failedPerSecond"`
	InFlight          *int64             `json:"inFlight" doc:"requests being served at once"`
	LatencyP50        *headroom.Duration `json:"latencyP50"`
	LatencyP95        *headroom.Duration `json:"latencyP95"`
	LatencyP99        *headroom.Duration `json:"latencyP99"`
	CPU               *float64           `json:"cpu" doc:"mean of the replicas, percent of run.cpu"`
	Memory            *float64           `json:"memory" doc:"mean of the replicas, percent of run.memory"`
}

// HealthAnswer is how headroom's own parts are.
type HealthAnswer struct {
	Healthy    bool                       `json:"healthy" doc:"whether every part is"`
	Version    string                     `json:"version"`
	Components []headroom.ComponentHealth `json:"components" nullable:"false"`
}

// AlertList is the alerts there are, and the rules they come from.
type AlertList struct {
	Alerts []headroom.Alert     `json:"alerts" nullable:"false"`
	Rules  []headroom.AlertRule `json:"rules" nullable:"false"`
}

// AlertRuleRequest makes an alert rule.
type AlertRuleRequest struct {
	Name     string            `json:"name" minLength:"1" maxLength:"200" doc:"unique among the rules" example:"HighErrorShare"`
	Expr     string            `json:"expr" minLength:"1" maxLength:"10000" doc:"PromQL; each series of its result is one alert" example:"headroom_requests_in_flight > 100"`
	For      headroom.Duration `json:"for,omitempty" doc:"how long it must hold before the alert fires; 0s where not given" example:"1m"`
	Severity string            `json:"severity,omitempty" default:"warning" enum:"info,warning,critical" doc:"how urgent it is"`
	Summary  string            `json:"summary,omitempty" maxLength:"1000" doc:"one sentence for whoever is called" example:"too many requests at once"`
}

// SLAList is how services keep their promises.
type SLAList struct {
	Reports []headroom.SLAReport `json:"reports" nullable:"false"`
}

// queryTimeout bounds one PromQL query; Prometheus allows 2 min, ours has a day of data rather than weeks.
const queryTimeout = 30 * time.Second

func (s *server) registerMonitor(api huma.API) {
	register(s, api, operation{
		method: http.MethodGet, path: "/api/monitor/metrics", id: "get-metrics", tag: tagMonitor,
		summary:     "Key numbers of each service, or a PromQL query",
		description: "With query alone or with time: the value at that time. With from (and to and step): the values over that range.",
		response:    exampleMetrics(), problems: []string{"unavailable", "unknown-name"},
	}, s.metrics)
	s.registerPush(api)
	register(s, api, operation{
		method: http.MethodGet, path: "/api/monitor/health", id: "get-health", tag: tagMonitor,
		summary:     "Health of headroom's own parts",
		description: "200 also where a part is not healthy; /readyz answers with the status instead.",
		response:    HealthAnswer{Healthy: true, Version: "0.1.0", Components: []headroom.ComponentHealth{exampleComponent()}},
	}, func(context.Context, *struct{}) (*body[HealthAnswer], error) {
		answer := HealthAnswer{Healthy: true, Version: s.version, Components: list(s.control.Health())}
		for _, component := range answer.Components {
			answer.Healthy = answer.Healthy && component.Healthy
		}
		return &body[HealthAnswer]{answer}, nil
	})
	register(s, api, operation{
		method: http.MethodGet, path: "/api/monitor/alerts", id: "list-alerts", tag: tagMonitor,
		summary:     "Alerts and alert rules",
		description: "Alerts that are pending, firing, or resolved a short time ago; built-in rules, those of the config and those made through the API.",
		response:    AlertList{[]headroom.Alert{exampleAlert()}, []headroom.AlertRule{exampleAlertRule()}}, problems: []string{"unavailable"},
	}, s.alerts)
	register(s, api, operation{
		method: http.MethodPost, path: "/api/monitor/alerts", id: "create-alert-rule", tag: tagMonitor, status: http.StatusCreated,
		summary:     "Make an alert rule",
		description: "Each series that its expression gives is one alert, which fires once it has held for the given time.",
		request:     exampleAlertRule(), response: exampleAlertRule(),
	}, s.addAlertRule)
	register(s, api, operation{
		method: http.MethodGet, path: "/api/monitor/sla", id: "list-sla-reports", tag: tagMonitor,
		summary:     "How each service keeps its promise",
		description: "Over the rolling window of its objective; covered says for which part of it there are measurements.",
		response:    SLAList{[]headroom.SLAReport{exampleSLA()}}, problems: []string{"unavailable", "unknown-name"},
	}, func(ctx context.Context, in *ServiceFilter) (*body[SLAList], error) {
		reports, err := s.monitor.SLA(ctx, in.Service)
		return &body[SLAList]{SLAList{list(reports)}}, err
	})
}

type metricsInput struct {
	ServiceFilter
	Query string `query:"query" maxLength:"10000" doc:"PromQL" example:"sum by (service) (headroom_requests_in_flight)"`
	Time  string `query:"time" maxLength:"64" doc:"of the value: RFC 3339 or Unix seconds; now where not given"`
	From  string `query:"from" maxLength:"64" doc:"start of a range: RFC 3339 or Unix seconds"`
	To    string `query:"to" maxLength:"64" doc:"end of a range; now where not given"`
	Step  string `query:"step" maxLength:"64" doc:"between the values of a range, such as 15s; a 250th of the range, at least 1s, where not given" example:"15s"`
}

func (s *server) metrics(ctx context.Context, in *metricsInput) (*body[MetricsAnswer], error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	now := s.now()
	if in.Query == "" {
		if in.Time+in.From+in.To+in.Step != "" {
			return nil, &headroom.InvalidError{Field: "query.query", Expected: "time, from, to and step need a query"}
		}
		services, err := s.keyNumbers(in.Service)
		return &body[MetricsAnswer]{MetricsAnswer{At: now, Services: services}}, err
	}
	if in.Service != "" {
		return nil, &headroom.InvalidError{Field: "query.service", Value: clip(in.Service),
			Expected: `a query selects by itself, such as headroom_requests_in_flight{service="shop"}: leave service out`}
	}
	var result headroom.QueryResult
	var err error
	if in.From == "" {
		result, err = s.queryAt(ctx, in, now)
	} else {
		result, err = s.queryRange(ctx, in, now)
	}
	result.Series = list(result.Series)
	return &body[MetricsAnswer]{MetricsAnswer{At: now, Query: in.Query, Result: &result}}, located("query", err)
}

func (s *server) queryAt(ctx context.Context, in *metricsInput, now time.Time) (headroom.QueryResult, error) {
	if in.To+in.Step != "" {
		return headroom.QueryResult{}, &headroom.InvalidError{Field: "query.from", Expected: "to and step need from, the start of the range"}
	}
	at, err := parseTime("query.time", in.Time, now)
	if err != nil {
		return headroom.QueryResult{}, err
	}
	return s.monitor.Query(ctx, in.Query, at)
}

func (s *server) queryRange(ctx context.Context, in *metricsInput, now time.Time) (headroom.QueryResult, error) {
	none := headroom.QueryResult{}
	if in.Time != "" {
		return none, &headroom.InvalidError{Field: "query.time", Value: clip(in.Time), Expected: "give either time, or from and to"}
	}
	from, err := parseTime("query.from", in.From, now)
	if err != nil {
		return none, err
	}
	to, err := parseTime("query.to", in.To, now)
	if err != nil {
		return none, err
	}
	if to.Before(from) {
		return none, &headroom.InvalidError{Field: "query.to", Value: clip(in.To), Expected: "must not be before from"}
	}
	step, err := rangeStep(in.Step, to.Sub(from))
	if err != nil {
		return none, err
	}
	return s.monitor.QueryRange(ctx, in.Query, from, to, step)
}

// rangeStep reads a step, or chooses one. As with Prometheus a series has at most 11 000 points.
func rangeStep(text string, length time.Duration) (time.Duration, error) {
	const points, most = 250, 11_000
	if text == "" {
		return max(length/points, time.Second).Truncate(time.Second), nil
	}
	step, err := headroom.ParseDuration(text)
	if err != nil || step <= 0 {
		return 0, &headroom.InvalidError{Field: "query.step", Value: clip(text), Expected: `expected a duration above zero, such as "15s"`}
	}
	if length/time.Duration(step) > most {
		return 0, &headroom.InvalidError{Field: "query.step", Value: text,
			Expected: fmt.Sprintf("gives more than %d points: take %s or more", most, headroom.Duration((length/most + time.Second).Truncate(time.Second)))}
	}
	return time.Duration(step), nil
}

// keyNumbers joins what the scaler and the balancer know of each service now.
func (s *server) keyNumbers(service string) ([]ServiceNumbers, error) {
	services, err := s.control.Status(service)
	if err != nil {
		return nil, err
	}
	balancer := s.control.Balancer()
	traffic := map[string]headroom.ServiceTraffic{}
	if balancer.Connected { // what an absent balancer said last is not what is true now
		for _, of := range balancer.Services {
			traffic[of.Service] = of
		}
	}
	numbers := make([]ServiceNumbers, 0, len(services))
	for _, status := range services {
		line := ServiceNumbers{
			Service: status.Name, DesiredReplicas: status.DesiredReplicas, ReadyReplicas: status.ReadyReplicas,
			CPU:    status.Signals[headroom.MetricCPU].Fast.PerReplica,
			Memory: status.Signals[headroom.MetricMemory].Fast.PerReplica,
		}
		if of, ok := traffic[status.Name]; ok {
			line.RequestsPerSecond, line.FailedPerSecond, line.InFlight = &of.RequestsPerSecond, &of.FailedPerSecond, &of.InFlight
			line.LatencyP50, line.LatencyP95, line.LatencyP99 = of.LatencyP50, of.LatencyP95, of.LatencyP99
		}
		numbers = append(numbers, line)
	}
	return numbers, nil
}

func (s *server) alerts(ctx context.Context, _ *struct{}) (*body[AlertList], error) {
	alerts, rules, err := s.monitor.Alerts(ctx)
	return &body[AlertList]{AlertList{list(alerts), list(rules)}}, err
}

func (s *server) addAlertRule(ctx context.Context, in *struct {
	ChangeInput
	Body AlertRuleRequest
}) (*created[headroom.AlertRule], error) {
	rule := headroom.AlertRule(in.Body)
	if rule.Severity == "" {
		rule.Severity = "warning"
	}
	made, err := mutate(ctx, s, mutation[headroom.AlertRule]{
		object: "alert-rule/" + rule.Name, status: http.StatusCreated, location: alertRulePath,
		run: func(change headroom.Change) (headroom.AlertRule, error) {
			return s.monitor.AddAlertRule(ctx, rule, change)
		},
	})
	return &created[headroom.AlertRule]{alertRulePath(made), made}, err
}

// alertRulePath is the list that holds the rule; rules have no path of their own yet.
func alertRulePath(rule headroom.AlertRule) string {
	return "/api/monitor/alerts#" + url.PathEscape(rule.Name)
}
