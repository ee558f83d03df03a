package process

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"headroom.dev/headroom"
)

// record is what is kept of a replica on disk, so that another process can take it over. PID 0 is an intent: the
// replica is about to be started, and may have been. The command and its environment, which may hold secrets, are not
// needed for that.
type record struct {
	Name      string                `json:"name"`
	Service   string                `json:"service"`
	State     headroom.ReplicaState `json:"state"`
	PID       int                   `json:"pid"`
	Ticks     uint64                `json:"ticks"`  // start of the process since boot, in 1/100 s
	BootID    string                `json:"bootId"` // that PID and Ticks belong to
	Port      int                   `json:"port"`
	Operation string                `json:"operation"`
	Revision  string                `json:"revision"`
	Wanted    limits                `json:"wanted"`
	Enforced  limits                `json:"enforced"` // by control groups
	// StopGracePeriod is for what is left when the replica ends by itself, and for StopAll.
	StopGracePeriod headroom.Duration    `json:"stopGracePeriod"`
	HealthCheck     headroom.HealthCheck `json:"healthCheck"`
	Reach           headroom.Reach       `json:"reach,omitzero"`
	CreatedAt       time.Time            `json:"createdAt"`
	ReadyAt         time.Time            `json:"readyAt,omitzero"`
	ExitedAt        time.Time            `json:"exitedAt,omitzero"`
	Exit            string               `json:"exit,omitempty"`
	Tail            []string             `json:"tail,omitempty"`
	Grace           headroom.Duration    `json:"grace,omitempty"` // of the stop that is under way
}

func (p *Platform) recordPath(service, name string) string {
	return filepath.Join(p.dir, "records", service, name+".json")
}

// save writes the record of a replica as it is now, unless the replica was removed. A failure (a full disk) is logged:
// the replica goes on, and a record that is behind still finds it.
func (p *Platform) save(r *replica) {
	if err := p.trySave(r); err != nil {
		p.log.Warn("cannot write the record of a replica", "replica", r.Name, "error", err)
	}
}

func (p *Platform) trySave(r *replica) error {
	r.recordMu.Lock()
	defer r.recordMu.Unlock()
	if r.forgotten {
		return nil
	}
	p.mu.Lock()
	data, err := json.Marshal(r.record)
	p.mu.Unlock()
	if err != nil {
		return fmt.Errorf("encode the record: %w", err)
	}
	return replaceFile(p.recordPath(r.Service, r.Name), data)
}

// forget removes the record of a replica for good.
func (p *Platform) forget(r *replica) {
	r.recordMu.Lock()
	defer r.recordMu.Unlock()
	r.forgotten = true
	if err := os.Remove(p.recordPath(r.Service, r.Name)); err != nil {
		p.log.Warn("cannot remove the record of a replica", "replica", r.Name, "error", err)
	}
}

// replaceFile writes a file with mode 0600 under another name, has it written to disk and renames it.
func replaceFile(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	fresh := path + ".new"
	file, err := os.OpenFile(fresh, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	if err := errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, os.Remove(fresh))
	}
	return os.Rename(fresh, path)
}
