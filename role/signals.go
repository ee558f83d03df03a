package role

import (
	"context"

	"headroom.dev/headroom"
	"headroom.dev/headroom/monitoring/source"
	"headroom.dev/headroom/monitoring/source/external"
)

// newPoller makes what reads the signals from outside for the scaler.
func (s *Scaler) newPoller() *source.Poller {
	return source.NewPoller(source.Options{
		Report: s.control.Sampled, Query: s.monitor.Query, Logger: s.log,
		External: func(from headroom.ExternalSource, service string) (source.Reader, error) {
			return external.Dial(from, service)
		},
	})
}

// Apply makes a configuration the one in force: its signals are read from now on.
func (s *Scaler) Apply(config headroom.Config) error {
	if err := s.control.Apply(config); err != nil {
		return err
	}
	s.control.KeepSamples(config)
	s.poller.Apply(config.Services)
	s.names.Set(config.Services)
	return nil
}

// Push takes values that others send.
func (m apiMonitor) Push(_ context.Context, values []headroom.PushedValue, change headroom.Change) error {
	if change.DryRun {
		return nil
	}
	return m.poller.Push(values)
}
