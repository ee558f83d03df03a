//go:build linux

package program

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// CPU is the processor time, user and system, that the process has used, all its threads together, those that have ended
// included. It is the process' own clock of clock_getcpuclockid(3), in nanoseconds: utime and stime of /proc/PID/stat have
// steps of 10 ms.
func (p *Program) CPU() (time.Duration, error) {
	const scheduled = 2 // CPUCLOCK_SCHED of the kernel's posix-timers.h
	var now unix.Timespec
	if err := unix.ClockGettime(int32(^p.PID()<<3|scheduled), &now); err != nil {
		return 0, fmt.Errorf("read the processor time of process %d: %w", p.PID(), err)
	}
	return time.Duration(now.Nano()), nil
}

// Memory is what a process has in memory, in bytes: all of it, and the part that is its own data and not mapped files such
// as its program.
type Memory struct{ Resident, Anonymous int64 }

// Memory reads VmRSS and RssAnon of /proc/PID/status.
func (p *Program) Memory() (Memory, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID()))
	if err != nil {
		return Memory{}, err
	}
	var m Memory
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		if err != nil {
			continue
		}
		switch name {
		case "VmRSS":
			m.Resident = kib << 10
		case "RssAnon":
			m.Anonymous = kib << 10
		}
	}
	return m, nil
}
