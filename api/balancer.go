package api

import (
	"context"
	"net/http"
	"net/url"

	"github.com/danielgtaylor/huma/v2"

	"headroom.dev/headroom"
)

// BackendList is a list of backends with what the balancer knows of them.
type BackendList struct {
	Backends []headroom.BackendStatus `json:"backends" nullable:"false"`
}

// BackendRequest adds an address that someone else runs.
type BackendRequest struct {
	Service string `json:"service" minLength:"1" doc:"name of the service" example:"shop"`
	Address string `json:"address" maxLength:"261" pattern:"^[^\\s/@?#]+:[0-9]{1,5}$" patternDescription:"HOST:PORT, such as \"127.0.0.1:9001\"" doc:"host:port" example:"127.0.0.1:9001"`
	Weight  *int   `json:"weight,omitempty" default:"1" minimum:"0" maximum:"1000" doc:"share of the traffic relative to the other backends; 0 gets none" example:"1"`
	headroom.Placement
}

// BackendID names the backend that a request is about.
type BackendID struct {
	ID string `path:"id" maxLength:"320" doc:"of the backend, as in the list" example:"shop-api-1"`
}

func (s *server) registerBalancer(api huma.API) {
	register(s, api, operation{
		method: http.MethodGet, path: "/api/balancer/status", id: "get-balancer-status", tag: tagBalancer,
		summary:     "Traffic of the last second",
		description: "Of each service and backend, and whether the balancer has applied the newest list of backends.",
		response:    exampleBalancer(),
	}, func(context.Context, *struct{}) (*body[headroom.BalancerStatus], error) {
		status := s.control.Balancer()
		status.Services = list(status.Services)
		return &body[headroom.BalancerStatus]{status}, nil
	})
	register(s, api, operation{
		method: http.MethodGet, path: "/api/balancer/backends", id: "list-backends", tag: tagBalancer,
		summary:     "Backends",
		description: "Replicas, addresses of the config, and addresses added through the API.",
		response:    BackendList{[]headroom.BackendStatus{exampleBackendStatus()}}, problems: []string{"unknown-name"},
	}, s.backends)
	register(s, api, operation{
		method: http.MethodPost, path: "/api/balancer/backends", id: "add-backend", tag: tagBalancer, status: http.StatusCreated,
		summary:     "Add a backend",
		description: "An address that someone else runs, which gets requests of a service once it is healthy. It is kept over restarts.",
		request:     exampleBackendRequest(), response: exampleBackend(), problems: []string{"unknown-name"},
	}, s.addBackend)
	register(s, api, operation{
		method: http.MethodGet, path: "/api/balancer/backends/{id}", id: "get-backend", tag: tagBalancer,
		summary:     "One backend",
		description: "With its ETag, which is of its address, weight, state and place, and not of what is measured.",
		response:    exampleBackendStatus(), problems: []string{"unknown-name"},
	}, s.backend)
	register(s, api, operation{
		method: http.MethodPut, path: "/api/balancer/backends/{id}", id: "update-backend", tag: tagBalancer,
		summary:     "Change the weight of a backend, or drain it",
		description: "A backend that drains finishes the requests it has and gets no new ones.",
		request:     exampleBackendUpdate(), response: exampleBackend(), problems: []string{"unknown-name", "changed"},
	}, s.updateBackend)
	register(s, api, operation{
		method: http.MethodDelete, path: "/api/balancer/backends/{id}", id: "remove-backend", tag: tagBalancer, status: http.StatusNoContent,
		summary:     "Remove a backend that was added through the API",
		description: "It gets no new requests and finishes those it has. Replicas are removed by scaling, addresses of the config in the config.",
		problems:    []string{"unknown-name", "changed"},
	}, s.removeBackend)
}

func (s *server) backends(_ context.Context, in *ServiceFilter) (*body[BackendList], error) {
	backends, err := s.control.Backends(in.Service)
	return &body[BackendList]{BackendList{list(backends)}}, err
}

func (s *server) backend(_ context.Context, in *BackendID) (*versioned[headroom.BackendStatus], error) {
	backends, err := s.control.Backends("")
	if err != nil {
		return nil, err
	}
	known := make([]string, len(backends))
	for i, backend := range backends {
		if backend.ID == in.ID {
			return &versioned[headroom.BackendStatus]{etag(headroom.VersionOf(backend.Backend)), backend}, nil
		}
		known[i] = backend.ID
	}
	return nil, &headroom.UnknownNameError{Kind: "backend", Name: in.ID, Known: known}
}

func (s *server) addBackend(ctx context.Context, in *struct {
	ChangeInput
	Body BackendRequest
}) (*created[headroom.Backend], error) {
	backend := headroom.Backend{
		Service: in.Body.Service, Address: in.Body.Address, Weight: 1, Placement: in.Body.Placement,
		State: headroom.BackendActive, Source: headroom.SourceAPI,
	}
	if in.Body.Weight != nil {
		backend.Weight = *in.Body.Weight
	}
	made, err := mutate(ctx, s, mutation[headroom.Backend]{
		object: "backend/" + backend.Address, service: backend.Service, status: http.StatusCreated,
		named:    func(made headroom.Backend) string { return "backend/" + made.ID },
		location: backendPath,
		run: func(change headroom.Change) (headroom.Backend, error) {
			return s.control.AddBackend(ctx, backend, change)
		},
	})
	return &created[headroom.Backend]{backendPath(made), made}, err
}

func backendPath(backend headroom.Backend) string {
	return "/api/balancer/backends/" + url.PathEscape(backend.ID)
}

func (s *server) updateBackend(ctx context.Context, in *struct {
	BackendID
	ChangeInput
	VersionInput
	Body headroom.BackendUpdate
}) (*versioned[headroom.Backend], error) {
	if in.Body.Weight == nil && in.Body.State == nil {
		return nil, &headroom.InvalidError{Field: "body", Expected: `give weight, state or both, such as {"state":"draining"}`}
	}
	before, service := s.backendBefore(in.ID)
	backend, err := mutate(ctx, s, mutation[headroom.Backend]{
		object: "backend/" + in.ID, service: service, before: before, status: http.StatusOK, versioned: true,
		run: func(change headroom.Change) (headroom.Backend, error) {
			return s.control.UpdateBackend(ctx, in.ID, in.Body, change)
		},
	})
	return &versioned[headroom.Backend]{etag(headroom.VersionOf(backend)), backend}, err
}

func (s *server) removeBackend(ctx context.Context, in *struct {
	BackendID
	ChangeInput
	VersionInput
}) (*struct{}, error) {
	before, service := s.backendBefore(in.ID)
	return nil, s.removal(ctx, "backend/"+in.ID, service, before, func(change headroom.Change) error {
		return s.control.RemoveBackend(ctx, in.ID, change)
	})
}

// backendBefore is a backend as it is now, for the audit log, and its service.
func (s *server) backendBefore(id string) (before any, service string) {
	backends, err := s.control.Backends("")
	if err != nil {
		return nil, ""
	}
	for _, backend := range backends {
		if backend.ID == id {
			return backend.Backend, backend.Service
		}
	}
	return nil, ""
}
