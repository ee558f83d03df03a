package control

import (
	"context"
	"time"

	"headroom.dev/headroom"
)

// Report is what the scaler tells the monitor each second.
type Report struct {
	At       time.Time               `json:"at"`
	Usage    []headroom.ReplicaUsage `json:"usage"`
	Services []ServiceReport         `json:"services"`
	// Lateness is how long after the end of the measured second each service decided on it, since the report before.
	Lateness headroom.Histogram `json:"lateness"`
}

// ServiceReport is how many replicas a service has and should have. Nil counts are unknown.
type ServiceReport struct {
	Service   string `json:"service"`
	Desired   int    `json:"desired"`
	Ready     *int   `json:"ready"`
	Starting  *int   `json:"starting"`
	Min       int    `json:"min"`
	Max       int    `json:"max"`
	Unlimited *int   `json:"unlimited"` // what the load alone asks for
	// Policies is what each policy asks for that does not abstain.
	Policies []PolicyProposal `json:"policies,omitempty"`
}

// PolicyProposal is what one policy asks for by itself, before any limit.
type PolicyProposal struct {
	Policy   string `json:"policy"`
	Shadow   bool   `json:"shadow,omitempty"`
	Replicas int    `json:"replicas"`
}

// usageEvery is how often the consumption of replicas is read: once a second, as the traffic is measured.
const usageEvery = time.Second

// measureReplicas reads what each replica consumes and reports it. It reads just before each full second, so that the
// decision that follows the balancer's measurement of that second has fresh numbers: 50 ms before, or as much sooner as it
// took the last time.
func (c *Controller) measureReplicas(ctx context.Context) {
	const shortest, longest = 50 * time.Millisecond, usageEvery / 2
	took := time.Duration(0)
	for {
		now, lead := c.now(), min(shortest+took, longest)
		next := now.Truncate(usageEvery).Add(usageEvery - lead)
		if !next.After(now) {
			next = next.Add(usageEvery)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(next.Sub(now)):
		}
		began := c.now()
		c.Reports.Publish(c.readUsage(ctx))
		took = max(c.now().Sub(began), 0)
	}
}

func (c *Controller) readUsage(ctx context.Context) Report {
	report := Report{At: c.now(), Lateness: c.takeLateness()}
	for _, s := range c.allServices() {
		usage, err := c.platform.Usage(ctx, s.name)
		if err != nil {
			c.log.Warn("cannot read what replicas consume", "service", s.name, "error", err)
			usage = nil
		}
		summary, most := s.report()
		for i := range usage {
			if usage[i].MemLimit == 0 && most > 0 {
				usage[i].MemLimit = c.memory / headroom.Bytes(most)
			}
		}
		report.Usage = append(report.Usage, usage...)
		report.Services = append(report.Services, summary)
	}
	c.signals.AddUsage(report.Usage)
	return report
}
