package control

import (
	"headroom.dev/headroom"
	"headroom.dev/headroom/monitoring/signal"
)

// Sampled takes what one reading of a signal of a user's own gave; the next decision is made with it.
func (c *Controller) Sampled(sample signal.Sample) { c.signals.AddSample(sample) }

// KeepSamples forgets what was read of signals that a configuration does not have.
func (c *Controller) KeepSamples(config headroom.Config) { c.signals.KeepSamples(config.Services) }
