package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"headroom.dev/headroom"
)

// The kinds of what the API has put in the place of what the config file says, each by the name of its service.
const (
	splitKind  = "split"
	routesKind = "routes"
)

func (c *Controller) loadOverrides() error {
	splits, routes := map[string]headroom.Split{}, map[string][]headroom.Route{}
	err := errors.Join(
		c.store.List(splitKind, func(name string, data json.RawMessage) error {
			var split headroom.Split
			if err := json.Unmarshal(data, &split); err != nil {
				return fmt.Errorf("split of %s: %w", name, err)
			}
			splits[name] = split
			return nil
		}),
		c.store.List(routesKind, func(name string, data json.RawMessage) error {
			list := []headroom.Route{}
			if err := json.Unmarshal(data, &list); err != nil {
				return fmt.Errorf("routes of %s: %w", name, err)
			}
			routes[name] = list
			return nil
		}))
	c.changed = overrides(splits, routes)
	return err
}

// overrides has no empty maps, so that what was stored and read again is the same.
func overrides(splits map[string]headroom.Split, routes map[string][]headroom.Route) (o headroom.Overrides) {
	if len(splits) > 0 {
		o.Splits = splits
	}
	if len(routes) > 0 {
		o.Routes = routes
	}
	return o
}

// withSplit is what the API has changed with another split of one service, nil for that of the file. The lock is held.
func (c *Controller) withSplit(service string, split *headroom.Split) headroom.Overrides {
	splits := maps.Clone(c.changed.Splits)
	if splits == nil {
		splits = map[string]headroom.Split{}
	}
	delete(splits, service)
	if split != nil {
		splits[service] = *split
	}
	return overrides(splits, c.changed.Routes)
}

// withRoutes is the same for routes. The lock is held.
func (c *Controller) withRoutes(service string, list []headroom.Route) headroom.Overrides {
	routes := maps.Clone(c.changed.Routes)
	if routes == nil {
		routes = map[string][]headroom.Route{}
	}
	delete(routes, service)
	if list != nil {
		routes[service] = list
	}
	return overrides(c.changed.Splits, routes)
}

// layOver makes the configuration in force of the one that is written and what the API changed. The lock is held.
func (c *Controller) layOver() []*headroom.OverrideError {
	var left []*headroom.OverrideError
	c.config, left = c.written.With(c.changed)
	return left
}

// override makes a change of splits or routes, once it is stored, the one in force: the balancers get it at once. The lock is held.
func (c *Controller) override(next headroom.Overrides, change headroom.Change, result any, kind, service, message string, write headroom.Write) error {
	writes := append(c.event(headroom.Event{Type: kind + "-changed", Level: headroom.LevelInfo, Service: service,
		Message: service + ": " + message + change.Because()}), write)
	if err := c.commitChange(change, result, writes...); err != nil {
		return err
	}
	c.changed = next
	c.layOver()
	return c.publishEndpoints()
}

// refuseOverride says what would be wrong with a service that is balanced in another way; fields are named as in the body. The lock is held.
func (c *Controller) refuseOverride(service, part string, change func(*headroom.LoadBalancing)) error {
	var errs []error
	for _, err := range c.written.CheckOverride(service, change) {
		if invalid := (*headroom.InvalidError)(nil); errors.As(err, &invalid) {
			invalid.Field = strings.TrimPrefix(invalid.Field, "services."+service+".loadBalancing."+part)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// announceOverrides says, after a configuration came into force, where the file says something else than before of what the API has changed, and
// where what the API has changed does not fit any more. The lock is held.
func (c *Controller) announceOverrides(before headroom.Config) {
	warn := func(service, message string) {
		c.Announce(headroom.Event{Type: "override-stays", Level: headroom.LevelWarning, Service: service, Message: message})
		c.log.Warn(message)
	}
	for _, name := range slices.Sorted(maps.Keys(c.changed.Splits)) {
		old, was := before.Services[name]
		now, is := c.written.Services[name]
		if was && is && !reflect.DeepEqual(old.LoadBalancing.Split, now.LoadBalancing.Split) {
			warn(name, fmt.Sprintf("%s: the config file has another split now (%s), and the one made through the API stays in force (%s): take that back with `headroom split %s --reset`.",
				name, now.LoadBalancing.Split.Summary(), c.changed.Splits[name].Summary(), name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.changed.Routes)) {
		old, was := before.Services[name]
		now, is := c.written.Services[name]
		if was && is && !reflect.DeepEqual(old.LoadBalancing.Routes, now.LoadBalancing.Routes) {
			warn(name, fmt.Sprintf("%s: the config file has other routes now (%d), and those made through the API stay in force (%d): take them back with `headroom routes %s --reset`.",
				name, len(now.LoadBalancing.Routes), len(c.changed.Routes[name]), name))
		}
	}
	for _, left := range c.layOver() {
		warn(left.Service, leftOut(left))
	}
}

// leftOut is what a person should know of a change through the API that the configuration has no place for any more.
func leftOut(left *headroom.OverrideError) string {
	of := map[string]string{splitKind: "the split", routesKind: "the routes"}[left.Kind]
	return fmt.Sprintf("%s: %s made through the API cannot be in force with this config file, so what the file says is (%s).", left.Service, of,
		strings.ReplaceAll(left.Err.Error(), "\n", "; "))
}
