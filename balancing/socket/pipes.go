package socket

import (
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	// pipeSize is how much a pipe holds, and so is moved at once: what Linux allows everyone (fs.pipe-max-size).
	pipeSize = 1 << 20
	// pipesKept bounds the pipes that wait to be used again.
	pipesKept = 32
)

// pipe is where bytes are between two connections.
type pipe struct {
	out, in int
	held    int
}

// pipes are those that are not in use. The zero value is ready for use.
type pipes struct {
	mu     sync.Mutex // guards what follows
	kept   []*pipe
	closed bool
}

// take returns an empty pipe; nil where none can be opened.
func (p *pipes) take() *pipe {
	p.mu.Lock()
	defer p.mu.Unlock()
	if last := len(p.kept) - 1; last >= 0 {
		taken := p.kept[last]
		p.kept = p.kept[:last]
		return taken
	}
	var ends [2]int
	if syscall.Pipe2(ends[:], syscall.O_CLOEXEC|syscall.O_NONBLOCK) != nil {
		return nil
	}
	_, _ = unix.FcntlInt(uintptr(ends[0]), unix.F_SETPIPE_SZ, pipeSize) // else it takes more system calls
	return &pipe{out: ends[0], in: ends[1]}
}

// put takes a pipe back. One that holds something is closed: nobody shall get the bytes of others.
func (p *pipes) put(back *pipe) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if back.held > 0 || p.closed || len(p.kept) == pipesKept {
		back.close()
		return
	}
	p.kept = append(p.kept, back)
}

func (p *pipes) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, kept := range p.kept {
		kept.close()
	}
	p.kept = nil
}

func (p *pipe) close() {
	closeDescriptor(p.out)
	closeDescriptor(p.in)
}
