package api

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"headroom.dev/headroom"
)

// StatusList is the status of services.
type StatusList struct {
	Services []headroom.ServiceStatus `json:"services" nullable:"false"`
}

// PolicyList is a list of policies.
type PolicyList struct {
	Policies []headroom.Policy `json:"policies" nullable:"false"`
}

// ShadowList is a list of shadows.
type ShadowList struct {
	Shadows []headroom.ShadowComparison `json:"shadows" nullable:"false"`
}

// ScaleRequest orders a number of replicas.
type ScaleRequest struct {
	Service  string            `json:"service" minLength:"1" doc:"name of the service" example:"shop"`
	Replicas int               `json:"replicas" minimum:"0" maximum:"1000" doc:"between the service's minReplicas and maxReplicas; 0 where minReplicas is 0" example:"4"`
	For      headroom.Duration `json:"for,omitempty" doc:"how long the order overrides targets and policies; the service's scaleDownCooldown where not given" example:"10m"`
	Reason   string            `json:"reason,omitempty" maxLength:"1000" doc:"kept with the decision" example:"sale starts at noon"`
}

// PolicyRequest makes a policy of a service.
type PolicyRequest struct {
	Service string `json:"service" doc:"name of the service" example:"shop"`
	headroom.ScalingPolicy
	Gate *headroom.Gate `json:"gate,omitempty" doc:"make it only if a backtest of it is not worse than what is in force"`
}

// PolicyUpdate replaces what a policy does.
type PolicyUpdate struct {
	Name string `json:"name,omitempty" doc:"may be repeated, cannot be changed" example:"cpu-scaling"`
	headroom.ScalingPolicy
	Gate *headroom.Gate `json:"gate,omitempty" doc:"change it only if a backtest of it is not worse than what is in force"`
}

// PolicyAnswer is a policy that was made or changed.
type PolicyAnswer struct {
	headroom.Policy
	Gate *headroom.GateReport `json:"gate,omitempty" doc:"what the backtest gave, where one was demanded"`
}

// PolicyID names a policy.
type PolicyID struct {
	ID string `path:"id" maxLength:"320" doc:"SERVICE.NAME" example:"shop.cpu-scaling"`
}

// ServiceFilter narrows a list to one service.
type ServiceFilter struct {
	Service string `query:"service" maxLength:"253" doc:"only this service; all where not given"`
}

type body[T any] struct{ Body T }

// created is an answer that says where the new object is.
type created[T any] struct {
	Location string `header:"Location" doc:"path of what was created"`
	Body     T
}

func (s *server) registerScaling(api huma.API) {
	register(s, api, operation{
		method: http.MethodPost, path: "/api/scaling/scale", id: "scale-service", tag: tagScaling, status: http.StatusAccepted,
		summary:     "Order a number of replicas",
		description: "Overrides targets and policies of the service for a time. The answer is the decision; operations carry it out, see /api/operations.",
		request:     exampleScale(), response: exampleDecision(), problems: []string{"unknown-name"},
	}, s.scale)
	register(s, api, operation{
		method: http.MethodGet, path: "/api/scaling/status", id: "get-scaling-status", tag: tagScaling,
		summary:     "Status of services",
		description: "Replicas wanted and present, the newest signals and decisions, open operations, and problems in sentences.",
		response:    StatusList{[]headroom.ServiceStatus{exampleStatus()}}, problems: []string{"unknown-name"},
	}, s.status)
	register(s, api, operation{
		method: http.MethodGet, path: "/api/scaling/policies", id: "list-policies", tag: tagScaling,
		summary:     "Policies of services",
		description: "Those of the config and those made through the API, of every kind, and those that are shadows.",
		response:    PolicyList{[]headroom.Policy{examplePolicy()}}, problems: []string{"unknown-name"},
	}, s.policies)
	register(s, api, operation{
		method: http.MethodGet, path: "/api/scaling/shadows", id: "list-shadows", tag: tagScaling,
		summary: "Shadows beside what decides",
		description: "What each policy with shadow would have done by itself, and how that differed in the last hour from what was decided. The hour is kept in memory: " +
			"it begins anew with a restart, and with a change of the policy. The metric headroom_policy_proposal goes further back.",
		response: ShadowList{exampleShadows()}, problems: []string{"unknown-name"},
	}, s.shadows)
	register(s, api, operation{
		method: http.MethodPost, path: "/api/scaling/policies", id: "create-policy", tag: tagScaling, status: http.StatusCreated,
		summary: "Make a policy",
		description: "It is of one kind: a threshold (metric, threshold, action, step), or one of the blocks target, steps, schedule, concurrency, rule, formula and " +
			"kubernetes, with the fields and defaults of the config. With shadow it is computed and shown, and decides nothing. It is kept over restarts. " + aboutGate,
		request: examplePolicyRequest(), response: PolicyAnswer{Policy: examplePolicy()}, problems: []string{"unknown-name", "worse"},
	}, s.createPolicy)
	register(s, api, operation{
		method: http.MethodPut, path: "/api/scaling/policies/{id}", id: "update-policy", tag: tagScaling,
		summary:     "Replace what a policy does",
		description: "Its kind may change too, and whether it is a shadow; its name and its service cannot. A policy of the config file stays changed until the change is deleted. " + aboutGate,
		request:     PolicyUpdate{ScalingPolicy: examplePolicy().ScalingPolicy, Gate: exampleGate()}, response: PolicyAnswer{examplePolicy(), exampleGateReport()}, problems: []string{"unknown-name", "worse"},
	}, s.updatePolicy)
	register(s, api, operation{
		method: http.MethodDelete, path: "/api/scaling/policies/{id}", id: "remove-policy", tag: tagScaling, status: http.StatusNoContent,
		summary:     "Remove a policy that was made through the API, or take a change back",
		description: "A policy of the config file that was changed through the API is again as the file says. One that was not is removed in the file.",
		problems:    []string{"unknown-name"},
	}, s.removePolicy)
}

func (s *server) status(_ context.Context, in *ServiceFilter) (*body[StatusList], error) {
	services, err := s.control.Status(in.Service)
	return &body[StatusList]{StatusList{list(services)}}, err
}

func (s *server) scale(ctx context.Context, in *struct {
	ChangeInput
	Body ScaleRequest
}) (*body[headroom.Decision], error) {
	order := headroom.ScaleOrder{
		Service: in.Body.Service, Replicas: in.Body.Replicas, For: in.Body.For, Reason: in.Body.Reason,
		By: exchangeOf(ctx).actor,
	}
	var before any
	if services, err := s.control.Status(order.Service); err == nil && len(services) == 1 {
		before = map[string]int{"desiredReplicas": services[0].DesiredReplicas}
	}
	decision, err := mutate(ctx, s, mutation[headroom.Decision]{
		object: "service/" + order.Service, service: order.Service, before: before, status: http.StatusAccepted,
		run: func(change headroom.Change) (headroom.Decision, error) { return s.control.Scale(ctx, order, change) },
	})
	return &body[headroom.Decision]{decision}, err
}

func (s *server) policies(_ context.Context, in *ServiceFilter) (*body[PolicyList], error) {
	policies, err := s.control.Policies(in.Service)
	return &body[PolicyList]{PolicyList{list(policies)}}, err
}

func (s *server) shadows(_ context.Context, in *ServiceFilter) (*body[ShadowList], error) {
	services, err := s.control.Status(in.Service)
	shadows := []headroom.ShadowComparison{}
	for _, service := range services {
		shadows = append(shadows, service.Shadows...)
	}
	return &body[ShadowList]{ShadowList{shadows}}, err
}

func (s *server) createPolicy(ctx context.Context, in *struct {
	ChangeInput
	Body input[PolicyRequest]
}) (*created[PolicyAnswer], error) {
	asked, err := in.Body.read(s)
	if err != nil {
		return nil, err
	}
	policy := headroom.Policy{Service: asked.Service, ScalingPolicy: asked.ScalingPolicy, Source: headroom.SourceAPI}
	made, err := mutate(ctx, s, mutation[PolicyAnswer]{
		object: "policy/" + policy.Service + "." + policy.Name, service: policy.Service, status: http.StatusCreated,
		location: policyPath,
		run: s.gated(ctx, asked.Gate, func(change headroom.Change) (headroom.Policy, error) {
			return s.control.CreatePolicy(ctx, policy, change)
		}),
	})
	return &created[PolicyAnswer]{policyPath(made), made}, err
}

func policyPath(policy PolicyAnswer) string {
	return "/api/scaling/policies/" + url.PathEscape(policy.ID)
}

func (s *server) updatePolicy(ctx context.Context, in *struct {
	PolicyID
	ChangeInput
	Body input[PolicyUpdate]
}) (*body[PolicyAnswer], error) {
	asked, err := in.Body.read(s)
	if err != nil {
		return nil, err
	}
	before, service, name := s.policyBefore(in.ID)
	if asked.Name != "" && asked.Name != name {
		return nil, &headroom.InvalidError{Field: "body.name", Value: asked.Name,
			Expected: "a policy's name cannot be changed: leave it out, or create a policy with the new name"}
	}
	asked.ScalingPolicy.Name = name
	policy, err := mutate(ctx, s, mutation[PolicyAnswer]{
		object: "policy/" + in.ID, service: service, before: before, status: http.StatusOK,
		run: s.gated(ctx, asked.Gate, func(change headroom.Change) (headroom.Policy, error) {
			return s.control.UpdatePolicy(ctx, in.ID, asked.ScalingPolicy, change)
		}),
	})
	return &body[PolicyAnswer]{policy}, err
}

func (s *server) removePolicy(ctx context.Context, in *struct {
	PolicyID
	ChangeInput
}) (*struct{}, error) {
	before, service, _ := s.policyBefore(in.ID)
	_, err := mutate(ctx, s, mutation[struct{}]{
		object: "policy/" + in.ID, service: service, before: before, status: http.StatusNoContent,
		answer: func(struct{}) any { return nil },
		run: func(change headroom.Change) (struct{}, error) {
			return struct{}{}, s.control.RemovePolicy(ctx, in.ID, change)
		},
	})
	return nil, err
}

// policyBefore is a policy as it is now, for the audit log, and the parts of its ID. A service's name has no dots, so the first one ends it.
func (s *server) policyBefore(id string) (before any, service, name string) {
	service, name, _ = strings.Cut(id, ".")
	policies, err := s.control.Policies(service)
	if err != nil {
		return nil, service, name
	}
	for _, policy := range policies {
		if policy.ID == id {
			return policy, service, name
		}
	}
	return nil, service, name
}

// list makes sure that an empty list is written as [] rather than null.
func list[T any](items []T) []T {
	if items == nil {
		return []T{}
	}
	return items
}
