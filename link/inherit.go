package link

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Sockets are listening sockets that a process holds and does not serve yet: inherited from the process that it takes over from, or from
// systemd (LISTEN_FDS), or opened ahead of their use. Safe for concurrent use; nil holds none.
type Sockets struct {
	mu   sync.Mutex // guards held
	held []net.Listener
}

// Inherit takes count listening TCP sockets that this process was started with, from descriptor first on. Programs that it starts do not
// get them.
func Inherit(first, count int) (*Sockets, error) {
	s := &Sockets{}
	for fd := first; fd < first+count; fd++ {
		unix.CloseOnExec(fd)
		if listening, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN); err != nil || listening == 0 {
			s.Close()
			return nil, fmt.Errorf("take descriptor %d over: expected a listening TCP socket", fd)
		}
		if err := s.hold(os.NewFile(uintptr(fd), "inherited")); err != nil {
			s.Close()
			return nil, fmt.Errorf("take descriptor %d over: expected a listening TCP socket: %w", fd, err)
		}
	}
	return s, nil
}

// hold keeps the socket of a file, which it closes.
func (s *Sockets) hold(file *os.File) error {
	defer file.Close()
	listener, err := net.FileListener(file)
	if err != nil {
		return err
	}
	if _, tcp := listener.(*net.TCPListener); !tcp {
		listener.Close()
		return fmt.Errorf("it is of %s", listener.Addr().Network())
	}
	s.held = append(s.held, listener)
	return nil
}

// Listen returns the held socket of an address, or else opens one.
func (s *Sockets) Listen(address string) (net.Listener, error) {
	if listener := s.take(address); listener != nil {
		return listener, nil
	}
	// Without TCP keep-alive: the balancer and the API have idle timeouts, and it costs four system calls for each connection.
	config := net.ListenConfig{KeepAlive: -1}
	config.SetMultipathTCP(false) // it costs each connection more, also those that do not use it
	return config.Listen(context.Background(), "tcp", address)
}

// Reserve opens and holds the sockets of those addresses that are not held yet, so that a port in use is known before they are needed.
func (s *Sockets) Reserve(addresses []string) error {
	for _, address := range addresses {
		listener, err := s.Listen(address)
		if err != nil {
			return err
		}
		s.mu.Lock()
		s.held = append(s.held, listener)
		s.mu.Unlock()
	}
	return nil
}

func (s *Sockets) take(address string) net.Listener {
	if s == nil {
		return nil
	}
	want, err := net.ResolveTCPAddr("tcp", address)
	if err != nil || want.Port == 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.held, func(l net.Listener) bool { return sameAddress(want, l.Addr().(*net.TCPAddr)) })
	if i < 0 {
		return nil
	}
	listener := s.held[i]
	s.held = slices.Delete(s.held, i, i+1)
	return listener
}

// sameAddress compares a configured address with that of a socket: ":8080" is "[::]:8080" there.
func sameAddress(want, have *net.TCPAddr) bool {
	anyone := (want.IP == nil || want.IP.IsUnspecified()) && have.IP.IsUnspecified()
	return want.Port == have.Port && (anyone || want.IP.Equal(have.IP) && want.Zone == have.Zone)
}

// Close closes the sockets that nobody has taken, and returns their addresses.
func (s *Sockets) Close() []string {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var addresses []string
	for _, listener := range s.held {
		addresses = append(addresses, listener.Addr().String())
		listener.Close()
	}
	s.held = nil
	return addresses
}

// files duplicates the descriptors of listeners, to be handed to another process. They stay non-blocking, which os.File.Fd of a
// listener's File would undo, and for every process that has the socket.
func files(listeners []net.Listener) ([]*os.File, error) {
	var all []*os.File
	for _, listener := range listeners {
		file, err := duplicate(listener)
		if err != nil {
			for _, other := range all {
				other.Close()
			}
			return nil, fmt.Errorf("hand over the socket of %s: %w", listener.Addr(), err)
		}
		all = append(all, file)
	}
	return all, nil
}

func duplicate(listener net.Listener) (*os.File, error) {
	conn, ok := listener.(syscall.Conn)
	if !ok {
		return nil, errors.New("it has no descriptor")
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	var copied int
	var failed error
	if err := raw.Control(func(fd uintptr) { copied, failed = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) }); err != nil {
		return nil, err
	}
	if failed != nil {
		return nil, failed
	}
	return os.NewFile(uintptr(copied), listener.Addr().String()), nil
}
