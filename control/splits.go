package control

import (
	"context"
	"fmt"

	"headroom.dev/headroom"
)

// Split says how the requests of a service are shared among its variants.
func (c *Controller) Split(service string) (headroom.ServiceSplit, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.checkService(service); err != nil {
		return headroom.ServiceSplit{}, err
	}
	return c.splitOf(service), nil
}

// splitOf is the split in force. The lock is held.
func (c *Controller) splitOf(service string) headroom.ServiceSplit {
	split, source := c.config.Services[service].LoadBalancing.Split, headroom.SourceConfig
	if changed, there := c.changed.Splits[service]; there && headroom.VersionOf(changed) == headroom.VersionOf(split) {
		source = headroom.SourceAPI
	}
	return c.describeSplit(service, split, source)
}

// describeSplit adds the shares and the version to a split. The lock is held.
func (c *Controller) describeSplit(service string, split headroom.Split, source headroom.BackendSource) headroom.ServiceSplit {
	described := headroom.ServiceSplit{Service: service, Split: split, Source: source, Shares: []headroom.VariantShare{}}
	described.Version = headroom.VersionOf(described)
	for i, percent := range split.Percents() {
		name := split.Variants[i].Service
		described.Shares = append(described.Shares, headroom.VariantShare{Service: name, Percent: percent, RequestsPerSecond: c.arrivals(name)})
	}
	return described
}

// arrivals are the requests per second of a service in the last second; nil where no balancer has reported.
func (c *Controller) arrivals(service string) *float64 {
	c.signalsMu.Lock()
	defer c.signalsMu.Unlock()
	place, there := c.places[service]
	window := c.measurement.Window.Seconds()
	if c.heardAt.IsZero() || c.now().Sub(c.heardAt) >= balancerAway || !there || window <= 0 {
		return nil
	}
	return new(float64(c.measurement.Services[place].Traffic.Arrivals) / window)
}

// SetSplit puts a split in the place of that of the config file, or changes weights of the one in force. It stays so until ResetSplit; the file is not
// written.
func (c *Controller) SetSplit(_ context.Context, service string, update headroom.SplitUpdate, change headroom.Change) (headroom.ServiceSplit, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.checkService(service); err != nil {
		return headroom.ServiceSplit{}, err
	}
	before := c.splitOf(service)
	if err := change.Check("the split of "+service, before.Version); err != nil {
		return headroom.ServiceSplit{}, err
	}
	split := before.Split
	if update.Split != nil {
		split = *update.Split
	} else {
		var err error
		if split, err = split.Reweigh(update.Weights); err != nil {
			return headroom.ServiceSplit{}, err
		}
	}
	if err := c.refuseOverride(service, "split.", func(l *headroom.LoadBalancing) { l.Split = split }); err != nil {
		return headroom.ServiceSplit{}, err
	}
	result := c.describeSplit(service, split, headroom.SourceAPI)
	if change.DryRun {
		return result, nil
	}
	message := fmt.Sprintf("the split was changed through the API from %s to %s", before.Summary(), split.Summary())
	return result, c.override(c.withSplit(service, &split), change, result, splitKind, service, message, put(splitKind, service, split))
}

// ResetSplit has the split of the config file in force again.
func (c *Controller) ResetSplit(_ context.Context, service string, change headroom.Change) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.checkService(service); err != nil {
		return err
	}
	if err := change.Check("the split of "+service, c.splitOf(service).Version); err != nil {
		return err
	}
	if _, changed := c.changed.Splits[service]; !changed {
		return &headroom.ConflictError{Reason: fmt.Sprintf("the split of %s has not been changed through the API: it is as the config file says", service)}
	}
	if change.DryRun {
		return nil
	}
	message := "the split is again as in the config file, " + c.written.Services[service].LoadBalancing.Split.Summary()
	return c.override(c.withSplit(service, nil), change, nil, splitKind, service, message, remove(splitKind, service))
}
