package pick

import "sync/atomic"

// Candidate is one backend that may get requests.
type Candidate struct {
	// ID names the backend, the same on every balancer: by it keys find their backend.
	ID string
	// Weight is the share relative to the other candidates, 0 to 1000; 0 gets none.
	Weight int
	// InFlight counts the requests that the backend is serving, with those that still wait for a connection. It is shared by
	// all snapshots that contain the backend, as is Load.
	InFlight *atomic.Int64
	// Load is what was learned of the backend.
	Load *Load
	// Unhealthy keeps the candidate out while enough others are healthy.
	Unhealthy bool
	// Priority is 0 for those that are asked first; the others stand by for when too few of those are healthy.
	Priority int
	// Region is the number of the backend's region, for Request.Regions; −1 where it has none.
	Region int
	// Near is how near the backend is to the balancer: 0 in its zone, 1 in its region, 2 elsewhere. All alike where it does not matter.
	Near int
}

// Settings are what a snapshot is made with beside its candidates.
type Settings struct {
	// Keyed prepares for requests that have a key.
	Keyed bool
	// LoadFactor bounds the load of a backend to that many times the mean, where requests have a key: above 1; 0 is no bound.
	LoadFactor float64
	// InFlight counts the requests of all candidates together, for LoadFactor.
	InFlight *atomic.Int64
	// Panic is the share of healthy backends, 0 to 1, below which health is ignored; 0 never does.
	Panic float64
}

// Snapshot is a list of candidates that never changes, in groups of which one takes what another cannot.
type Snapshot struct {
	groups []group // in the order in which they are asked, but for regions
}

// NewSnapshot prepares the candidates for being picked. Negative weights count as 0.
func NewSnapshot(candidates []Candidate, settings Settings) *Snapshot {
	return &Snapshot{groups: makeGroups(candidates, settings)}
}
