package process

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"headroom.dev/headroom"
)

// adopt takes over what an earlier process left: replicas that run go on, those that ended are marked so, and
// processes that no record knows are killed.
func (p *Platform) adopt() error {
	marked := p.markedProcesses()
	paths, err := filepath.Glob(filepath.Join(p.dir, "records", "*", "*.json"))
	if err != nil {
		return fmt.Errorf("look for records of replicas: %w", err)
	}
	for _, path := range paths {
		r, err := readRecord(path)
		if err != nil {
			p.log.Warn("a record of a replica cannot be read; what it belongs to is stopped", "error", err)
			if err := os.Remove(path); err != nil {
				return fmt.Errorf("remove an unreadable record: %w", err)
			}
			continue
		}
		key := replicaKey(r.Service, r.Name)
		p.adoptReplica(newReplica(r), marked[key])
		delete(marked, key)
	}
	for key, processes := range marked {
		p.log.Warn("processes of a replica that no record knows are killed", "replica", key, "processes", len(processes))
		for _, s := range processes {
			signalProcess(s, unix.SIGKILL)
		}
	}
	p.groups.removeOthers(func(service, name string) bool { return p.replicas[replicaKey(service, name)] != nil })
	return nil
}

func readRecord(path string) (record, error) {
	var r record
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, &r)
	}
	if err == nil && (r.Name+".json" != filepath.Base(path) || r.Service != filepath.Base(filepath.Dir(path))) {
		err = errors.New("it belongs to another replica")
	}
	if err == nil && !slices.Contains([]headroom.ReplicaState{headroom.ReplicaStarting, headroom.ReplicaReady, headroom.ReplicaStopping, headroom.ReplicaExited}, r.State) {
		err = fmt.Errorf("its state is %q", r.State)
	}
	if err != nil {
		return r, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// markedProcesses returns the living processes that carry a mark of this state, by SERVICE/REPLICA.
func (p *Platform) markedProcesses() map[string][]stat {
	marked := map[string][]stat{}
	_ = eachProcess(func(pid int) {
		key := p.markOf(pid)
		if key == "" || pid == os.Getpid() || strings.Count(key, "/") != 1 {
			return
		}
		if s, err := readStat(pid); err == nil && !s.zombie {
			marked[key] = append(marked[key], s)
		}
	})
	return marked
}

func (p *Platform) adoptReplica(r *replica, marked []stat) {
	r.adopted = true
	if r.State == headroom.ReplicaExited {
		close(r.exited)
		p.keep(r)
		p.running.Go(func() { p.live(r) })
		return
	}
	if r.PID == 0 && !r.findStarted(marked) {
		p.forget(r) // the earlier process was killed before it started this one
		return
	}
	file := p.openSame(r)
	starting := file != nil && r.State == headroom.ReplicaStarting
	if r.State == headroom.ReplicaStopping {
		r.stopping = true
		close(r.stop)
	}
	p.keep(r)
	if file == nil {
		p.markLost(r)
	} else {
		p.save(r)
		p.running.Go(func() { p.watchExit(r, file) })
	}
	if starting {
		p.running.Go(func() { p.watchReadiness(r) })
	}
	p.running.Go(func() { p.live(r) })
}

func (p *Platform) keep(r *replica) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.replicas[replicaKey(r.Service, r.Name)] = r
}

// findStarted finds the first process of a replica that was started, though its record does not say so yet.
func (r *replica) findStarted(marked []stat) bool {
	for _, s := range marked {
		if s.session == s.pid {
			r.PID, r.Ticks = s.pid, s.ticks
			return true
		}
	}
	return false
}

// openSame opens the process of a record, or returns nil where it has ended: its id may belong to a stranger now.
func (p *Platform) openSame(r *replica) *os.File {
	if r.BootID != p.bootID {
		return nil
	}
	file, err := openPidfd(r.PID)
	if err != nil {
		return nil
	}
	// The process that is open now is the one that is read here, or it has just ended.
	if s, err := readStat(r.PID); err != nil || s.ticks != r.Ticks || s.zombie {
		_ = file.Close()
		return nil
	}
	return file
}

// markLost records that a replica ended while nobody watched.
func (p *Platform) markLost(r *replica) {
	exit := "exited while headroom did not run; its status is not known"
	if r.BootID != p.bootID {
		exit = "ended when the machine was restarted"
	} else if p.groups.outOfMemory(r.Service, r.Name) {
		exit = "killed: out of memory" + limitText(r.Enforced.Memory)
	}
	close(r.exited)
	tail, _ := tailOf(p.logPath(r.Service, r.Name), tailLines)
	p.mu.Lock()
	r.ExitedAt, r.Exit, r.Tail = p.now(), exit, tail
	if !r.stopping {
		r.State = headroom.ReplicaExited
	}
	p.mu.Unlock()
	p.save(r)
}
