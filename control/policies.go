package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"headroom.dev/headroom"
	"headroom.dev/headroom/scaling"
)

const policyKind = "policy"

func policyID(service, name string) string { return service + "." + name }

func (c *Controller) loadPolicies() error {
	return c.store.List(policyKind, func(name string, data json.RawMessage) error {
		var policy headroom.Policy
		if err := json.Unmarshal(data, &policy); err != nil {
			return fmt.Errorf("policy %s: %w", name, err)
		}
		c.policies[name] = policy
		return nil
	})
}

// policiesOf lists the threshold policies in force for a service: those of the config file, as changed through the API,
// then those made through the API. The lock is held.
func (c *Controller) policiesOf(name string, settings headroom.Service) []headroom.ScalingPolicy {
	var all []headroom.ScalingPolicy
	for _, policy := range c.listPolicies(name, settings) {
		all = append(all, policy.ScalingPolicy)
	}
	return all
}

func (c *Controller) listPolicies(name string, settings headroom.Service) []headroom.Policy {
	var all []headroom.Policy
	for _, configured := range settings.Scaling.Policies {
		id := policyID(name, configured.Name)
		policy := headroom.Policy{ID: id, Service: name, ScalingPolicy: configured, Source: headroom.SourceConfig}
		if changed, there := c.policies[id]; there {
			policy = changed
		}
		all = append(all, policy)
	}
	var made []headroom.Policy
	for _, policy := range c.policies {
		configured := slices.ContainsFunc(all, func(other headroom.Policy) bool { return other.ID == policy.ID })
		if policy.Service == name && !configured {
			made = append(made, policy)
		}
	}
	slices.SortFunc(made, func(a, b headroom.Policy) int { return strings.Compare(a.ID, b.ID) })
	return append(all, made...)
}

// Policies lists the threshold policies of one service, or of all where the name is empty.
func (c *Controller) Policies(service string) ([]headroom.Policy, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if service != "" {
		if err := c.checkService(service); err != nil {
			return nil, err
		}
	}
	all := []headroom.Policy{}
	for _, name := range c.serviceNames() {
		if service == "" || service == name {
			all = append(all, c.listPolicies(name, c.config.Services[name])...)
		}
	}
	return all, nil
}

// serviceNames lists the configured services in order. The lock is held.
func (c *Controller) serviceNames() []string {
	names := make([]string, 0, len(c.config.Services))
	for name := range c.config.Services {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// CreatePolicy adds a policy to a service.
func (c *Controller) CreatePolicy(_ context.Context, policy headroom.Policy, change headroom.Change) (headroom.Policy, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.checkScaled(policy.Service); err != nil {
		return headroom.Policy{}, err
	}
	checked, err := checkPolicy(c.config.Services[policy.Service].Scaling, policy.ScalingPolicy)
	if err != nil {
		return headroom.Policy{}, err
	}
	policy.ScalingPolicy = checked
	policy.ID, policy.Source = policyID(policy.Service, policy.Name), headroom.SourceAPI
	for _, other := range c.listPolicies(policy.Service, c.config.Services[policy.Service]) {
		if other.ID == policy.ID {
			return headroom.Policy{}, &headroom.ConflictError{Reason: fmt.Sprintf(
				"%s has a policy %q already: change it with PUT /api/scaling/policies/%s", policy.Service, policy.Name, policy.ID)}
		}
	}
	return c.changePolicy(policy, change)
}

// UpdatePolicy replaces a policy. One of the config file stays changed until the change is taken back by RemovePolicy; the file itself is not written.
func (c *Controller) UpdatePolicy(_ context.Context, id string, update headroom.ScalingPolicy, change headroom.Change) (headroom.Policy, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var known []string
	for _, name := range c.serviceNames() {
		for _, policy := range c.listPolicies(name, c.config.Services[name]) {
			known = append(known, policy.ID)
			if policy.ID != id {
				continue
			}
			if update.Name == "" {
				update.Name = policy.Name
			}
			if update.Name != policy.Name {
				return headroom.Policy{}, &headroom.InvalidError{Field: "name", Value: update.Name,
					Expected: fmt.Sprintf("must stay %q: a policy is known by its name; make a new one instead", policy.Name)}
			}
			checked, err := checkPolicy(c.config.Services[name].Scaling, update)
			if err != nil {
				return headroom.Policy{}, err
			}
			policy.ScalingPolicy = checked
			return c.changePolicy(policy, change)
		}
	}
	return headroom.Policy{}, &headroom.UnknownNameError{Kind: "policy", Name: id, Known: known}
}

// RemovePolicy removes a policy that was made through the API, or takes back what was changed of one of the config file.
func (c *Controller) RemovePolicy(_ context.Context, id string, change headroom.Change) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	policy, made := c.policies[id]
	_, served := c.config.Services[policy.Service]
	if !made || !served {
		return c.cannotRemove(id)
	}
	if change.DryRun {
		return nil
	}
	message := fmt.Sprintf("%s: the policy %s was removed through the API.", policy.Service, policy.Name)
	for _, configured := range c.config.Services[policy.Service].Scaling.Policies {
		if configured.Name == policy.Name {
			message = fmt.Sprintf("%s: the policy %s is again as in the config file: %s.", policy.Service, policy.Name, configured.Summary())
		}
	}
	writes := append(c.event(headroom.Event{Type: "policy-removed", Level: headroom.LevelInfo, Service: policy.Service, Message: message}),
		remove(policyKind, id))
	if err := c.commitChange(change, nil, writes...); err != nil {
		return err
	}
	delete(c.policies, id)
	c.usePolicies(policy.Service)
	return nil
}

// cannotRemove says why a policy that the API has neither made nor changed cannot be removed. The lock is held.
func (c *Controller) cannotRemove(id string) error {
	var known []string
	for _, name := range c.serviceNames() {
		for _, policy := range c.listPolicies(name, c.config.Services[name]) {
			if policy.ID == id {
				return &headroom.ConflictError{Reason: fmt.Sprintf(
					"%s is written in the config file and has not been changed through the API: remove it there, or make it a shadow with PUT {…, \"shadow\": true}", id)}
			}
			known = append(known, policy.ID)
		}
	}
	return &headroom.UnknownNameError{Kind: "policy", Name: id, Known: known}
}

func (c *Controller) changePolicy(policy headroom.Policy, change headroom.Change) (headroom.Policy, error) {
	if change.Expect != nil && !reflect.DeepEqual(*change.Expect, c.settingsOf(policy.Service).Scaling) {
		return headroom.Policy{}, &headroom.ConflictError{Reason: "meanwhile the policies or the settings of " + policy.Service + " were changed: try it again"}
	}
	if change.DryRun {
		return policy, nil
	}
	writes := append(c.event(headroom.Event{Type: "policy-changed", Level: headroom.LevelInfo, Service: policy.Service,
		Message: fmt.Sprintf("%s: the policy %s is now: %s.", policy.Service, policy.Name, policy.Summary())}),
		put(policyKind, policy.ID, policy))
	if err := c.commitChange(change, policy, writes...); err != nil {
		return headroom.Policy{}, err
	}
	c.policies[policy.ID] = policy
	c.usePolicies(policy.Service)
	return policy, nil
}

// Settings are those of a service that is scaled, with the policies in force.
func (c *Controller) Settings(service string) (headroom.Service, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.checkScaled(service); err != nil {
		return headroom.Service{}, err
	}
	return c.settingsOf(service), nil
}

// settingsOf are the settings of a service with the policies in force. The lock is held.
func (c *Controller) settingsOf(service string) headroom.Service {
	settings := c.config.Services[service]
	settings.Scaling.Policies = c.policiesOf(service, settings)
	return settings
}

// usePolicies lets a service decide by the policies that it has now. The lock is held.
func (c *Controller) usePolicies(name string) {
	settings := c.config.Services[name]
	if s := c.services[name]; s != nil && settings.Run != nil {
		s.configure(settings, c.policiesOf(name, settings))
		s.wake()
	}
}

// checkScaled refuses a service that is not configured, or whose replicas someone else runs. The lock is held.
func (c *Controller) checkScaled(name string) error {
	if err := c.checkService(name); err != nil {
		return err
	}
	if c.config.Services[name].Run == nil {
		return &headroom.ConflictError{Reason: fmt.Sprintf(
			"%s is a list of backends that someone else runs, so it cannot be scaled: give it run: instead of backends:", name)}
	}
	return nil
}

// checkPolicy gives a threshold policy the step of 1 where none is given, and says what is wrong with a policy beside the other settings of its service.
func checkPolicy(settings headroom.Scaling, policy headroom.ScalingPolicy) (headroom.ScalingPolicy, error) {
	if policy.Step == 0 {
		policy.Step = 1
	}
	errs := append(policy.Validate(""), settings.CheckMetrics("", policy)...)
	settings.Policies = []headroom.ScalingPolicy{policy}
	if len(errs) == 0 {
		for _, err := range scaling.Check("", settings) {
			if invalid := (*headroom.InvalidError)(nil); errors.As(err, &invalid) {
				invalid.Field = strings.TrimPrefix(invalid.Field, ".policies[0].")
			}
			errs = append(errs, err)
		}
	}
	return policy, errors.Join(errs...)
}
