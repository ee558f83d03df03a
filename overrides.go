package headroom

import (
	"errors"
	"maps"
	"slices"
)

// Overrides are the splits and routes that the API has put in the place of those of the config file, by service. They are shared: a change makes
// new maps.
type Overrides struct {
	Splits map[string]Split   `json:"splits,omitempty"`
	Routes map[string][]Route `json:"routes,omitempty"`
}

// OverrideError says that what was changed through the API does not fit in the configuration any more.
type OverrideError struct {
	Service string
	Kind    string // "split" or "routes"
	Err     error
}

func (e *OverrideError) Error() string { return e.Service + ": " + e.Kind + ": " + e.Err.Error() }

// Unwrap returns what does not fit.
func (e *OverrideError) Unwrap() error { return e.Err }

// With is the configuration with what was changed through the API in the place of what is written. What does not fit in it, such as a split that
// leads to a service that is gone, is left out and said; nothing is said of services that are gone themselves.
func (c Config) With(o Overrides) (Config, []*OverrideError) {
	if len(o.Splits)+len(o.Routes) == 0 {
		return c, nil
	}
	written := c
	c.Services = maps.Clone(c.Services)
	var left []*OverrideError
	lay := func(kind, name string, change func(*LoadBalancing)) {
		if errs := written.CheckOverride(name, change); len(errs) > 0 {
			left = append(left, &OverrideError{Service: name, Kind: kind, Err: errors.Join(errs...)})
			return
		}
		service := c.Services[name]
		change(&service.LoadBalancing)
		c.Services[name] = service
	}
	for _, name := range slices.Sorted(maps.Keys(o.Splits)) {
		if _, there := c.Services[name]; there {
			lay("split", name, func(l *LoadBalancing) { l.Split = o.Splits[name] })
		}
	}
	for _, name := range slices.Sorted(maps.Keys(o.Routes)) {
		if _, there := c.Services[name]; there {
			lay("routes", name, func(l *LoadBalancing) { l.Routes = o.Routes[name] })
		}
	}
	return c, left
}

// CheckOverride says what would be wrong with a service if it were balanced in another way, beyond what is wrong with it already. It takes as long with
// 10,000 services as with one.
func (c Config) CheckOverride(name string, change func(*LoadBalancing)) []error {
	balancing, before := c.Services[name].LoadBalancing, map[string]bool{}
	for _, err := range c.validateService(name, balancing) {
		before[err.Error()] = true
	}
	change(&balancing)
	return slices.DeleteFunc(c.validateService(name, balancing), func(err error) bool { return before[err.Error()] })
}

// validateService says what is wrong with how one service is balanced.
func (c Config) validateService(name string, balancing LoadBalancing) []error {
	found := &findings{}
	found.add(balancing.Validate("services." + name + ".loadBalancing")...)
	found.add(c.validateBalancing(name, balancing)...)
	found.add(c.validateLeadingOf(name, balancing)...)
	return found.errors
}
