package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"headroom.dev/headroom"
)

// live sees a replica to its end: it ends by itself or is told to; then whatever it left behind is stopped as well; and
// when it has been named by a removal it is forgotten. It returns early when the platform is closed.
func (p *Platform) live(r *replica) {
	p.mu.Lock()
	dead := r.State == headroom.ReplicaExited
	p.mu.Unlock()
	if !dead {
		select {
		case <-r.exited:
			p.markExited(r)
		case <-r.stop:
		case <-p.ctx.Done():
			return
		}
	}
	if !p.sweep(r) {
		return
	}
	p.groups.remove(r.Service, r.Name)
	select {
	case <-r.stop:
	case <-p.ctx.Done():
		return
	}
	p.forget(r)
	p.mu.Lock()
	delete(p.replicas, replicaKey(r.Service, r.Name))
	inUse := map[string]bool{}
	for _, other := range p.ofService(r.Service) {
		inUse[other.Name] = true
	}
	p.mu.Unlock()
	p.usage.forget(replicaKey(r.Service, r.Name))
	p.pruneLogs(r.Service, inUse)
	close(r.removed)
	p.notify(r.Service)
}

// markExited says at once that a replica ended by itself; a replica that was told to stop just goes.
func (p *Platform) markExited(r *replica) {
	exit := p.explainExit(r)
	tail, _ := tailOf(p.logPath(r.Service, r.Name), tailLines)
	p.mu.Lock()
	r.ExitedAt, r.Exit, r.Tail, r.detail = p.now(), exit, tail, ""
	if !r.stopping {
		r.State = headroom.ReplicaExited
	}
	p.mu.Unlock()
	p.notify(r.Service)
	p.save(r)
}

// sweep asks every process of a replica to end, and kills those that are left when its grace is over. It reports false
// where the platform was closed before all were gone.
func (p *Platform) sweep(r *replica) bool {
	p.mu.Lock()
	grace := time.Duration(r.Grace)
	if !r.stopping {
		grace = time.Duration(r.StopGracePeriod)
	}
	p.mu.Unlock()
	deadline := time.NewTimer(grace)
	defer deadline.Stop()
	known := map[int]uint64{} // start times of its processes by id
	p.signal(r, unix.SIGTERM, known)
	exited, kill, over := r.exited, r.kill, deadline.C
	forcing := false
	// The usual replica is one process: its end is an event, and one look finds that nothing is left. The pause between
	// looks grows from 5 ms to 200 ms.
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, 200*time.Millisecond) {
		if exited == nil || closed(exited) {
			if !p.anyLeft(r, known) {
				return true
			}
		}
		var tick <-chan time.Time
		if exited == nil || forcing {
			tick = time.After(pause)
		}
		select {
		case <-exited:
			exited = nil
		case <-kill:
			kill, over, forcing = nil, nil, true
		case <-over:
			kill, over, forcing = nil, nil, true
		case <-tick:
		case <-p.ctx.Done():
			return false
		}
		if forcing {
			p.signal(r, unix.SIGKILL, known)
		}
	}
}

func closed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// anyLeft reports whether any process of a replica lives. Those known from before are looked at as well: a process that
// is just ending has lost its environment, and with it the mark.
func (p *Platform) anyLeft(r *replica, known map[int]uint64) bool {
	for pid, ticks := range known {
		if s, err := readStat(pid); err == nil && s.ticks == ticks && !s.zombie {
			return true
		}
	}
	return len(p.members(r)) > 0 || len(p.groups.members(r.Service, r.Name)) > 0
}

// signal sends a signal to all processes of a replica, wherever they have gone, and adds them to known.
func (p *Platform) signal(r *replica, signal unix.Signal, known map[int]uint64) {
	if signal == unix.SIGKILL {
		p.groups.kill(r.Service, r.Name)
	}
	for _, s := range p.members(r) {
		known[s.pid] = s.ticks
		signalProcess(s, signal)
		if signal == unix.SIGTERM {
			signalProcess(s, unix.SIGCONT) // a stopped process would not see it
		}
	}
}

// signalProcess sends through a pidfd, so that a process that got the id meanwhile is not hit.
func signalProcess(s stat, signal unix.Signal) {
	fd, err := unix.PidfdOpen(s.pid, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	if now, err := readStat(s.pid); err == nil && now.ticks == s.ticks {
		_ = unix.PidfdSendSignal(fd, signal, nil, 0)
	}
}

// openPidfd returns a file that becomes readable when the process ends, children of others included. The runtime's
// poller waits for it, so a replica costs no thread.
func openPidfd(pid int) (*os.File, error) {
	fd, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("watch process %d (needs Linux 5.10 or later): %w", pid, err)
	}
	return os.NewFile(uintptr(fd), "pidfd"), nil
}

// waitPidfd blocks until the process has ended, or returns an error when ctx ends first.
func waitPidfd(ctx context.Context, file *os.File) error {
	defer file.Close()
	stop := context.AfterFunc(ctx, func() { _ = file.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	return raw.Read(func(fd uintptr) bool {
		poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(poll, 0)
		return err == nil && n > 0 || err != nil && !errors.Is(err, unix.EINTR)
	})
}

// watchExit closes r.exited when the first process of the replica has ended.
func (p *Platform) watchExit(r *replica, file *os.File) {
	if err := waitPidfd(p.ctx, file); err != nil {
		if p.ctx.Err() == nil {
			p.log.Error("cannot watch a replica", "replica", r.Name, "error", err)
		}
		return
	}
	if r.process != nil {
		// Until it is waited for, its id is not given to another process.
		_ = syscall.Kill(-r.PID, syscall.SIGTERM)
		r.status, _ = r.process.Wait()
	}
	close(r.exited)
}

// explainExit says how a replica ended.
func (p *Platform) explainExit(r *replica) string {
	oom := p.groups.outOfMemory(r.Service, r.Name)
	if r.status == nil {
		if oom {
			return "killed: out of memory" + limitText(r.Enforced.Memory)
		}
		return "exited; its status is not known since headroom was restarted while it ran"
	}
	status := r.status.Sys().(syscall.WaitStatus)
	switch {
	case status.Signaled() && status.Signal() == syscall.SIGKILL && oom:
		return "killed: out of memory" + limitText(r.Enforced.Memory)
	case status.Signaled() && status.CoreDump():
		return fmt.Sprintf("killed by %s, core dumped", unix.SignalName(status.Signal()))
	case status.Signaled():
		return "killed by " + unix.SignalName(status.Signal())
	case oom:
		return fmt.Sprintf("exit status %d after one of its processes was killed: out of memory%s", status.ExitStatus(), limitText(r.Enforced.Memory))
	default:
		return fmt.Sprintf("exit status %d", status.ExitStatus())
	}
}

func limitText(memory headroom.Bytes) string {
	if memory == 0 {
		return ""
	}
	return fmt.Sprintf(" (its limit is %s)", memory)
}
