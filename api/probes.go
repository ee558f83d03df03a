package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// Liveness is the answer of a process that serves.
type Liveness struct {
	Live bool `json:"live"`
}

// Readiness is the answer of a process that is ready; one that is not answers with a problem.
type Readiness struct {
	Ready bool `json:"ready"`
}

func (s *server) registerProbes(api huma.API) {
	register(s, api, operation{
		method: http.MethodGet, path: "/livez", id: "livez", tag: tagProbes,
		summary:     "Whether the process serves",
		description: "Needs no token.",
		response:    Liveness{Live: true},
	}, func(context.Context, *struct{}) (*body[Liveness], error) {
		return &body[Liveness]{Liveness{Live: true}}, nil
	})
	register(s, api, operation{
		method: http.MethodGet, path: "/readyz", id: "readyz", tag: tagProbes,
		summary:     "Whether every part is healthy",
		description: "503 with the reasons until then. Needs no token.",
		response:    Readiness{Ready: true}, problems: []string{"not-ready"},
	}, s.ready)
	register(s, api, operation{
		method: http.MethodGet, path: "/metrics", id: "prometheus-metrics", tag: tagProbes,
		summary:     "All current metrics for a Prometheus to scrape",
		description: "In the text exposition format of Prometheus, or OpenMetrics where it is asked for.",
		media:       "text/plain",
		response:    "# TYPE headroom_requests_in_flight gauge\nheadroom_requests_in_flight{service=\"shop\"} 3\n",
		problems:    []string{"unavailable"},
	}, func(context.Context, *struct{}) (*huma.StreamResponse, error) {
		return &huma.StreamResponse{Body: func(ctx huma.Context) {
			r, w := humago.Unwrap(ctx)
			s.monitor.WriteMetrics(w, r)
		}}, nil
	})
}

func (s *server) ready(context.Context, *struct{}) (*body[Readiness], error) {
	var waiting []ProblemValue
	for _, component := range s.control.Health() {
		if component.Healthy {
			continue
		}
		reason := component.Detail
		if reason == "" {
			reason = "is not healthy"
		}
		waiting = append(waiting, ProblemValue{Location: component.Name, Message: reason})
	}
	if len(waiting) > 0 {
		return nil, newProblem("not-ready", waiting[0].sentence(), waiting...)
	}
	return &body[Readiness]{Readiness{Ready: true}}, nil
}
