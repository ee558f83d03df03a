package control

import (
	"fmt"
	"slices"
	"strings"

	"headroom.dev/headroom"
	"headroom.dev/headroom/orchestration"
)

// take takes what the platform said. The lock is held.
func (s *service) take(inventory headroom.Inventory, err error) {
	s.inventory = nil
	if err != nil {
		s.problem = fmt.Sprintf("it is not known which replicas there are: %v", err)
		return
	}
	gone := s.gone
	for _, operation := range s.open {
		if operation.Kind == headroom.OperationShrink {
			gone = append(gone, operation.Replicas...)
		}
	}
	history, believed := orchestration.Confirm(s.history, inventory, gone)
	s.history = history
	if !believed {
		s.problem = "the platform suddenly reports fewer replicas; nothing is done before it says so three times"
		return
	}
	s.problem, s.gone, s.inventory = "", nil, &inventory
	if inventory.Complete && !s.synced {
		s.synced = true
		s.greet()
	}
}

// greet tells of the replicas that were running before this process.
func (s *service) greet() {
	var adopted []string
	for _, replica := range s.inventory.Replicas {
		if replica.Adopted && (replica.State == headroom.ReplicaReady || replica.State == headroom.ReplicaStarting) {
			adopted = append(adopted, fmt.Sprintf("%s (pid %d)", replica.Name, replica.PID))
		}
	}
	if len(adopted) == 0 {
		return
	}
	slices.Sort(adopted)
	s.c.Announce(headroom.Event{Type: "replicas-adopted", Level: headroom.LevelInfo, Service: s.name,
		Message: fmt.Sprintf("%s: adopted %d replicas that were running already: %s.", s.name, len(adopted), strings.Join(adopted, ", "))})
}

// replicaBackends lists the replicas that the balancers should know.
func (s *service) replicaBackends() []headroom.Backend {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inventory == nil {
		return s.lastBackends // unknown is no reason to take anybody out of traffic
	}
	var backends []headroom.Backend
	for _, replica := range s.inventory.Replicas {
		if replica.State != headroom.ReplicaReady || replica.Address == "" {
			continue
		}
		backend := headroom.Backend{ID: replica.Name, Service: s.name, Address: replica.Address, Weight: 1,
			State: headroom.BackendActive, Source: headroom.SourceReplica}
		if _, draining := s.memory.Draining[replica.Name]; draining {
			backend.State = headroom.BackendDraining
		}
		backends = append(backends, backend)
	}
	s.lastBackends = backends
	return backends
}
