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

// PolicyList is a list of threshold policies.
type PolicyList struct {
	Policies []headroom.Policy `json:"policies" nullable:"false"`
}

// ScaleRequest orders a number of replicas.
type ScaleRequest struct {
	Service  string            `json:"service" minLength:"1" doc:"name of the service" example:"shop"`
	Replicas int               `json:"replicas" minimum:"1" maximum:"1000" doc:"between the service's minReplicas and maxReplicas" example:"4"`
	For      headroom.Duration `json:"for,omitempty" doc:"how long the order overrides targets and policies; the service's scaleDownCooldown where not given" example:"10m"`
	Reason   string            `json:"reason,omitempty" maxLength:"1000" doc:"kept with the decision" example:"sale starts at noon"`
}

// PolicyRequest makes a threshold policy.
type PolicyRequest struct {
	Service string `json:"service" minLength:"1" doc:"name of the service" example:"shop"`
	Name    string `json:"name" minLength:"1" maxLength:"63" doc:"unique among the policies of the service; a word without dots and slashes" example:"cpu-scaling"`
	PolicyTerms
}

// PolicyUpdate replaces the terms of a threshold policy.
type PolicyUpdate struct {
	Name string `json:"name,omitempty" maxLength:"63" doc:"may be repeated, cannot be changed" example:"cpu-scaling"`
	PolicyTerms
}

// PolicyTerms is when a threshold policy takes which step.
type PolicyTerms struct {
	Metric    headroom.Metric          `json:"metric" enum:"cpu,memory,requests-per-second,in-flight,latency" doc:"what is compared, per replica: percent, requests, or milliseconds"`
	Threshold float64                  `json:"threshold" minimum:"0" maximum:"1000000" doc:"in the metric's unit" example:"70"`
	Action    headroom.ThresholdAction `json:"action" enum:"scale-up,scale-down" doc:"which way to step"`
	Step      *int                     `json:"step,omitempty" default:"1" minimum:"1" maximum:"1000" doc:"how many replicas to add or remove at once"`
}

func (t PolicyTerms) policy(name string) headroom.ScalingPolicy {
	policy := headroom.ScalingPolicy{Name: name, Metric: t.Metric, Threshold: t.Threshold, Action: t.Action, Step: 1}
	if t.Step != nil {
		policy.Step = *t.Step
	}
	return policy
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
		summary:     "Threshold policies",
		description: "Those of the config and those made through the API.",
		response:    PolicyList{[]headroom.Policy{examplePolicy()}}, problems: []string{"unknown-name"},
	}, s.policies)
	register(s, api, operation{
		method: http.MethodPost, path: "/api/scaling/policies", id: "create-policy", tag: tagScaling, status: http.StatusCreated,
		summary:     "Make a threshold policy",
		description: "It takes a step when the metric, averaged over the service's stableWindow, crosses the threshold. It is kept over restarts.",
		request:     examplePolicyRequest(), response: examplePolicy(), problems: []string{"unknown-name"},
	}, s.createPolicy)
	register(s, api, operation{
		method: http.MethodPut, path: "/api/scaling/policies/{id}", id: "update-policy", tag: tagScaling,
		summary:     "Replace the terms of a threshold policy",
		description: "The name and the service of a policy cannot be changed.",
		request:     PolicyUpdate{PolicyTerms: examplePolicyRequest().PolicyTerms}, response: examplePolicy(), problems: []string{"unknown-name"},
	}, s.updatePolicy)
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

func (s *server) createPolicy(ctx context.Context, in *struct {
	ChangeInput
	Body PolicyRequest
}) (*created[headroom.Policy], error) {
	policy := headroom.Policy{Service: in.Body.Service, ScalingPolicy: in.Body.policy(in.Body.Name), Source: headroom.SourceAPI}
	made, err := mutate(ctx, s, mutation[headroom.Policy]{
		object: "policy/" + policy.Service + "." + policy.Name, service: policy.Service, status: http.StatusCreated,
		location: policyPath,
		run: func(change headroom.Change) (headroom.Policy, error) {
			return s.control.CreatePolicy(ctx, policy, change)
		},
	})
	return &created[headroom.Policy]{policyPath(made), made}, err
}

func policyPath(policy headroom.Policy) string {
	return "/api/scaling/policies/" + url.PathEscape(policy.ID)
}

func (s *server) updatePolicy(ctx context.Context, in *struct {
	ID string `path:"id" maxLength:"320" doc:"SERVICE.NAME" example:"shop.cpu-scaling"`
	ChangeInput
	Body PolicyUpdate
}) (*body[headroom.Policy], error) {
	// A service's name has no dots, so the first one ends it.
	service, name, _ := strings.Cut(in.ID, ".")
	if in.Body.Name != "" && in.Body.Name != name {
		return nil, &headroom.InvalidError{Field: "body.name", Value: in.Body.Name,
			Expected: "a policy's name cannot be changed: leave it out, or create a policy with the new name"}
	}
	var before any
	if policies, err := s.control.Policies(service); err == nil {
		for _, policy := range policies {
			if policy.ID == in.ID {
				before = policy
			}
		}
	}
	policy, err := mutate(ctx, s, mutation[headroom.Policy]{
		object: "policy/" + in.ID, service: service, before: before, status: http.StatusOK,
		run: func(change headroom.Change) (headroom.Policy, error) {
			return s.control.UpdatePolicy(ctx, in.ID, in.Body.policy(name), change)
		},
	})
	return &body[headroom.Policy]{policy}, err
}

// list makes sure that an empty list is written as [] rather than null.
func list[T any](items []T) []T {
	if items == nil {
		return []T{}
	}
	return items
}
