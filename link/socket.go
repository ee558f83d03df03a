package link

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// longestSocketPath is what fits into sun_path of unix(7), 108 bytes with the final zero.
const longestSocketPath = 107

// shortPath returns a path to file that fits into a socket address, and a function to call when it is no longer used.
// A long one is reached through a descriptor of its directory.
func shortPath(file string) (string, func(), error) {
	if len(file) <= longestSocketPath {
		return file, func() {}, nil
	}
	dir, err := os.Open(filepath.Dir(file))
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(file)), func() { dir.Close() }, nil
}

// Dial connects to the socket file of a role.
func Dial(ctx context.Context, file string) (net.Conn, error) {
	short, done, err := shortPath(file)
	if err != nil {
		return nil, err
	}
	defer done()
	return (&net.Dialer{}).DialContext(ctx, "unix", short)
}

// Client returns an HTTP client whose every request goes to the socket file; hosts in its URLs mean nothing.
func Client(file string) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext:         func(ctx context.Context, _, _ string) (net.Conn, error) { return Dial(ctx, file) },
		MaxIdleConnsPerHost: 2,
		IdleConnTimeout:     30 * time.Second,
	}}
}

// Endpoint is a role's socket, held by exactly one process: see Claim.
type Endpoint struct {
	lock   *os.File
	file   string
	server *http.Server
	cancel context.CancelFunc // ends the streams
	done   chan struct{}
}

// claimPatience is how long Claim waits for a process that has the role: one that was killed is not gone at once, and
// its successor should not fail for that.
const claimPatience = 2 * time.Second

// Claim makes this process the only one with a role (a name such as "balancer") on a state directory. Another process
// that has it and keeps it is named in the error.
func Claim(dir, role string) (*Endpoint, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the state directory: %w", err)
	}
	path := filepath.Join(dir, role+".lock")
	lock, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock of the %s: %w", role, err)
	}
	if err := flock(lock, claimPatience); err != nil {
		holder := make([]byte, 32)
		n, _ := lock.ReadAt(holder, 0)
		lock.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("another headroom %s%s runs on the state in %s: stop it first, or give this one its own state.dir",
				role, holderText(string(holder[:n])), dir)
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	// The content is only for the message above; failing to write it harms nothing.
	if lock.Truncate(0) == nil {
		_, _ = lock.WriteAt([]byte(strconv.Itoa(os.Getpid())), 0)
	}
	return &Endpoint{lock: lock, file: SocketFile(dir, role)}, nil
}

// flock takes a lock, and tries again for a while where another process has it: the kernel tells nobody when that ends.
func flock(file *os.File, patience time.Duration) error {
	const pause = 20 * time.Millisecond
	for waited := time.Duration(0); ; waited += pause {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, unix.EWOULDBLOCK) || waited >= patience {
			return err
		}
		time.Sleep(pause)
	}
}

func holderText(content string) string {
	if pid, err := strconv.Atoi(content); err == nil {
		return fmt.Sprintf(" (pid %d)", pid)
	}
	return ""
}

// SocketFile is where the other roles find a role.
func SocketFile(dir, role string) string { return filepath.Join(dir, role+".sock") }

// Serve answers requests of the other roles until Hush.
func (e *Endpoint) Serve(handler http.Handler) error {
	// The lock is ours, so a socket that is there was left by a process that was killed.
	if err := os.Remove(e.file); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove the socket that was left behind: %w", err)
	}
	short, done, err := shortPath(e.file)
	if err != nil {
		return err
	}
	defer done()
	listener, err := net.Listen("unix", short)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", e.file, err)
	}
	listener.(*net.UnixListener).SetUnlinkOnClose(false) // by the short name, which may no longer lead there
	if err := os.Chmod(e.file, 0o600); err != nil {
		listener.Close()
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	e.cancel = cancel
	e.server = &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second,
		BaseContext: func(net.Listener) context.Context { return ctx }}
	e.done = make(chan struct{})
	go func() {
		defer close(e.done)
		_ = e.server.Serve(listener)
	}()
	return nil
}

// hushLimit bounds how long answers that have begun may take; all of them are made from memory.
const hushLimit = 2 * time.Second

// Hush stops serving: streams end after what was published before, and answers that have begun are finished. The role
// is kept until Close.
func (e *Endpoint) Hush() {
	if e.server == nil {
		return
	}
	e.cancel()
	ctx, cancel := context.WithTimeout(context.Background(), hushLimit)
	defer cancel()
	if e.server.Shutdown(ctx) != nil {
		e.server.Close()
	}
	<-e.done
	os.Remove(e.file)
	e.server = nil
}

// Close stops serving and gives the role up.
func (e *Endpoint) Close() error {
	e.Hush()
	return e.lock.Close()
}
