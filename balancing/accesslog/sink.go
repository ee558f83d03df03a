package accesslog

import (
	"bytes"
	"io"
	"os"
	"syscall"
	"time"
)

// stdout is the path that means the standard output.
const stdout = "stdout"

// sink is the file that lines go to. All but lock needs it locked.
type sink struct {
	turn chan struct{} // holds one token while nobody has the sink: a lock that can be waited for with an end

	file    io.WriteCloser // nil while there is no log
	chunk   []byte         // being written; nil if none
	rest    []byte         // what of it is not written yet
	failure error          // of the last write
}

func newSink() sink {
	s := sink{turn: make(chan struct{}, 1)}
	s.unlock()
	return s
}

// lock takes the sink, unless another keeps it for longer than wait.
func (s *sink) lock(wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-s.turn:
		return true
	case <-timer.C:
		return false
	}
}

func (s *sink) unlock() { s.turn <- struct{}{} }

// load takes the next chunk that is full, and reports whether there is one.
func (s *sink) load(from *chunks) bool {
	select {
	case s.chunk = <-from.full:
		s.rest = s.chunk
		return true
	default:
		return false
	}
}

// write writes on from where the last write ended, and gives the chunk back if all was taken.
func (s *sink) write(back *chunks) {
	n, err := s.file.Write(s.rest)
	s.rest = s.rest[n:]
	s.failure = err
	if err == nil {
		back.put(s.chunk)
		s.chunk, s.rest = nil, nil
	}
}

// swap takes another file, or none, and closes the old. A line that the old one has a part of is lost: it returns how many are, 0 or 1.
func (s *sink) swap(file io.WriteCloser) (lost int) {
	if s.file != nil {
		s.file.Close() // what it refuses to take at its end cannot be helped, and the next lines tell
	}
	s.file = file
	written := len(s.chunk) - len(s.rest)
	if written > 0 && s.chunk[written-1] != '\n' {
		s.rest = s.rest[bytes.IndexByte(s.rest, '\n')+1:]
		return 1
	}
	return 0
}

// lose drops what is left, and returns how many lines that is.
func (s *sink) lose(all *chunks) (lost int) {
	for s.chunk != nil || s.load(all) {
		lost += bytes.Count(s.rest, []byte{'\n'})
		all.put(s.chunk)
		s.chunk, s.rest = nil, nil
	}
	return lost
}

// open opens a log: mode 0640, since it tells who asked for what; appended to, so that two headrooms can share it during an upgrade.
func open(path string) (io.WriteCloser, error) {
	if path == stdout {
		// The number 1 itself would end the process by SIGPIPE once nobody reads it any more (os/signal).
		fd, err := syscall.Dup(syscall.Stdout)
		if err != nil {
			return nil, os.NewSyscallError("dup", err)
		}
		syscall.CloseOnExec(fd)
		return os.NewFile(uintptr(fd), stdout), nil
	}
	// A named pipe that nobody reads is an error by O_NONBLOCK, and would otherwise be waited for.
	return os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY|syscall.O_NONBLOCK, 0o640)
}
