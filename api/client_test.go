package api_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/api"
	"headroom.dev/headroom/api/client"
	"headroom.dev/headroom/scaling/record"
)

func connect(t *testing.T, handler http.Handler, token string) *client.Client {
	t.Helper()
	server := httptest.NewServer(handler)
	c, err := client.New(server.URL, token)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); server.Close() })
	return c
}

// need fails the test where a call failed.
func need[T any](t *testing.T) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func TestTheClientCallsEveryEndpoint(t *testing.T) {
	world := api.NewTestAPI(t, "a-token")
	c, ctx := connect(t, world.Handler(), "a-token"), t.Context()

	if services := need[[]headroom.ServiceStatus](t)(c.Status(ctx, "shop")); len(services) != 1 || services[0].Name != "shop" {
		t.Errorf("status is %+v", services)
	}
	order := headroom.ScaleOrder{Service: "shop", Replicas: 5, For: headroom.Duration(10 * time.Minute), Reason: "sale"}
	if decision := need[headroom.Decision](t)(c.Scale(ctx, order, true)); decision.To != 5 || world.Scaled() != 0 {
		t.Errorf("the dry run decided %+v and scaled %d times", decision, world.Scaled())
	}
	if decision := need[headroom.Decision](t)(c.Scale(ctx, order, false)); decision.To != 5 || world.Scaled() != 1 {
		t.Errorf("decided %+v, scaled %d times", decision, world.Scaled())
	}

	terms := headroom.ScalingPolicy{Name: "p", Metric: headroom.MetricCPU, Threshold: 70, Action: headroom.ActionScaleUp}
	policy := need[api.PolicyAnswer](t)(c.CreatePolicy(ctx, "shop", terms, nil, false))
	terms.Step = 3
	if changed := need[api.PolicyAnswer](t)(c.UpdatePolicy(ctx, policy.ID, terms, nil, false)); policy.Step != 1 || changed.Step != 3 {
		t.Errorf("policy %+v was changed to %+v", policy, changed)
	}
	if policies := need[[]headroom.Policy](t)(c.Policies(ctx, "")); len(policies) != 2 {
		t.Errorf("policies are %+v", policies)
	}

	backend := need[headroom.Backend](t)(c.AddBackend(ctx, "shop", "127.0.0.1:9001", new(0), headroom.Placement{Zone: "a"}, client.Change{}))
	if changed := need[headroom.Backend](t)(c.UpdateBackend(ctx, backend.ID, headroom.BackendUpdate{Weight: new(7)}, client.Change{})); backend.Weight != 0 || changed.Weight != 7 {
		t.Errorf("backend %+v was changed to %+v", backend, changed)
	}
	if backends := need[[]headroom.BackendStatus](t)(c.Backends(ctx, "shop")); len(backends) != 2 {
		t.Errorf("backends are %+v", backends)
	}
	if err := c.RemoveBackend(ctx, backend.ID, client.Change{}); err != nil {
		t.Error(err)
	}
	if balancer := need[headroom.BalancerStatus](t)(c.Balancer(ctx)); !balancer.Connected {
		t.Errorf("balancer is %+v", balancer)
	}

	if numbers := need[[]api.ServiceNumbers](t)(c.Metrics(ctx, "")); len(numbers) != 1 {
		t.Errorf("metrics are %+v", numbers)
	}
	at := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	if result := need[headroom.QueryResult](t)(c.Query(ctx, "up", at)); !result.Series[0].Points[0].At.Equal(at) {
		t.Errorf("queried %+v", result)
	}
	if result := need[headroom.QueryResult](t)(c.QueryRange(ctx, "up", at, at.Add(time.Minute), 20*time.Second)); len(result.Series[0].Points) != 4 {
		t.Errorf("queried %+v", result)
	}
	need[headroom.AlertRule](t)(c.AddAlertRule(ctx, headroom.AlertRule{Name: "Busy", Expr: "up", For: headroom.Duration(time.Minute)}, false))
	if alerts := need[api.AlertList](t)(c.Alerts(ctx)); len(alerts.Rules) != 1 {
		t.Errorf("alerts are %+v", alerts)
	}
	if reports := need[[]headroom.SLAReport](t)(c.SLA(ctx, "shop")); len(reports) != 1 {
		t.Errorf("reports are %+v", reports)
	}
	if health := need[api.HealthAnswer](t)(c.Health(ctx)); !health.Healthy || c.Ready(ctx) != nil {
		t.Errorf("health is %+v", health)
	}

	world.Append(headroom.EntryDecision, "d1", headroom.Decision{ID: "d1", Service: "shop", From: 2, To: 3})
	world.Append(headroom.EntryOperation, "o1", headroom.Operation{ID: "o1", Service: "shop", State: headroom.OperationPlanned})
	world.Append(headroom.EntryEvent, "", headroom.Event{Type: "scaled"})
	if decisions := need[[]record.Listed](t)(c.Decisions(ctx, client.ListOptions{Service: "shop", Limit: 5, Since: "1h"}, true)); len(decisions) != 1 {
		t.Errorf("decisions are %+v", decisions)
	}
	if decision := need[headroom.Decision](t)(c.Decision(ctx, "d1")); decision.ID != "d1" {
		t.Errorf("decision is %+v", decision)
	}
	if text := need[string](t)(c.Explain(ctx, "d1")); !strings.Contains(text, "shop") {
		t.Errorf("explained as %q", text)
	}
	if operations := need[[]headroom.Operation](t)(c.Operations(ctx, client.ListOptions{}, true)); len(operations) != 1 {
		t.Errorf("operations are %+v", operations)
	}
	if events := need[[]headroom.Entry](t)(c.Events(ctx, client.EventOptions{Limit: 10})); len(events) != 1 {
		t.Errorf("events are %+v", events)
	}
	if lines := need[[]string](t)(c.Logs(ctx, "shop", "shop-1", 1)); !slices.Equal(lines, []string{"three"}) {
		t.Errorf("lines are %q", lines)
	}
	if err := c.Stop(ctx, false); err != nil || !world.Stopped() {
		t.Errorf("stop: %v, stopped %v", err, world.Stopped())
	}
	// scale (twice), policies (twice), backends (three times), the rule and stop
	if records := need[[]api.AuditEntry](t)(c.Audit(ctx, client.ListOptions{Limit: 100})); len(records) != 9 {
		t.Errorf("the audit log has %d records: %+v", len(records), records)
	}
}

func TestTheClientSaysWhatIsWrongAndWhatToDo(t *testing.T) {
	world := api.NewTestAPI(t, "a-token")
	_, err := connect(t, world.Handler(), "a-token").Status(t.Context(), "shap")
	var refused *client.Error
	if !errors.As(err, &refused) || refused.Status != http.StatusNotFound || refused.Code != "unknown-name" ||
		refused.Error() != `there is no service "shap"; there is shop` || refused.Hint() == "" {
		t.Errorf("got %v", err)
	}
	_, err = connect(t, world.Handler(), "wrong").Status(t.Context(), "")
	if !errors.As(err, &refused) || refused.Status != http.StatusUnauthorized {
		t.Errorf("got %v", err)
	}
}

func TestTheClientFollowsEventsOverLostConnectionsWithoutAGap(t *testing.T) {
	world := api.NewTestAPI(t, "")
	var connections atomic.Int32
	// Every connection is cut after a while: the first before any entry has come.
	cut := make(chan struct{}, 1)
	c := connect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		if connections.Add(1) < 4 {
			go func() {
				select {
				case <-cut:
					cancel()
				case <-ctx.Done():
				}
			}()
		}
		world.Handler().ServeHTTP(w, r.WithContext(ctx))
	}), "")
	world.Append(headroom.EntryEvent, "", headroom.Event{Type: "before"}) // 1

	lost := make(chan struct{}, 10)
	seen := make(chan uint64, 100)
	ended := make(chan error, 1)
	enough := errors.New("enough")
	go func() {
		ended <- c.Follow(t.Context(), client.EventOptions{Lost: func(error, time.Duration) { lost <- struct{}{} }}, func(entry headroom.Entry) error {
			seen <- entry.Seq
			if entry.Seq == 6 {
				return enough
			}
			return nil
		})
	}()
	api.WaitUntil(t, "a stream", func() bool { return world.Streams() == 1 })
	cut <- struct{}{}
	<-lost
	world.Append(headroom.EntryEvent, "", headroom.Event{Type: "while away"}) // 2
	world.Append(headroom.EntryEvent, "", headroom.Event{Type: "while away"}) // 3
	for _, want := range []uint64{2, 3} {
		if got := <-seen; got != want {
			t.Fatalf("got entry %d, not %d", got, want)
		}
	}
	cut <- struct{}{}
	<-lost
	for range 3 {
		world.Append(headroom.EntryEvent, "", headroom.Event{Type: "while away"}) // 4, 5, 6
	}
	for _, want := range []uint64{4, 5, 6} {
		if got := <-seen; got != want {
			t.Fatalf("got entry %d, not %d", got, want)
		}
	}
	if err := <-ended; !errors.Is(err, enough) {
		t.Errorf("follow ended with %v", err)
	}
}

func TestTheClientEndsAStreamWithItsContextOrARefusal(t *testing.T) {
	world := api.NewTestAPI(t, "")
	c := connect(t, world.Handler(), "")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- c.Follow(ctx, client.EventOptions{}, func(headroom.Entry) error { return fmt.Errorf("unexpected") })
	}()
	api.WaitUntil(t, "a stream", func() bool { return world.Streams() == 1 })
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("ended with %v", err)
	}
	var refused *client.Error
	err := c.Follow(t.Context(), client.EventOptions{Kinds: []headroom.EntryKind{"gossip"}}, nil)
	if !errors.As(err, &refused) || refused.Status != http.StatusUnprocessableEntity {
		t.Errorf("refused with %v", err)
	}
}
