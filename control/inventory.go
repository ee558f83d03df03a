package control

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/orchestration"
)

// doubtEvery is the least time between two readings that confirm a sudden fall: the platform's hints may have it read
// many times within a millisecond, which would only confirm the same mistake.
const doubtEvery = 500 * time.Millisecond

// take takes what the platform said. The lock is held.
func (s *service) take(inventory headroom.Inventory, err error) {
	s.inventory = nil
	if err != nil {
		s.problem = fmt.Sprintf("it is not known which replicas there are: %v", err)
		return
	}
	if s.history.Doubts > 0 && inventory.Complete && inventory.At.Sub(s.history.At).Abs() < doubtEvery {
		return // still in doubt
	}
	gone := slices.Clone(s.gone)
	for _, operation := range s.open {
		if operation.Kind == headroom.OperationShrink {
			gone = append(gone, operation.Replicas...)
		}
	}
	before := s.history.At
	history, believed := orchestration.Confirm(s.history, inventory, gone)
	s.history = history
	if !believed {
		s.problem = "the platform suddenly reports fewer replicas; nothing is done before it says so three times"
		return
	}
	s.problem, s.inventory = "", &inventory
	if inventory.Complete && history.At.After(before) {
		s.gone = nil // the history is without them now; an incomplete reading, or the same once more, leaves it as it was
	}
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

// replicaBackends lists the replicas that the balancers should know. What could not be read is as they were told last: unknown is no reason to take anybody
// out of traffic. The controller's lock is held.
func (s *service) replicaBackends() []headroom.Backend {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inventory == nil {
		return s.toldReplicas()
	}
	backends := make([]headroom.Backend, 0, len(s.inventory.Replicas))
	for _, replica := range s.inventory.Replicas {
		if replica.State != headroom.ReplicaReady || replica.Address == "" {
			continue
		}
		backends = append(backends, headroom.Backend{ID: replica.Name, Service: s.name, Address: replica.Address, Weight: 1,
			State: headroom.BackendActive, Source: headroom.SourceReplica})
	}
	if !s.inventory.Complete {
		for _, backend := range s.toldReplicas() { // what could not be read may still exist
			if _, listed := s.replica(backend.ID); !listed {
				backends = append(backends, backend)
			}
		}
	}
	for i, backend := range backends {
		backends[i].State = headroom.BackendActive
		if _, draining := s.memory.Draining[backend.ID]; draining {
			backends[i].State = headroom.BackendDraining
		}
	}
	return backends
}

// areTold reports whether the balancers have been sent exactly the replicas of a settled service, all of them in traffic. The lock is held.
func (s *service) areTold() bool {
	replicas := 0
	for i := range s.sent {
		if s.sent[i].Source != headroom.SourceReplica {
			continue
		}
		replicas++
		if at := slices.IndexFunc(s.inventory.Replicas, func(r headroom.Replica) bool { return r.Name == s.sent[i].ID }); at < 0 ||
			s.inventory.Replicas[at].Address != s.sent[i].Address || s.sent[i].State != headroom.BackendActive {
			return false
		}
	}
	return replicas == len(s.inventory.Replicas)
}

// toldReplicas are those in the list that the balancers were sent last. The controller's lock is held.
func (s *service) toldReplicas() []headroom.Backend {
	var replicas []headroom.Backend
	for _, backend := range s.c.sentOf(s.name) {
		if backend.Source == headroom.SourceReplica {
			replicas = append(replicas, backend)
		}
	}
	return replicas
}

// lacks reports whether a replica is certainly not there.
func (s *service) lacks(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inventory == nil || !s.inventory.Complete {
		return false
	}
	_, listed := s.replica(name)
	return !listed
}

// read reports whether the replicas have been known since this process began.
func (s *service) read() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.synced || s.inventory != nil
}
