package role

import (
	"encoding/json"
	"net/http"

	"headroom.dev/headroom"
	"headroom.dev/headroom/link"
)

// handler answers the other roles; see remoteMonitor for the other end.
func (m *Monitor) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /alerts", link.Stream(&m.AlertChanges))
	mux.HandleFunc("GET /metrics", m.WriteMetrics)
	mux.HandleFunc("POST /query", answer(func(r *http.Request, q queryRequest) (any, error) {
		return m.Query(r.Context(), q.Expr, q.At)
	}))
	mux.HandleFunc("POST /query-range", answer(func(r *http.Request, q queryRequest) (any, error) {
		return m.QueryRange(r.Context(), q.Expr, q.From, q.To, q.Step)
	}))
	mux.HandleFunc("POST /alert-list", answer(func(r *http.Request, _ struct{}) (any, error) {
		alerts, rules, err := m.Alerts(r.Context())
		return alertsAnswer{Alerts: alerts, Rules: rules}, err
	}))
	mux.HandleFunc("POST /check-rule", answer(func(r *http.Request, rule headroom.AlertRule) (any, error) {
		return struct{}{}, m.CheckRule(r.Context(), rule)
	}))
	mux.HandleFunc("POST /sla", answer(func(r *http.Request, q slaRequest) (any, error) {
		return m.SLA(r.Context(), q.Service)
	}))
	return mux
}

// answer reads a request of another role and writes what a function says to it.
func answer[T any](ask func(*http.Request, T) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var request T
		if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
			link.Answer(w, nil, err)
			return
		}
		result, err := ask(r, request)
		link.Answer(w, result, err)
	}
}
