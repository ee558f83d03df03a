package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/scaling/record"
)

// fakeAPI answers as a running headroom with one service that scales, shop, and one of someone else's, legacy.
type fakeAPI struct {
	*httptest.Server
	t *testing.T

	mu       sync.Mutex // guards what follows
	services []headroom.ServiceStatus
	requests []string // "POST /api/scaling/scale?dryRun=true {body}" of each request that is no GET
	token    string   // empty asks for none
	looks    int      // how often the status was asked for
	onLook   func(nth int, services []headroom.ServiceStatus)
	gone     bool // closes connections without an answer
	logs     func(replica string, nth int) []string
	logReads int
}

func newFakeAPI(t *testing.T) *fakeAPI {
	f := &fakeAPI{t: t, services: testServices()}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/scaling/status", f.status)
	mux.HandleFunc("POST /api/scaling/scale", f.accept(http.StatusAccepted, testDecision("shop-d2", 2, 5)))
	mux.HandleFunc("GET /api/scaling/policies", f.give(map[string]any{"policies": testPolicies()}))
	mux.HandleFunc("POST /api/scaling/policies", f.accept(http.StatusCreated, testPolicies()[0]))
	mux.HandleFunc("PUT /api/scaling/policies/{id}", f.accept(http.StatusOK, testPolicies()[0]))
	mux.HandleFunc("GET /api/balancer/status", f.give(testBalancer()))
	mux.HandleFunc("GET /api/balancer/backends", f.give(map[string]any{"backends": testBalancer().Services[0].Backends}))
	mux.HandleFunc("POST /api/balancer/backends", f.accept(http.StatusCreated, testBackend("shop-api-1")))
	mux.HandleFunc("PUT /api/balancer/backends/{id}", f.changeBackend)
	mux.HandleFunc("DELETE /api/balancer/backends/{id}", f.changeBackend)
	mux.HandleFunc("GET /api/balancer/splits/shop", f.give(testSplit()))
	mux.HandleFunc("PUT /api/balancer/splits/shop", f.accept(http.StatusOK, testSplit()))
	mux.HandleFunc("DELETE /api/balancer/splits/shop", f.accept(http.StatusNoContent, nil))
	mux.HandleFunc("GET /api/balancer/routes/shop", f.give(testRoutes()))
	mux.HandleFunc("PUT /api/balancer/routes/shop", f.accept(http.StatusOK, testRoutes()))
	mux.HandleFunc("GET /api/scaling/decisions", f.journal(map[string]any{"decisions": []record.Listed{{Decision: testDecision("shop-d2", 2, 5), Count: 1},
		{Decision: testDecision("shop-d1", 2, 2), Count: 18, Last: testDecision("shop-d1", 2, 2).At.Add(17 * time.Second)}}}))
	mux.HandleFunc("GET /api/scaling/decisions/{id}", f.decision)
	mux.HandleFunc("GET /api/scaling/decisions/{id}/explanation", f.explanation)
	mux.HandleFunc("GET /api/scaling/explain", f.explain)
	mux.HandleFunc("GET /api/scaling/why-not", f.explain)
	mux.HandleFunc("GET /api/events", f.events)
	mux.HandleFunc("GET /api/services/{service}/replicas/{replica}/logs", f.readLogs)
	mux.HandleFunc("POST /api/stop", f.stop)
	mux.HandleFunc("GET /api/monitor/alerts", f.give(map[string]any{"alerts": testAlerts(), "rules": []headroom.AlertRule{testAlertRule()}}))
	mux.HandleFunc("GET /api/monitor/sla", f.give(map[string]any{"reports": testReports()}))
	f.Server = httptest.NewServer(f.guard(mux))
	t.Cleanup(f.Close)
	return f
}

// environment makes commands find the fake.
func (f *fakeAPI) environment() []string { return []string{"HEADROOM_API=" + f.URL} }

func (f *fakeAPI) changes() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.requests
}

func (f *fakeAPI) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		token, gone := f.token, f.gone
		f.mu.Unlock()
		if gone {
			panic(http.ErrAbortHandler)
		}
		if token != "" && r.Header.Get("Authorization") != "Bearer "+token {
			refuse(w, http.StatusUnauthorized, "the token is missing or wrong", "send the header Authorization: Bearer TOKEN")
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (f *fakeAPI) give(answer any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if service := r.URL.Query().Get("service"); service != "" && service != "shop" && service != "legacy" {
			refuse(w, http.StatusNotFound, `there is no service "`+service+`"`, "check the name")
			return
		}
		respond(w, http.StatusOK, answer)
	}
}

// journal answers with what the journal holds of a service: nothing where there is no such service.
func (f *fakeAPI) journal(answer any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("service") == "shpo" {
			answer = map[string]any{"decisions": []headroom.Decision{}}
		}
		respond(w, http.StatusOK, answer)
	}
}

// note remembers a request that changes something.
func (f *fakeAPI) note(r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		f.t.Error(err)
	}
	if r.Header.Get("Idempotency-Key") == "" {
		f.t.Errorf("%s %s has no Idempotency-Key", r.Method, r.URL)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = append(f.requests, strings.TrimSpace(r.Method+" "+r.URL.RequestURI()+" "+string(body)))
}

func (f *fakeAPI) accept(code int, answer any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		f.note(r)
		if last := f.changes(); strings.Contains(last[len(last)-1], `"service":"shpo"`) {
			refuse(w, http.StatusNotFound, `there is no service "shpo"; there is legacy, shop`, "check the name")
			return
		}
		respond(w, code, answer)
	}
}

func (f *fakeAPI) status(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.looks++
	if f.onLook != nil {
		f.onLook(f.looks, f.services)
	}
	found := f.services
	if name := r.URL.Query().Get("service"); name != "" {
		found = nil
		for _, service := range f.services {
			if service.Name == name {
				found = append(found, service)
			}
		}
		if found == nil {
			refuse(w, http.StatusNotFound, `there is no service "`+name+`"; there is legacy, shop`, "check the name")
			return
		}
	}
	respond(w, http.StatusOK, map[string]any{"services": found})
}

func (f *fakeAPI) changeBackend(w http.ResponseWriter, r *http.Request) {
	f.note(r)
	id := r.PathValue("id")
	if id != "shop-1" && id != "shop-2" {
		refuse(w, http.StatusNotFound, `there is no backend "`+id+`"`, "check the name")
		return
	}
	if r.Method == http.MethodDelete {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	respond(w, http.StatusOK, testBackend(id))
}

func (f *fakeAPI) decision(w http.ResponseWriter, r *http.Request) {
	if id := r.PathValue("id"); id != "shop-d2" && id != "shop-d1" {
		refuse(w, http.StatusNotFound, `there is no decision "`+id+`"`, "check the name")
		return
	}
	respond(w, http.StatusOK, testDecision(r.PathValue("id"), 2, 5))
}

func (f *fakeAPI) explanation(w http.ResponseWriter, r *http.Request) {
	if id := r.PathValue("id"); id != "shop-d2" && id != "shop-d1" {
		refuse(w, http.StatusNotFound, `there is no decision "`+id+`"`, "check the name")
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, "Decision "+r.PathValue("id")+": shop goes from 2 to 5.\n")
}

// explain answers for shop, which has 5 replicas and had 3; it says what it was asked.
func (f *fakeAPI) explain(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	text := "in force at " + query.Get("at")
	switch replicas := query.Get("replicas"); {
	case query.Get("service") != "shop" || replicas == "4":
		refuse(w, http.StatusNotFound, "there is none", "check the name")
		return
	case strings.HasSuffix(r.URL.Path, "why-not"):
		text = "not " + replicas
	case replicas != "":
		text = "came to " + replicas
	}
	respond(w, http.StatusOK, map[string]any{"text": text + "\n", "decision": testDecision("shop-d2", 2, 5)})
}

func (f *fakeAPI) events(w http.ResponseWriter, r *http.Request) {
	entries := testEntries()
	if !strings.Contains(r.Header.Get("Accept"), "event-stream") {
		respond(w, http.StatusOK, map[string]any{"events": entries})
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	for _, entry := range entries {
		data, err := json.Marshal(entry)
		if err != nil {
			f.t.Error(err)
		}
		_, _ = io.WriteString(w, "id: "+string(rune('0'+entry.Seq))+"\nevent: "+string(entry.Kind)+"\ndata: "+string(data)+"\n\n")
	}
	w.(http.Flusher).Flush()
	<-r.Context().Done()
}

func (f *fakeAPI) readLogs(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.logReads++
	nth := f.logReads
	f.mu.Unlock()
	replica := r.PathValue("replica")
	lines := []string{"listening as " + replica}
	if f.logs != nil {
		lines = f.logs(replica, nth)
	}
	respond(w, http.StatusOK, map[string]any{"service": r.PathValue("service"), "replica": replica, "lines": lines})
}

func (f *fakeAPI) stop(w http.ResponseWriter, r *http.Request) {
	f.note(r)
	dryRun := r.URL.Query().Get("dryRun") == "true"
	f.mu.Lock()
	f.gone = !dryRun
	f.mu.Unlock()
	respond(w, http.StatusAccepted, map[string]bool{"stopping": !dryRun})
}

func respond(w http.ResponseWriter, code int, answer any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(answer)
}

func refuse(w http.ResponseWriter, code int, detail, hint string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(map[string]any{"title": "refused", "status": code, "detail": detail, "code": "unknown-name", "hint": hint})
}

func ptr[T any](value T) *T { return &value }

func testServices() []headroom.ServiceStatus {
	change := testDecision("shop-d2", 2, 5)
	hold := testDecision("shop-d1", 2, 2)
	hold.At = testNow.Add(-time.Second)
	reading := func(value float64) headroom.Signal {
		r := headroom.Reading{PerReplica: &value, Measured: 2, Replicas: 2}
		return headroom.Signal{Fast: r, Stable: r}
	}
	return []headroom.ServiceStatus{
		{Name: "legacy", Kind: "backends", ReadyReplicas: ptr(1), StartingReplicas: ptr(0)},
		{
			Name: "shop", Kind: "run", DesiredReplicas: 5, ReadyReplicas: ptr(2), StartingReplicas: ptr(3), MinReplicas: 2, MaxReplicas: 10,
			Scaling: headroom.Scaling{Enabled: true, MinReplicas: 2, MaxReplicas: 10, TargetCPUUtilization: 70, StableWindow: headroom.Duration(15 * time.Second)},
			Signals: map[headroom.Metric]headroom.Signal{
				headroom.MetricCPU:    reading(91.26),
				headroom.MetricMemory: {Stable: headroom.Reading{Unknown: "no replica has been measured yet", Replicas: 2}},
			},
			LastDecision: &hold, LastChange: &change,
			Replicas: []headroom.Replica{
				{Name: "shop-1", Service: "shop", State: headroom.ReplicaReady, Address: "127.0.0.1:20001", PID: 4711, CreatedAt: testNow.Add(-3 * time.Hour), Adopted: true},
				{Name: "shop-2", Service: "shop", State: headroom.ReplicaStarting, Address: "127.0.0.1:20002", CreatedAt: testNow.Add(-2 * time.Second), Detail: "connection refused"},
			},
			Operations: []headroom.Operation{{Kind: headroom.OperationGrow, Replicas: []string{"shop-3", "shop-4", "shop-5"}, State: headroom.OperationSent, PlannedAt: testNow.Add(-2 * time.Second)}},
			Problems:   []string{"shop-6 exits at once: exit status 1"},
		},
	}
}

func testDecision(id string, from, to int) headroom.Decision {
	return headroom.Decision{
		ID: id, Service: "shop", At: testNow.Add(-4 * time.Minute), From: from, To: to, Code: headroom.CodeScaleUp, Unlimited: to,
		Reason: "cpu is at 91 % of the 70 % aimed at",
	}
}

func testPolicies() []headroom.Policy {
	return []headroom.Policy{{
		ID: "shop.cpu-scaling", Service: "shop", Source: headroom.SourceAPI,
		ScalingPolicy: headroom.ScalingPolicy{Name: "cpu-scaling", Metric: headroom.MetricCPU, Threshold: 70, Action: headroom.ActionScaleUp, Step: 2},
	}}
}

func testBackend(id string) headroom.Backend {
	return headroom.Backend{ID: id, Service: "shop", Address: "127.0.0.1:20001", Weight: 1, State: headroom.BackendActive, Source: headroom.SourceReplica}
}

func testBalancer() headroom.BalancerStatus {
	ms := func(n int) *headroom.Duration { return ptr(headroom.Duration(time.Duration(n) * time.Millisecond)) }
	unmeasured := headroom.BackendStatus{Backend: testBackend("shop-2"), Health: headroom.HealthUnknown, Breaker: headroom.BreakerClosed}
	return headroom.BalancerStatus{
		Connected: true, TableVersion: 4, EndpointsVersion: 4,
		Services: []headroom.ServiceTraffic{{
			Service: "shop", Listen: "127.0.0.1:8080", Algorithm: headroom.LeastConnections, RequestsPerSecond: 41, InFlight: 3, FailedPerSecond: 0.5,
			LatencyP50: ms(12), LatencyP95: ms(250),
			Backends: []headroom.BackendStatus{
				{Backend: testBackend("shop-1"), Health: headroom.HealthHealthy, Breaker: headroom.BreakerClosed, InFlight: ptr(int64(3)), RequestsPerSecond: ptr(41.0), LatencyP95: ms(250)},
				unmeasured,
			},
		}},
	}
}

func testEntries() []headroom.Entry {
	entry := func(seq uint64, kind headroom.EntryKind, data string) headroom.Entry {
		return headroom.Entry{Seq: seq, At: testNow, Kind: kind, Service: "shop", Data: json.RawMessage(data)}
	}
	return []headroom.Entry{
		entry(1, headroom.EntryEvent, `{"type":"scaled","level":"info","service":"shop","message":"shop has 5 ready replicas."}`),
		entry(2, headroom.EntryEvent, `{"type":"replica-exited","level":"warning","service":"shop","message":"shop-6 exited."}`),
		entry(3, headroom.EntryDecision, `{"id":"shop-d1","from":2,"to":2}`),
		entry(4, headroom.EntryOperation, `{"kind":"grow","replicas":["shop-3"],"state":"failed","error":"no such file"}`),
	}
}

func testAlertRule() headroom.AlertRule {
	return headroom.AlertRule{Name: "HighErrorShare", Expr: "headroom_failed_share > 0.01", For: headroom.Duration(time.Minute), Severity: "critical"}
}

func testAlerts() []headroom.Alert {
	return []headroom.Alert{{
		Rule: "HighErrorShare", Severity: "critical", Summary: "too many requests fail", Labels: map[string]string{"service": "shop", "code": "503"},
		State: headroom.AlertFiring, Value: ptr(0.05), Since: testNow.Add(-3 * time.Minute),
	}}
}

func testReports() []headroom.SLAReport {
	return []headroom.SLAReport{
		{Service: "legacy", Objective: headroom.Objective{Availability: 99}, Summary: "nothing is known yet"},
		{
			Service: "shop", Objective: headroom.Objective{Availability: 99.9}, Covered: 0.5, Requests: 100000, Failed: 60, Availability: ptr(99.94),
			BudgetRemaining: ptr(0.4), BurnRate1h: ptr(2.0), Met: ptr(true), Summary: "99.94 % of 100000 requests did not fail",
		},
	}
}

func testSplit() headroom.ServiceSplit {
	return headroom.ServiceSplit{
		Service: "shop", Version: "8c7dd922ad47494f", Source: headroom.SourceAPI,
		Split: headroom.Split{By: headroom.SplitByCookie, Variants: []headroom.Variant{
			{Service: "shop", Weight: 90}, {Service: "shop-v2", Weight: 10, Headers: map[string]string{"X-Beta": "*"}}}},
		Shares: []headroom.VariantShare{{Service: "shop", Percent: 90, RequestsPerSecond: ptr(362.0)}, {Service: "shop-v2", Percent: 10}},
	}
}

func testRoutes() headroom.ServiceRoutes {
	return headroom.ServiceRoutes{Service: "shop", Version: "0b1cb44b3ab1d2f5", Source: headroom.SourceConfig, Routes: []headroom.Route{
		{Path: "/api/", Rewrite: "/v2/", Methods: []string{"GET"}},
		{Path: "/docs", Exact: true, Redirect: headroom.Redirect{To: "/docs/", Status: 301}},
		{Regexp: "/users/[0-9]+", Service: "users", Query: map[string]string{"full": "1"}},
	}}
}
