package bolt

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// fileLock is a lock file of its own rather than bbolt's lock on the state file, because recovery puts another file in
// its place.
type fileLock struct{ file *os.File }

func acquireLock(path string, timeout time.Duration) (*fileLock, error) {
	file, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the state: %w", err)
	}
	deadline := time.Now().Add(timeout)
	for {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			break
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			_ = file.Close()
			return nil, fmt.Errorf("lock %s: %w", file.Name(), err)
		}
		if time.Now().After(deadline) {
			locked := &LockedError{Path: path, PID: readPID(file)}
			_ = file.Close()
			return nil, locked
		}
		time.Sleep(20 * time.Millisecond)
	}
	// The process id is for people only; the lock is what counts, so a full disk does not stop anyone here.
	_ = file.Truncate(0)
	_, _ = file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return &fileLock{file: file}, nil
}

func readPID(file *os.File) int {
	text, err := io.ReadAll(io.NewSectionReader(file, 0, 32))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid < 1 {
		return 0
	}
	return pid
}

// release gives the lock back. The lock file stays: removing it would let two processes hold two files of one name.
func (l *fileLock) release() { _ = l.file.Close() }
