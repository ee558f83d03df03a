package orchestration

import (
	"slices"
	"time"

	"headroom.dev/headroom"
)

// readsToBelieveAFall is how many readings in a row must show that replicas have vanished without a trace before it is
// believed. Spinnaker waits for twelve (spinnaker/orca#499) at longer intervals; readings here come once a second.
const readsToBelieveAFall = 3

// History is what was last believed of the replicas of a service. Its zero value is that nothing was.
type History struct {
	Live   []string  `json:"live"`   // starting and ready ones, sorted
	Count  int       `json:"count"`  // how many the platform held
	Doubts int       `json:"doubts"` // readings in a row that showed a fall that is not explained
	Lowest int       `json:"lowest"` // how many the last of them showed
	At     time.Time `json:"at"`     // of the newest reading
}

// Confirm says whether an inventory may be believed, and returns what is believed after it. An API that wrongly answers
// "none" has cost somebody 89 machines (kubernetes/autoscaler#9452). So replicas that vanish must be missing from three
// readings in a row that do not go on falling, except those that are listed as exited or stopping, and those in gone: the names of all shrink
// operations that are open or have ended since the last call.
//
// The same reading again, by its time, says nothing new. An incomplete one is believed in what it lists, which may only
// add to what is believed; Plan takes nothing away on it.
func Confirm(history History, inventory headroom.Inventory, gone []string) (History, bool) {
	if !inventory.Complete {
		return history.with(inventory), history.Doubts == 0
	}
	if !history.At.IsZero() && !inventory.At.After(history.At) {
		return history, history.Doubts == 0
	}
	if history.unchanged(inventory) {
		return History{Live: history.Live, Count: history.Count, At: inventory.At}, true
	}
	history.At = inventory.At

	live, states := []string{}, make(map[string]headroom.ReplicaState, len(inventory.Replicas))
	stopping := 0
	for _, replica := range inventory.Replicas {
		states[replica.Name] = replica.State
		switch replica.State {
		case headroom.ReplicaStarting, headroom.ReplicaReady:
			live = append(live, replica.Name)
		case headroom.ReplicaStopping:
			stopping++
		}
	}
	slices.Sort(live)

	vanished, explained := 0, 0
	for _, name := range history.Live {
		state, listed := states[name]
		switch {
		case slices.Contains(gone, name), state == headroom.ReplicaExited, state == headroom.ReplicaStopping:
			explained++
		case !listed:
			vanished++
		}
	}
	count := len(live)
	fell := false
	if inventory.Count != nil {
		fell = *inventory.Count < history.Count-explained
		count = max(count, *inventory.Count-stopping)
	}
	if vanished > 0 || fell {
		history.Doubts++
		if count < history.Lowest { // a further fall: what came before does not confirm it
			history.Doubts = 1
		}
		history.Lowest = count
		if history.Doubts < readsToBelieveAFall {
			return history, false
		}
	}
	return History{Live: live, Count: count, At: inventory.At}, true
}

// unchanged reports whether a complete reading shows exactly what is believed, and nothing else: the usual case, without
// a copy of the names. With many replicas the look for names that are listed twice would cost more than the copy.
func (h History) unchanged(inventory headroom.Inventory) bool {
	const many = 32
	if len(h.Live) > many || len(inventory.Replicas) != len(h.Live) || h.Count != len(h.Live) || (inventory.Count != nil && *inventory.Count != h.Count) {
		return false
	}
	for i := range inventory.Replicas {
		replica := &inventory.Replicas[i]
		if replica.State != headroom.ReplicaReady && replica.State != headroom.ReplicaStarting {
			return false
		}
		if _, believed := slices.BinarySearch(h.Live, replica.Name); !believed {
			return false
		}
		for j := range i {
			if inventory.Replicas[j].Name == replica.Name {
				return false // listed twice
			}
		}
	}
	return true
}

// with adds what an incomplete reading lists. An operation may be confirmed by such a reading alone; if the replica were
// not remembered here, the next incomplete reading that lacks it would have it started again.
func (h History) with(inventory headroom.Inventory) History {
	h.Live = slices.Clone(h.Live)
	for _, replica := range inventory.Replicas {
		i := slices.Index(h.Live, replica.Name)
		alive := replica.State == headroom.ReplicaStarting || replica.State == headroom.ReplicaReady
		switch {
		case alive && i < 0:
			h.Live = append(h.Live, replica.Name)
		case replica.State == headroom.ReplicaExited && i >= 0:
			h.Live = slices.Delete(h.Live, i, i+1)
		}
	}
	slices.Sort(h.Live)
	h.Count = max(h.Count, len(h.Live))
	return h
}
