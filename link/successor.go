package link

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// SuccessorOptions says how the process that takes over is started.
type SuccessorOptions struct {
	Path        string // of the program
	Args        []string
	Environment []string       // without what was for this process alone
	Listeners   []net.Listener // they stay the caller's
	// Keeper is handed on from one process to the next: each writes its process id to it when it has taken over.
	Keeper *os.File
}

// Successor is a process that is to take over from this one.
type Successor struct {
	*Handover
	// Ended is closed when the process has ended.
	Ended <-chan struct{}

	process *os.Process
	state   *os.ProcessState // once it has ended
	sockets []*os.File
}

// StartSuccessor starts a process with the sockets of this one.
func StartSuccessor(options SuccessorOptions) (*Successor, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("make a connection to the successor: %w", err)
	}
	theirs := os.NewFile(uintptr(pair[1]), "handover")
	defer theirs.Close()
	handover, err := newHandover(os.NewFile(uintptr(pair[0]), "handover"))
	if err != nil {
		return nil, fmt.Errorf("make a connection to the successor: %w", err)
	}
	sockets, err := files(options.Listeners)
	if err != nil {
		handover.Close()
		return nil, err
	}
	s := &Successor{Handover: handover, sockets: sockets}
	if err := s.start(options, theirs); err != nil {
		handover.Close()
		s.closeSockets()
		return nil, fmt.Errorf("start %s: %w", options.Path, err)
	}
	return s, nil
}

func (s *Successor) start(options SuccessorOptions, theirs *os.File) error {
	var err error
	s.process, err = os.StartProcess(options.Path, options.Args, &os.ProcAttr{
		Env:   append(Environment(options.Environment), handoverVariable+"="+strconv.Itoa(len(s.sockets))),
		Files: append([]*os.File{os.Stdin, os.Stdout, os.Stderr, theirs, options.Keeper}, s.sockets...),
		// A process group of its own: Ctrl-C at the terminal reaches the first process alone, which passes it on, once.
		Sys: &syscall.SysProcAttr{Setpgid: true},
	})
	if err != nil {
		return err
	}
	ended := make(chan struct{})
	s.Ended = ended
	go func() {
		defer close(ended)
		s.state, _ = s.process.Wait()
	}()
	return nil
}

// PID is the process's.
func (s *Successor) PID() int { return s.process.Pid }

// Signal sends it a signal; one that has ended gets none.
func (s *Successor) Signal(signal os.Signal) { _ = s.process.Signal(signal) }

var errEnded = errors.New("it ended")

// Why says why the connection broke, where the process has ended, as far as its exit status tells. It waits for the end.
func (s *Successor) Why() error {
	<-s.Ended
	if s.state == nil {
		return errEnded
	}
	return fmt.Errorf("%w: %s", errEnded, s.state)
}

// ExitCode is that of the ended process, as a shell gives it: 128 and the signal where one ended it.
func (s *Successor) ExitCode() int {
	<-s.Ended
	if s.state == nil {
		return 1
	}
	if status := s.state.Sys().(syscall.WaitStatus); status.Signaled() {
		return 128 + int(status.Signal())
	}
	return s.state.ExitCode()
}

// Kill ends the process and waits until it is gone: what it held is free then. It returns the sockets that it was given, which
// connections wait in.
func (s *Successor) Kill() (*Sockets, error) {
	s.Signal(os.Kill)
	<-s.Ended
	s.Handover.Close()
	back := &Sockets{}
	var errs []error
	for _, file := range s.sockets {
		errs = append(errs, back.hold(file))
	}
	s.sockets = nil
	return back, errors.Join(errs...)
}

// TookOver gives up our copies of its sockets.
func (s *Successor) TookOver() { s.closeSockets() }

func (s *Successor) closeSockets() {
	for _, file := range s.sockets {
		file.Close()
	}
	s.sockets = nil
}
