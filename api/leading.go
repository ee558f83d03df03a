package api

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"headroom.dev/headroom"
)

// ServiceName names the service that a request is about.
type ServiceName struct {
	Service string `path:"service" maxLength:"253" doc:"name of the service" example:"shop"`
}

// VersionInput is what changes of things with versions take beside other changes. (Huma only sees embedded types that are exported.)
type VersionInput struct {
	IfMatch string `header:"If-Match" maxLength:"1000" doc:"the ETag of what is to be changed; it is changed only if it is still so" example:"\"8c7dd922ad47494f\""`
}

// SplitRequest replaces a split, or only weights of it.
type SplitRequest struct {
	headroom.Split
	Weights map[string]int `json:"weights,omitempty" doc:"in place of all else: new weights, by the service of the variant; those not named stay" example:"{\"shop\":90,\"shop-v2\":10}"`
}

// RoutesRequest replaces all routes of a service.
type RoutesRequest struct {
	Routes []headroom.Route `json:"routes" nullable:"false" doc:"all of them; an empty list is none"`
}

// versioned is an answer with the version of what it shows.
type versioned[T any] struct {
	ETag string `header:"ETag" doc:"version of what is shown, for If-Match"`
	Body T
}

func etag(version string) string { return `"` + version + `"` }

const aboutOverride = "It is kept over restarts, and stays in force also where the config file says something else later, until it is deleted. The balancers have it at once. " +
	"With If-Match it is changed only if it is still as the client saw it."

func (s *server) registerLeading(api huma.API) {
	register(s, api, operation{
		method: http.MethodGet, path: "/api/balancer/splits/{service}", id: "get-split", tag: tagBalancer,
		summary:     "How the requests of a service are shared among its variants",
		description: "The split in force, of the config file or as it was changed through the API, and what each variant gets.",
		response:    exampleSplit(), problems: []string{"unknown-name"},
	}, s.split)
	register(s, api, operation{
		method: http.MethodPut, path: "/api/balancer/splits/{service}", id: "set-split", tag: tagBalancer,
		summary: "Change a split, or the weights of it", description: "A split is given as in the config, or {\"weights\": {…}} alone. " + aboutOverride,
		request: SplitRequest{Split: exampleSplit().Split}, response: exampleSplit(), problems: []string{"unknown-name", "changed"},
	}, s.setSplit)
	register(s, api, operation{
		method: http.MethodDelete, path: "/api/balancer/splits/{service}", id: "reset-split", tag: tagBalancer, status: http.StatusNoContent,
		summary: "Take back what the API changed of a split", description: "It is again as the config file says.", problems: []string{"unknown-name", "changed"},
	}, s.resetSplit)
	register(s, api, operation{
		method: http.MethodGet, path: "/api/balancer/routes/{service}", id: "get-routes", tag: tagBalancer,
		summary: "Routes of a service", description: "Those in force, of the config file or as they were changed through the API.",
		response: exampleRoutes(), problems: []string{"unknown-name"},
	}, s.routes)
	register(s, api, operation{
		method: http.MethodPut, path: "/api/balancer/routes/{service}", id: "set-routes", tag: tagBalancer,
		summary: "Replace the routes of a service", description: "All of them, each with the fields and defaults of the config. " + aboutOverride,
		request: RoutesRequest{exampleRoutes().Routes}, response: exampleRoutes(), problems: []string{"unknown-name", "changed"},
	}, s.setRoutes)
	register(s, api, operation{
		method: http.MethodDelete, path: "/api/balancer/routes/{service}", id: "reset-routes", tag: tagBalancer, status: http.StatusNoContent,
		summary: "Take back what the API changed of routes", description: "They are again as the config file says.", problems: []string{"unknown-name", "changed"},
	}, s.resetRoutes)
}

func (s *server) split(_ context.Context, in *ServiceName) (*versioned[headroom.ServiceSplit], error) {
	split, err := s.control.Split(in.Service)
	return &versioned[headroom.ServiceSplit]{etag(split.Version), split}, err
}

func (s *server) setSplit(ctx context.Context, in *struct {
	ServiceName
	ChangeInput
	VersionInput
	Body input[SplitRequest]
}) (*versioned[headroom.ServiceSplit], error) {
	asked, err := in.Body.read(s)
	if err != nil {
		return nil, err
	}
	update := headroom.SplitUpdate{Split: &asked.Split}
	if asked.Weights != nil {
		if others := in.Body.others("weights"); len(others) > 0 {
			return nil, &headroom.InvalidError{Field: "body." + others[0], Expected: "is given beside weights: give either the split as a whole or weights alone"}
		}
		update = headroom.SplitUpdate{Weights: asked.Weights}
	}
	split, err := mutate(ctx, s, mutation[headroom.ServiceSplit]{
		object: "split/" + in.Service, service: in.Service, before: present(s.control.Split(in.Service)), status: http.StatusOK, versioned: true,
		run: func(change headroom.Change) (headroom.ServiceSplit, error) {
			return s.control.SetSplit(ctx, in.Service, update, change)
		},
	})
	return &versioned[headroom.ServiceSplit]{etag(split.Version), split}, err
}

func (s *server) resetSplit(ctx context.Context, in *struct {
	ServiceName
	ChangeInput
	VersionInput
}) (*struct{}, error) {
	return nil, s.removal(ctx, "split/"+in.Service, in.Service, present(s.control.Split(in.Service)), func(change headroom.Change) error {
		return s.control.ResetSplit(ctx, in.Service, change)
	})
}

func (s *server) routes(_ context.Context, in *ServiceName) (*versioned[headroom.ServiceRoutes], error) {
	routes, err := s.control.Routes(in.Service)
	return &versioned[headroom.ServiceRoutes]{etag(routes.Version), routes}, err
}

func (s *server) setRoutes(ctx context.Context, in *struct {
	ServiceName
	ChangeInput
	VersionInput
	Body input[RoutesRequest]
}) (*versioned[headroom.ServiceRoutes], error) {
	asked, err := in.Body.read(s)
	if err != nil {
		return nil, err
	}
	routes, err := mutate(ctx, s, mutation[headroom.ServiceRoutes]{
		object: "routes/" + in.Service, service: in.Service, before: present(s.control.Routes(in.Service)), status: http.StatusOK, versioned: true,
		run: func(change headroom.Change) (headroom.ServiceRoutes, error) {
			return s.control.SetRoutes(ctx, in.Service, asked.Routes, change)
		},
	})
	return &versioned[headroom.ServiceRoutes]{etag(routes.Version), routes}, err
}

func (s *server) resetRoutes(ctx context.Context, in *struct {
	ServiceName
	ChangeInput
	VersionInput
}) (*struct{}, error) {
	return nil, s.removal(ctx, "routes/"+in.Service, in.Service, present(s.control.Routes(in.Service)), func(change headroom.Change) error {
		return s.control.ResetRoutes(ctx, in.Service, change)
	})
}

// removal carries out a change that answers with nothing.
func (s *server) removal(ctx context.Context, object, service string, before any, run func(headroom.Change) error) error {
	_, err := mutate(ctx, s, mutation[struct{}]{
		object: object, service: service, before: before, status: http.StatusNoContent, versioned: true,
		answer: func(struct{}) any { return nil },
		run:    func(change headroom.Change) (struct{}, error) { return struct{}{}, run(change) },
	})
	return err
}

// present is the state before a change, for the audit log; nil where there is none.
func present[T any](value T, err error) any {
	if err != nil {
		return nil
	}
	return value
}

// others are the fields that a body has beside one.
func (in input[T]) others(field string) []string {
	fields := map[string]json.RawMessage{}
	if json.Unmarshal(in.text, &fields) != nil {
		return nil // read says so
	}
	delete(fields, field)
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
