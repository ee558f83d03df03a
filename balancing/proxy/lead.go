package proxy

import (
	"fmt"

	"headroom.dev/headroom"
)

// lead finds the services that routes and variants name.
func (c *compiled) lead(name string, settings headroom.LoadBalancing, services map[string]*service) error {
	find := func(field, target string) (*service, error) {
		if s := services[target]; s != nil {
			return s, nil
		}
		return nil, &headroom.InvalidError{Field: "services." + name + ".loadBalancing." + field, Value: target, Expected: "expected a service of the table"}
	}
	c.targets = make([]*service, 1+len(settings.Routes)) // that of no route is the service itself
	for i, route := range settings.Routes {
		if route.Service == "" {
			continue
		}
		var err error
		if c.targets[i+1], err = find(fmt.Sprintf("routes[%d].service", i), route.Service); err != nil {
			return err
		}
	}
	if m := settings.Mirror; m.Service != "" && m.Percent > 0 {
		to, err := find("mirror.service", m.Service)
		if err != nil {
			return err
		}
		c.mirror = &mirror{to: to, share: m.Percent / 100, most: int64(m.MaxInFlight)}
	}
	c.variants = nil
	for i, variant := range settings.Split.Variants {
		s, err := find(fmt.Sprintf("split.variants[%d].service", i), variant.Service)
		if err != nil {
			return err
		}
		c.variants = append(c.variants, s)
	}
	return nil
}
