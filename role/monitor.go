package role

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/control"
	"headroom.dev/headroom/link"
	"headroom.dev/headroom/monitoring/alert"
	"headroom.dev/headroom/monitoring/metrics"
	"headroom.dev/headroom/store/bolt"
)

// Monitor is the role that keeps the measurements, judges objectives and raises alerts.
type Monitor struct {
	// AlertChanges is every alert as it begins to fire and as it is resolved.
	AlertChanges link.Feed[headroom.Alert]

	store    *metrics.Store
	recorder *metrics.Recorder
	alerts   *alert.Runner
	state    *bolt.Store
	promises *promises
	log      *slog.Logger

	mu     sync.Mutex // guards all below
	config headroom.Config
	made   []headroom.AlertRule // through the API
}

// NewMonitor opens the measurements of the state directory.
func NewMonitor(config headroom.Config, version string, log *slog.Logger) (*Monitor, error) {
	store, err := metrics.Open(metrics.Options{
		Dir: filepath.Join(config.State.Dir, "metrics"), Logger: log,
		Retention: time.Duration(config.Monitoring.Retention), MaxBytes: int64(config.Monitoring.MaxSize),
	})
	if err != nil {
		return nil, err
	}
	m := &Monitor{
		store: store, recorder: metrics.NewRecorder(metrics.RecorderOptions{Store: store, Version: version, Logger: log}),
		log: log, config: config,
	}
	// An alert is told once, also to a scaler that restarts; a storm of them fits.
	m.AlertChanges.Fleeting, m.AlertChanges.Buffer = true, 256
	if m.state, err = bolt.Open(filepath.Join(config.State.Dir, "monitor.db"), bolt.Options{Logger: log}); err != nil {
		return m, err
	}
	if m.promises, err = openPromises(m.state); err != nil {
		return m, err
	}
	m.alerts = alert.NewRunner(alert.Options{Querier: store, Rules: m.rules(), Logger: log, OnChange: m.AlertChanges.Publish})
	return m, nil
}

// rules lists the alert rules in force: the built-in ones, those of the config file and those made through the API. Of
// two with one name the later counts, so that a user can replace a built-in one.
func (m *Monitor) rules() []headroom.AlertRule {
	rules := append(alert.Builtin(), m.config.Monitoring.Alerts...)
	return append(rules, m.made...)
}

// Apply makes a configuration the one in force.
func (m *Monitor) Apply(config headroom.Config) error {
	for i, rule := range config.Monitoring.Alerts {
		if err := alert.Check(rule, fmt.Sprintf("monitoring.alerts[%d]", i), metrics.CheckQuery); err != nil {
			return err
		}
	}
	m.mu.Lock()
	m.config = config
	rules := m.rules()
	m.mu.Unlock()
	m.alerts.SetRules(rules)
	return nil
}

// Ruled takes the alert rules that were made through the API.
func (m *Monitor) Ruled(made []headroom.AlertRule) {
	m.mu.Lock()
	m.made = made
	rules := m.rules()
	m.mu.Unlock()
	m.alerts.SetRules(rules)
}

// Measured records what a balancer saw in a second.
func (m *Monitor) Measured(measurement headroom.Measurement) {
	m.recorder.RecordMeasurement(measurement)
	m.promises.add(measurement, m.services())
}

func (m *Monitor) services() map[string]headroom.Service {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.config.Services
}

// Reported records what the scaler knows of the replicas.
func (m *Monitor) Reported(report control.Report) {
	m.recorder.RecordUsage(report.At, report.Usage)
	replicas := make([]metrics.Replicas, len(report.Services))
	for i, service := range report.Services {
		replicas[i] = metrics.Replicas{
			Service: service.Service, Desired: service.Desired, Ready: service.Ready, Starting: service.Starting,
			Min: service.Min, Max: service.Max, Unlimited: service.Unlimited,
		}
		for _, proposal := range service.Policies {
			replicas[i].Proposals = append(replicas[i].Proposals, metrics.Proposal(proposal))
		}
	}
	m.recorder.RecordReplicas(report.At, replicas)
	m.recorder.RecordLateness(report.At, report.Lateness)
}

// saveEvery is how often what objectives are judged by is stored: a crash loses at most this much of a month.
const saveEvery = 10 * time.Second

// run evaluates the alert rules, and keeps what objectives are judged by, until the context ends.
func (m *Monitor) run(ctx context.Context) {
	var tasks sync.WaitGroup
	tasks.Go(func() { m.alerts.Run(ctx) })
	defer tasks.Wait()
	ticker := time.NewTicker(saveEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			m.save()
		}
	}
}

func (m *Monitor) save() {
	if err := m.promises.save(time.Now(), m.services()); err != nil {
		m.log.Warn("cannot store what objectives are judged by; trying again soon", "error", err)
	}
}

// Query answers a PromQL query at one time.
func (m *Monitor) Query(ctx context.Context, expr string, at time.Time) (headroom.QueryResult, error) {
	result, err := m.store.Query(ctx, expr, at)
	return result, queryError(expr, err)
}

// QueryRange answers a PromQL query over a range of time.
func (m *Monitor) QueryRange(ctx context.Context, expr string, from, to time.Time, step time.Duration) (headroom.QueryResult, error) {
	result, err := m.store.QueryRange(ctx, expr, from, to, step)
	return result, queryError(expr, err)
}

// queryError makes the asker's mistakes an InvalidError; the store's own failures stay what they are.
func queryError(expr string, err error) error {
	var failed *metrics.QueryError
	if errors.As(err, &failed) && failed.Kind != metrics.Failed {
		return &headroom.InvalidError{Field: "query", Value: expr, Expected: failed.Error()}
	}
	return err
}

// Alerts lists the alerts that hold or held lately, and the rules in force.
func (m *Monitor) Alerts(context.Context) ([]headroom.Alert, []headroom.AlertRule, error) {
	var rules []headroom.AlertRule
	for _, status := range m.alerts.Rules() {
		rules = append(rules, status.Rule)
	}
	return append(m.alerts.Active(), m.alerts.History()...), rules, nil
}

// CheckRule says what is wrong with an alert rule.
func (m *Monitor) CheckRule(_ context.Context, rule headroom.AlertRule) error {
	return alert.Check(rule, "", metrics.CheckQuery)
}

// SLA says how a service, or each where the name is empty, kept its promise.
func (m *Monitor) SLA(_ context.Context, service string) ([]headroom.SLAReport, error) {
	return m.promises.reports(service, m.services(), time.Now())
}

// WriteMetrics answers with all current metrics in the Prometheus exposition format.
func (m *Monitor) WriteMetrics(w http.ResponseWriter, r *http.Request) {
	m.recorder.Handler().ServeHTTP(w, r)
}

func (m *Monitor) close() error {
	var errs []error
	if m.promises != nil {
		m.save()
	}
	if m.state != nil {
		errs = append(errs, m.state.Close())
	}
	return errors.Join(append(errs, m.store.Close())...)
}
