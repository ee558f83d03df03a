package control

import (
	"net/url"

	"headroom.dev/headroom"
	"headroom.dev/headroom/monitoring/signal"
)

// Sampled takes what one reading of a signal of a user's own gave; the next decision is made with it.
func (c *Controller) Sampled(sample signal.Sample) { c.signals.AddSample(sample) }

// KeepSamples forgets what was read of signals that a configuration does not have.
func (c *Controller) KeepSamples(config headroom.Config) { c.signals.KeepSamples(config.Services) }

// secret stands where one was.
const secret = "(secret)"

// withoutSecrets is a policy as decisions need it, which are kept and shown: without what signals are read with.
func withoutSecrets(policy headroom.Scaling) headroom.Scaling {
	signals := make(map[headroom.Metric]headroom.SignalFrom, len(policy.Signals))
	for name, from := range policy.Signals {
		if from.PromQL != nil {
			shown := *from.PromQL
			shown.URL, shown.Headers = redacted(shown.URL), hidden(shown.Headers)
			from.PromQL = &shown
		}
		if from.HTTP != nil {
			shown := *from.HTTP
			shown.URL, shown.Headers = redacted(shown.URL), hidden(shown.Headers)
			from.HTTP = &shown
		}
		if from.External != nil {
			shown := *from.External
			shown.Metadata = hidden(shown.Metadata)
			from.External = &shown
		}
		signals[name] = from
	}
	if len(signals) > 0 {
		policy.Signals = signals
	}
	return policy
}

// hidden keeps the names, of headers or of metadata.
func hidden(values map[string]string) map[string]string {
	if values == nil {
		return nil
	}
	names := make(map[string]string, len(values))
	for name := range values {
		names[name] = secret
	}
	return names
}

// redacted hides the password in an address.
func redacted(address string) string {
	parsed, err := url.Parse(address)
	if err != nil || parsed.User == nil {
		return address
	}
	return parsed.Redacted()
}
