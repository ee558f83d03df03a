package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"headroom.dev/headroom/link"
)

// A shell, a container or a supervisor that does not speak systemd's protocol waits for the process that it started. So the first process
// stays after an upgrade, however many follow: it passes signals on to the one that serves, and ends as that one does. Each process that
// has taken over writes its id to a pipe, whose end is that of the last one; a process whose parent has ended becomes a child of
// the first (PR_SET_CHILD_SUBREAPER), so that there is one beside the one that serves, and not one more with each upgrade.

// keeps reports whether this process stays after an upgrade. Process 1 has to: a container ends with it.
func (d *duty) keeps() bool {
	return d.inherited.Handover == nil && (d.manager.socket == "" || os.Getpid() == 1)
}

// keeperFile is what a successor gets to write its process id to.
func (d *duty) keeperFile() (*os.File, error) {
	if d.inherited.Keeper != nil {
		return d.inherited.Keeper, nil
	}
	var err error
	if !d.keeps() {
		d.inherited.Keeper, err = os.OpenFile(os.DevNull, os.O_WRONLY, 0)
		return d.inherited.Keeper, err
	}
	d.successors, d.inherited.Keeper, err = os.Pipe()
	return d.inherited.Keeper, err
}

// keeper is the first process, when another one serves.
type keeper struct {
	first *link.Successor
	over  chan struct{} // closed when all have ended

	mu       sync.Mutex // guards all below
	serving  int        // process id
	statuses map[int]syscall.WaitStatus
	changed  chan struct{} // gets one when a status is new
}

func newKeeper(first *link.Successor) *keeper {
	return &keeper{
		first: first, over: make(chan struct{}), serving: first.PID(),
		statuses: map[int]syscall.WaitStatus{}, changed: make(chan struct{}, 1),
	}
}

// adopt makes the children of processes that have ended ours: the later successors, whose parents end after the next upgrade. It is done
// before the order for the first upgrade is answered, as the next may follow at once.
func (k *keeper) adopt(logger *slog.Logger) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		logger.Warn("the exit code of a later upgrade will not be known", "error", err)
	}
}

// keep stays until the last successor has ended, and ends with its exit code.
func (d *duty) keep(k *keeper) error {
	k.first.Handover.Close()
	debug.FreeOSMemory()
	for {
		select {
		case <-k.over:
			return k.exit()
		case s := <-d.signals:
			k.pass(s)
		}
	}
}

// follow reads which process serves, until all have ended.
func (k *keeper) follow(successors io.Reader) {
	defer close(k.over)
	lines := bufio.NewScanner(successors)
	for lines.Scan() {
		pid, err := strconv.Atoi(lines.Text())
		if err != nil {
			continue
		}
		k.mu.Lock()
		k.serving = pid
		k.mu.Unlock()
	}
}

// pass hands a signal on to the process that serves.
func (k *keeper) pass(s os.Signal) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.serving == k.first.PID() {
		k.first.Signal(s)
		return
	}
	_ = syscall.Kill(k.serving, s.(syscall.Signal)) // it may have ended
}

// ended takes the end of a process.
func (k *keeper) ended(pid int, status syscall.WaitStatus) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.statuses) > 100 { // replicas end here as well; the newest is the one that is asked for
		clear(k.statuses)
	}
	k.statuses[pid] = status
	select {
	case k.changed <- struct{}{}:
	default:
	}
}

// exit ends as the process that served last did.
func (k *keeper) exit() error {
	if k.serving == k.first.PID() {
		return exited(k.first.ExitCode())
	}
	for timeout := time.After(time.Second); ; {
		k.mu.Lock()
		status, known := k.statuses[k.serving]
		k.mu.Unlock()
		switch {
		case known && status.Signaled():
			return exited(128 + int(status.Signal()))
		case known:
			return exited(status.ExitStatus())
		}
		select {
		case <-k.changed:
		case <-timeout:
			return fmt.Errorf("the process that took over (%d) has ended, and its exit code is not known", k.serving)
		}
	}
}

func exited(code int) error {
	if code == 0 {
		return nil
	}
	return &reportedError{code}
}

// reap waits for ended children that nobody else waits for, which would else stay as zombies: replicas, after the platform that started
// them was closed, and what the kernel made our children. Until ctx ends.
func reap(ctx context.Context, ours func(pid int) bool, ended func(pid int, status syscall.WaitStatus)) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGCHLD)
	defer signal.Stop(signals)
	for {
		for pid, zombie := range children(0) {
			var status syscall.WaitStatus
			if !zombie || !ours(pid) {
				continue
			}
			if reaped, err := syscall.Wait4(pid, &status, syscall.WNOHANG, nil); err == nil && reaped == pid {
				ended(pid, status)
			}
		}
		select {
		case <-signals:
		case <-ctx.Done():
			return
		}
	}
}

// children are the processes whose parent is this one, but one, and whether they are zombies.
func children(but int) map[int]bool {
	found := map[int]bool{}
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		content, err := os.ReadFile(filepath.Join(dir, "stat"))
		if err != nil {
			continue // it has just ended
		}
		// "PID (NAME) STATE PPID …", and NAME may hold anything.
		fields := strings.Fields(string(content[bytes.LastIndexByte(content, ')')+1:]))
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil || len(fields) < 2 || fields[1] != strconv.Itoa(os.Getpid()) || pid == but {
			continue
		}
		found[pid] = fields[0] == "Z"
	}
	return found
}
