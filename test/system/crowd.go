package system

import (
	"bytes"
	"os"
	"runtime"
	"strconv"
	"sync"
	"time"
)

// crowding is how many processes want each core now, this one included, by what /proc says; at least 1. What a program does takes about that many
// times longer than on a machine of its own.
func crowding() float64 {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 1
	}
	_, after, _ := bytes.Cut(stat, []byte("procs_running "))
	line, _, _ := bytes.Cut(after, []byte("\n"))
	running, err := strconv.Atoi(string(line))
	if err != nil {
		return 1
	}
	return max(1, float64(running)/float64(runtime.NumCPU()))
}

// Countdown is a limit to a wait for something that is sure to come, which passes the slower the more crowded the machine is.
type Countdown struct {
	left time.Duration
	at   time.Time // when it was looked at last
}

// NewCountdown begins one. The limit is for a machine that has nothing else to do.
func NewCountdown(limit time.Duration) *Countdown {
	return &Countdown{left: limit, at: time.Now()}
}

// Over reports whether the limit has passed. It is to be asked often.
func (c *Countdown) Over() bool {
	now := time.Now()
	c.left -= time.Duration(float64(now.Sub(c.at)) / crowding())
	c.at = now
	return c.left <= 0
}

// Crowd is how crowded the machine was, for tests of how soon something happens: they allow it so many times longer.
type Crowd struct {
	mu      sync.Mutex // guards samples
	samples []sample
}

type sample struct {
	at       time.Time
	crowding float64
}

// Crowd looks every 50 ms until the test ends.
func (s *System) Crowd() *Crowd {
	c := &Crowd{}
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(50 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-stop:
				return
			case now := <-ticker.C:
				c.mu.Lock()
				c.samples = append(c.samples, sample{now, crowding()})
				c.mu.Unlock()
			}
		}
	}()
	s.t.Cleanup(func() { close(stop); <-done })
	return c
}

// Stretch is a time as long as it is on this machine between two instants.
func (c *Crowd) Stretch(d time.Duration, from, to time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	sum, count := 0.0, 0.0
	for _, s := range c.samples {
		if s.at.After(from) && s.at.Before(to) {
			sum, count = sum+s.crowding, count+1
		}
	}
	if count == 0 {
		return d
	}
	return time.Duration(float64(d) * sum / count)
}
