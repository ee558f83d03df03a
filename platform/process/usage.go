package process

import (
	"context"
	"os"
	"sync"
	"time"

	"headroom.dev/headroom"
)

// usageReader remembers which processes belong to which replica, because finding that out takes a look at every
// process of the machine (about 10 µs each).
type usageReader struct {
	mu       sync.Mutex
	at       time.Time        // of the last look
	sessions map[int][]int    // processes by session
	highest  map[string]usage // by replica; see keepRising
}

type usage struct {
	startedAt time.Time
	cpu       float64
}

// Looking is done again after 5 s, or 1 s while a replica is younger than 30 s and may still be starting its workers.
const (
	lookEvery      = 5 * time.Second
	lookEveryYoung = time.Second
	young          = 30 * time.Second
)

// Usage implements headroom.Platform. Where a replica has control groups they are read; else the processes of its
// session are added up, and memory that they share counts for each. MemLimit is 0 where run.memory is not set.
func (p *Platform) Usage(_ context.Context, service string) ([]headroom.ReplicaUsage, error) {
	now := p.now()
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, errClosed
	}
	var living []record
	for _, r := range p.ofService(service) {
		if r.State != headroom.ReplicaExited {
			living = append(living, r.record)
		}
	}
	p.mu.Unlock()

	p.usage.mu.Lock()
	defer p.usage.mu.Unlock()
	readings := make([]headroom.ReplicaUsage, len(living))
	for i, r := range living {
		reading := headroom.ReplicaUsage{
			Service: service, Replica: r.Name, At: now, StartedAt: r.CreatedAt, CPULimit: r.Wanted.CPU, MemLimit: r.Wanted.Memory,
		}
		if reading.CPULimit == 0 {
			reading.CPULimit = 1000 // one core
		}
		if r.Enforced != (limits{}) {
			if cpu, ok := p.groups.cpuSeconds(service, r.Name); ok {
				reading.CPUSeconds = &cpu
			}
			if memory, ok := p.groups.memoryOf(service, r.Name); ok {
				reading.Memory = &memory
			}
		}
		if reading.CPUSeconds == nil || reading.Memory == nil {
			p.usage.refresh(now, r)
			p.usage.addUp(r, &reading)
		}
		readings[i] = reading
	}
	return readings, nil
}

func (u *usageReader) refresh(now time.Time, r record) {
	every := lookEvery
	if now.Sub(r.CreatedAt) < young {
		every = lookEveryYoung
	}
	if _, known := u.sessions[r.PID]; known && now.Sub(u.at) >= 0 && now.Sub(u.at) < every {
		return
	}
	u.at, u.sessions = now, map[int][]int{}
	_ = eachProcess(func(pid int) {
		if s, err := readStat(pid); err == nil {
			u.sessions[s.session] = append(u.sessions[s.session], pid)
		}
	})
}

// addUp fills what the control groups did not tell. It leaves nil what cannot be read because the replica has ended.
func (u *usageReader) addUp(r record, reading *headroom.ReplicaUsage) {
	leader, err := readStat(r.PID)
	if err != nil || leader.ticks != r.Ticks || leader.zombie {
		return
	}
	cpu, pages := uint64(0), int64(0)
	for _, pid := range u.sessions[r.PID] {
		s := leader
		if pid != r.PID {
			if s, err = readStat(pid); err != nil || s.session != r.PID {
				continue
			}
		}
		cpu += s.cpuTicks
		pages += s.rss
	}
	if reading.CPUSeconds == nil {
		seconds := u.keepRising(replicaKey(r.Service, r.Name), usage{r.CreatedAt, float64(cpu) / ticksPerSecond})
		reading.CPUSeconds = &seconds
	}
	if reading.Memory == nil {
		memory := headroom.Bytes(pages * int64(os.Getpagesize()))
		reading.Memory = &memory
	}
}

func (u *usageReader) forget(key string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.highest, key)
}

// keepRising returns the largest reading so far: the sum falls when a process ends that nobody of the session waited
// for, but what it used was used.
func (u *usageReader) keepRising(key string, now usage) float64 {
	if u.highest == nil {
		u.highest = map[string]usage{}
	}
	if last, ok := u.highest[key]; ok && last.startedAt.Equal(now.startedAt) && last.cpu > now.cpu {
		return last.cpu
	}
	u.highest[key] = now
	return now.cpu
}
