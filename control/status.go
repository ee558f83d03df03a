package control

import (
	"fmt"
	"slices"
	"strings"

	"headroom.dev/headroom"
	"headroom.dev/headroom/scaling"
)

// Status says what there is to know of one service, or of all where the name is empty.
func (c *Controller) Status(name string) ([]headroom.ServiceStatus, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if name != "" {
		if err := c.checkService(name); err != nil {
			return nil, err
		}
	}
	all := []headroom.ServiceStatus{}
	backends := c.backendStatuses()
	for _, service := range c.serviceNames() {
		if name != "" && name != service {
			continue
		}
		status := headroom.ServiceStatus{}
		if s := c.services[service]; s != nil && c.config.Services[service].Run != nil {
			status = s.status()
		} else {
			status = c.backendsStatus(service, backends[service])
		}
		if len(c.config.Services[service].LoadBalancing.Split.Variants) > 0 {
			status.Split = new(c.splitOf(service))
		}
		status.Problems = append(status.Problems, c.resolveProblems(service)...)
		all = append(all, status)
	}
	_, left := c.written.With(c.changed)
	for _, one := range left {
		if i := slices.IndexFunc(all, func(s headroom.ServiceStatus) bool { return s.Name == one.Service }); i >= 0 {
			all[i].Problems = append(all[i].Problems, leftOut(one))
		}
	}
	return all, nil
}

// backendsStatus is the status of a service whose backends someone else runs: they are counted, not scaled.
func (c *Controller) backendsStatus(name string, backends []headroom.BackendStatus) headroom.ServiceStatus {
	status := headroom.ServiceStatus{Name: name, Kind: "backends"}
	ids := make([]string, 0, len(backends))
	ready, starting := 0, 0
	for _, backend := range backends {
		ids = append(ids, backend.ID)
		if backend.Health == headroom.HealthHealthy {
			ready++
		}
	}
	status.DesiredReplicas, status.MinReplicas, status.MaxReplicas = len(ids), len(ids), len(ids)
	if _, here := c.newestMeasurement(); here {
		status.ReadyReplicas, status.StartingReplicas = &ready, &starting
		if ready < len(ids) {
			status.Problems = append(status.Problems, fmt.Sprintf("%d of %d backends do not pass their health check", len(ids)-ready, len(ids)))
		}
	}
	status.Signals = c.signals.Read(name, c.now(), c.config.Services[name].Scaling, ids)
	return status
}

func (s *service) status() headroom.ServiceStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	status := headroom.ServiceStatus{
		Name: s.name, Kind: "run", DesiredReplicas: s.memory.Scaler.Wanted,
		MinReplicas: s.policy.MinReplicas, MaxReplicas: s.policy.MaxReplicas, Scaling: s.policy,
		Manual: s.memory.Manual, LastDecision: s.newest(), LastChange: s.changed,
	}
	if s.memory.Manual != nil && !s.memory.Manual.Until.After(s.c.now()) {
		status.Manual = nil
	}
	observation := s.observe(s.c.now())
	status.ReadyReplicas, status.StartingReplicas = observation.Replicas.Ready, observation.Replicas.Starting
	status.Signals = observation.Signals
	if s.inventory != nil {
		status.Replicas = slices.Clone(s.inventory.Replicas)
	}
	for _, operation := range s.open {
		status.Operations = append(status.Operations, operation)
	}
	slices.SortFunc(status.Operations, func(a, b headroom.Operation) int { return strings.Compare(a.ID, b.ID) })
	status.Problems = s.problems(observation)
	status.Shadows = s.comparisons(s.c.now())
	return status
}

// problems says in sentences what a person should know.
func (s *service) problems(observation headroom.Observation) []string {
	var problems []string
	if s.problem != "" {
		problems = append(problems, s.problem)
	}
	if s.waiting != "" {
		problems = append(problems, s.waiting)
	}
	if s.failure != "" {
		problems = append(problems, "the last failure: "+s.failure)
	}
	if ready := observation.Replicas.Ready; ready != nil && *ready == 0 && !s.memory.Scaler.Zero {
		problems = append(problems, "no replica is ready, so nobody serves")
	}
	if s.inventory == nil {
		return problems
	}
	outdated := 0
	for _, replica := range s.inventory.Replicas {
		if replica.State != headroom.ReplicaExited && replica.Revision != s.workload.Revision {
			outdated++
		}
		if sickness, sick := s.sick[replica.Name]; sick {
			problems = append(problems, fmt.Sprintf("%s %s and gets no requests", replica.Name, sickness))
		}
		if replica.Detail != "" && replica.State != headroom.ReplicaExited {
			problems = append(problems, replica.Name+": "+replica.Detail)
		}
	}
	if outdated > 0 {
		problems = append(problems, fmt.Sprintf("%d replicas still run the previous configuration and are being replaced", outdated))
	}
	return problems
}

func (s *service) replicaNames() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	if s.inventory != nil {
		for _, replica := range s.inventory.Replicas {
			names = append(names, replica.Name)
		}
	}
	return names
}

// report says how many replicas there are and should be, and the most that there may be.
func (s *service) report() (ServiceReport, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	report := ServiceReport{Service: s.name, Desired: s.memory.Scaler.Wanted, Min: s.policy.MinReplicas, Max: s.policy.MaxReplicas}
	var ready, starting int
	counts := s.replicaCounts(s.c.now(), &ready, &starting)
	report.Ready, report.Starting = counts.Ready, counts.Starting
	if s.decision != nil {
		unlimited := s.decision.Unlimited
		report.Unlimited = &unlimited
		report.Policies = s.proposals()
	}
	return report, s.policy.MaxReplicas
}

// proposals is what each policy asks for; those that abstain are not in it. The lock is held.
func (s *service) proposals() []PolicyProposal {
	var all []PolicyProposal
	for _, proposal := range s.decision.Proposals {
		if name, ofPolicy := scaling.PolicyOf(proposal); ofPolicy && proposal.Replicas != nil {
			all = append(all, PolicyProposal{Policy: name, Shadow: proposal.Shadow, Replicas: *proposal.Replicas})
		}
	}
	return all
}
