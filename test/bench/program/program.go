//go:build linux

// Package program starts the programs that benchmarks measure, each on the cores that it may use, and reads from the kernel
// what they cost.
package program

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"sync"
	"syscall"
)

// Program is a process that was started. Its methods are safe for concurrent use.
type Program struct {
	cmd    *exec.Cmd
	stderr lockedBuffer
	done   chan struct{}
}

// Start starts a program; cores, where it is not empty, are those that it may use, such as "0" or "1-3".
func Start(cores, name string, args ...string) (*Program, error) {
	name, args = pinned(cores, name, args)
	p := &Program{cmd: exec.Command(name, args...), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.stderr, &p.stderr
	// A process group of its own: Ctrl-C is for the benchmark, which then ends what it has started.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = p.cmd.Wait() // how it ended is of no interest
		close(p.done)
	}()
	return p, nil
}

// Output runs a program to its end and returns what it wrote on standard output.
func Output(ctx context.Context, cores, name string, args ...string) (string, error) {
	short := name
	name, args = pinned(cores, name, args)
	output, err := exec.CommandContext(ctx, name, args...).Output()
	if failed := (*exec.ExitError)(nil); errors.As(err, &failed) {
		return string(output), fmt.Errorf("%s: %w: %s%s", short, err, output, failed.Stderr)
	}
	return string(output), err
}

// pinned runs a command on some cores by taskset(1), which becomes the command: the process ID stays.
func pinned(cores, name string, args []string) (string, []string) {
	if cores == "" {
		return name, args
	}
	return "taskset", append([]string{"-c", cores, name}, args...)
}

// PID is the process ID.
func (p *Program) PID() int { return p.cmd.Process.Pid }

// Done is closed when it has ended.
func (p *Program) Done() <-chan struct{} { return p.done }

// Errors is what it has written so far.
func (p *Program) Errors() string { return p.stderr.String() }

// Signal sends it a signal.
func (p *Program) Signal(signal syscall.Signal) error { return p.cmd.Process.Signal(signal) }

// Kill ends it, and what it has started, at once and waits until it is gone.
func (p *Program) Kill() {
	_ = syscall.Kill(-p.PID(), syscall.SIGKILL) // it may have ended by itself
	<-p.done
}

// lockedBuffer may be read while a process writes.
type lockedBuffer struct {
	mu   sync.Mutex
	data bytes.Buffer
}

func (b *lockedBuffer) Write(data []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.data.Write(data)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.data.String()
}
