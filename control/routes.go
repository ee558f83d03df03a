package control

import (
	"context"
	"fmt"

	"headroom.dev/headroom"
)

// Routes lists the routes of a service.
func (c *Controller) Routes(service string) (headroom.ServiceRoutes, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.checkService(service); err != nil {
		return headroom.ServiceRoutes{}, err
	}
	return c.routesOf(service), nil
}

// routesOf lists the routes in force. The lock is held.
func (c *Controller) routesOf(service string) headroom.ServiceRoutes {
	list, source := c.config.Services[service].LoadBalancing.Routes, headroom.SourceConfig
	if changed, there := c.changed.Routes[service]; there && headroom.VersionOf(changed) == headroom.VersionOf(append([]headroom.Route{}, list...)) {
		source = headroom.SourceAPI
	}
	return describeRoutes(service, list, source)
}

func describeRoutes(service string, list []headroom.Route, source headroom.BackendSource) headroom.ServiceRoutes {
	described := headroom.ServiceRoutes{Service: service, Routes: append([]headroom.Route{}, list...), Source: source}
	described.Version = headroom.VersionOf(described)
	return described
}

// SetRoutes puts routes in the place of all those of the config file. They stay so until ResetRoutes; the file is not written.
func (c *Controller) SetRoutes(_ context.Context, service string, list []headroom.Route, change headroom.Change) (headroom.ServiceRoutes, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.checkService(service); err != nil {
		return headroom.ServiceRoutes{}, err
	}
	before := c.routesOf(service)
	if err := change.Check("the list of routes of "+service, before.Version); err != nil {
		return headroom.ServiceRoutes{}, err
	}
	list = append([]headroom.Route{}, list...)
	if err := c.refuseOverride(service, "", func(l *headroom.LoadBalancing) { l.Routes = list }); err != nil {
		return headroom.ServiceRoutes{}, err
	}
	result := describeRoutes(service, list, headroom.SourceAPI)
	if change.DryRun {
		return result, nil
	}
	message := fmt.Sprintf("the %d routes were replaced through the API by %d", len(before.Routes), len(list))
	return result, c.override(c.withRoutes(service, list), change, result, routesKind, service, message, put(routesKind, service, list))
}

// ResetRoutes has the routes of the config file in force again.
func (c *Controller) ResetRoutes(_ context.Context, service string, change headroom.Change) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.checkService(service); err != nil {
		return err
	}
	if err := change.Check("the list of routes of "+service, c.routesOf(service).Version); err != nil {
		return err
	}
	if _, changed := c.changed.Routes[service]; !changed {
		return &headroom.ConflictError{Reason: fmt.Sprintf("the routes of %s have not been changed through the API: they are as the config file says", service)}
	}
	if change.DryRun {
		return nil
	}
	message := fmt.Sprintf("the routes are again the %d of the config file", len(c.written.Services[service].LoadBalancing.Routes))
	return c.override(c.withRoutes(service, nil), change, nil, routesKind, service, message, remove(routesKind, service))
}
