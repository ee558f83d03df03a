// Package api is headroom's HTTP API: REST with JSON bodies, an OpenAPI 3.1 description, server-sent events and
// errors as application/problem+json. It holds no state of its own: it asks a [Control] (the scaler), a [Monitor] and
// the store, and writes the audit log.
//
// Every mutation takes an Idempotency-Key and dryRun=true; see mutation.go for what is recorded when.
package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/scaling/record"
)

// Control is what the API asks of the scaler. Errors that it tells apart: *headroom.InvalidError (answered 422),
// *headroom.UnknownNameError (404), *headroom.ConflictError (409), *headroom.ChangedError (412) and ErrUnavailable (503); any other is answered 500.
// Implementations are safe for concurrent use.
type Control interface {
	// Status returns what there is to know of one service, or of all where the name is empty.
	Status(service string) ([]headroom.ServiceStatus, error)
	// Gathered returns the decisions that changed nothing and are not in the journal yet, newest first: of one service, or of
	// all where the name is empty.
	Gathered(service string) []record.Record
	Scale(ctx context.Context, order headroom.ScaleOrder, change headroom.Change) (headroom.Decision, error)

	Policies(service string) ([]headroom.Policy, error)
	CreatePolicy(ctx context.Context, policy headroom.Policy, change headroom.Change) (headroom.Policy, error)
	UpdatePolicy(ctx context.Context, id string, policy headroom.ScalingPolicy, change headroom.Change) (headroom.Policy, error)
	RemovePolicy(ctx context.Context, id string, change headroom.Change) error

	Balancer() headroom.BalancerStatus
	Backends(service string) ([]headroom.BackendStatus, error)
	// AddBackend is given Service, Address and Weight; it answers with the ID.
	AddBackend(ctx context.Context, backend headroom.Backend, change headroom.Change) (headroom.Backend, error)
	UpdateBackend(ctx context.Context, id string, update headroom.BackendUpdate, change headroom.Change) (headroom.Backend, error)
	RemoveBackend(ctx context.Context, id string, change headroom.Change) error

	Split(service string) (headroom.ServiceSplit, error)
	SetSplit(ctx context.Context, service string, update headroom.SplitUpdate, change headroom.Change) (headroom.ServiceSplit, error)
	ResetSplit(ctx context.Context, service string, change headroom.Change) error
	Routes(service string) (headroom.ServiceRoutes, error)
	SetRoutes(ctx context.Context, service string, routes []headroom.Route, change headroom.Change) (headroom.ServiceRoutes, error)
	ResetRoutes(ctx context.Context, service string, change headroom.Change) error

	Logs(ctx context.Context, service, replica string, lines int) ([]string, error)
	// Stop begins to stop headroom and every replica.
	Stop(ctx context.Context, change headroom.Change) error
	Health() []headroom.ComponentHealth
}

// Monitor is what the API asks of the monitor. ErrUnavailable (503) where it cannot be reached, *headroom.InvalidError
// for an expression that is not PromQL. Implementations are safe for concurrent use.
type Monitor interface {
	Query(ctx context.Context, expr string, at time.Time) (headroom.QueryResult, error)
	QueryRange(ctx context.Context, expr string, from, to time.Time, step time.Duration) (headroom.QueryResult, error)
	Alerts(ctx context.Context) ([]headroom.Alert, []headroom.AlertRule, error)
	AddAlertRule(ctx context.Context, rule headroom.AlertRule, change headroom.Change) (headroom.AlertRule, error)
	// Push takes values of metrics that others send: all of them, or none.
	Push(ctx context.Context, values []headroom.PushedValue, change headroom.Change) error
	// SLA reports on one service, or on all where the name is empty.
	SLA(ctx context.Context, service string) ([]headroom.SLAReport, error)
	// WriteMetrics answers with all current metrics in the Prometheus exposition format.
	WriteMetrics(w http.ResponseWriter, r *http.Request)
}

// Events says when there is something new in the journal.
type Events interface {
	// Subscribe returns a channel of journal entries. The publisher never blocks on it: it drops what does not fit. That
	// loses nothing, since an entry on the channel only says that the journal has grown. Closing the channel ends the
	// streams that listen to it. cancel may be called more than once.
	Subscribe() (entries <-chan headroom.Entry, cancel func())
}

// ErrUnavailable means that a part of headroom which is needed for the answer cannot be reached now.
var ErrUnavailable = errors.New("this part of headroom cannot be reached now")
