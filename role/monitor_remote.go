package role

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/api"
	"headroom.dev/headroom/link"
	"headroom.dev/headroom/monitoring/source"
)

// reader is what the scaler's API asks of the monitor, in this process or in its own.
type reader interface {
	Query(ctx context.Context, expr string, at time.Time) (headroom.QueryResult, error)
	QueryRange(ctx context.Context, expr string, from, to time.Time, step time.Duration) (headroom.QueryResult, error)
	Alerts(ctx context.Context) ([]headroom.Alert, []headroom.AlertRule, error)
	CheckRule(ctx context.Context, rule headroom.AlertRule) error
	SLA(ctx context.Context, service string) ([]headroom.SLAReport, error)
	WriteMetrics(w http.ResponseWriter, r *http.Request)
}

// remoteMonitor is the monitor in another process.
type remoteMonitor struct{ client *http.Client }

func monitorClient(stateDir string) reader {
	return remoteMonitor{client: link.Client(link.SocketFile(stateDir, monitorName))}
}

type queryRequest struct {
	Expr string        `json:"expr"`
	At   time.Time     `json:"at,omitzero"`
	From time.Time     `json:"from,omitzero"`
	To   time.Time     `json:"to,omitzero"`
	Step time.Duration `json:"step,omitempty"`
}

type alertsAnswer struct {
	Alerts []headroom.Alert     `json:"alerts"`
	Rules  []headroom.AlertRule `json:"rules"`
}

type slaRequest struct {
	Service string `json:"service"`
}

func (m remoteMonitor) Query(ctx context.Context, expr string, at time.Time) (result headroom.QueryResult, err error) {
	err = m.call(ctx, "/query", queryRequest{Expr: expr, At: at}, &result)
	return result, err
}

func (m remoteMonitor) QueryRange(ctx context.Context, expr string, from, to time.Time, step time.Duration) (result headroom.QueryResult, err error) {
	err = m.call(ctx, "/query-range", queryRequest{Expr: expr, From: from, To: to, Step: step}, &result)
	return result, err
}

func (m remoteMonitor) Alerts(ctx context.Context) ([]headroom.Alert, []headroom.AlertRule, error) {
	var answer alertsAnswer
	err := m.call(ctx, "/alert-list", struct{}{}, &answer)
	return answer.Alerts, answer.Rules, err
}

func (m remoteMonitor) CheckRule(ctx context.Context, rule headroom.AlertRule) error {
	return m.call(ctx, "/check-rule", rule, nil)
}

func (m remoteMonitor) SLA(ctx context.Context, service string) (reports []headroom.SLAReport, err error) {
	err = m.call(ctx, "/sla", slaRequest{Service: service}, &reports)
	return reports, err
}

// WriteMetrics hands on the monitor's exposition.
func (m remoteMonitor) WriteMetrics(w http.ResponseWriter, r *http.Request) {
	request, err := http.NewRequestWithContext(r.Context(), http.MethodGet, "http://role/metrics", nil)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	request.Header.Set("Accept", r.Header.Get("Accept"))
	response, err := m.client.Do(request)
	if err != nil {
		http.Error(w, "the monitor cannot be reached: is headroom monitor running?", http.StatusServiceUnavailable)
		return
	}
	defer response.Body.Close()
	w.Header().Set("Content-Type", response.Header.Get("Content-Type"))
	w.WriteHeader(response.StatusCode)
	_, _ = io.Copy(w, response.Body) // a failure means that the scraper is gone
}

// call tells a question that the monitor refused, or failed to answer, from a monitor that is away.
func (m remoteMonitor) call(ctx context.Context, path string, request, answer any) error {
	err := link.Call(ctx, m.client, path, request, answer)
	var refusal *link.Refusal
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refusal):
		return err
	default:
		return fmt.Errorf("the monitor: %w (%w)", api.ErrUnavailable, err)
	}
}

// apiMonitor is what the API gets: reading is the monitor's, making rules and taking values are the scaler's.
type apiMonitor struct {
	reader
	addRule func(headroom.AlertRule, headroom.Change) error
	poller  *source.Poller
}

// AddAlertRule checks a rule, stores it and hands it to the monitor.
func (m apiMonitor) AddAlertRule(ctx context.Context, rule headroom.AlertRule, change headroom.Change) (headroom.AlertRule, error) {
	_, rules, err := m.Alerts(ctx)
	if err != nil {
		return rule, err
	}
	for _, other := range rules {
		if other.Name == rule.Name {
			return rule, &headroom.ConflictError{Reason: fmt.Sprintf("there is an alert rule %q already: choose another name", rule.Name)}
		}
	}
	if err := m.CheckRule(ctx, rule); err != nil {
		return rule, err
	}
	if change.DryRun {
		return rule, nil
	}
	return rule, m.addRule(rule, change)
}
