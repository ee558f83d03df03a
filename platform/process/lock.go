package process

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// lockDir makes sure that one platform at a time uses a directory. A replica that was forked and has not executed its
// program yet holds the lock as well, so its mark can be seen once the lock is free.
func lockDir(dir string, timeout time.Duration) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the directory of the replicas: %w", err)
	}
	for deadline := time.Now().Add(timeout); ; time.Sleep(10 * time.Millisecond) {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			break
		}
		if errors.Is(err, unix.EWOULDBLOCK) && time.Now().Before(deadline) || errors.Is(err, unix.EINTR) {
			continue
		}
		holder, _ := io.ReadAll(io.NewSectionReader(file, 0, 32))
		_ = file.Close()
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("lock %s: %w", dir, err)
		}
		return nil, fmt.Errorf("another headroom (process %s) looks after the replicas in %s: stop it first, or give this one another state.dir",
			strings.TrimSpace(string(holder)), dir)
	}
	_ = file.Truncate(0) // the process id is for people only
	_, _ = file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return file, nil
}

// stateID returns the random name of a state directory, making it at first.
func stateID(dir string) (string, error) {
	path := filepath.Join(dir, "id")
	text, err := os.ReadFile(path)
	if id := strings.TrimSpace(string(text)); err == nil && len(id) == 16 && goodName(id) {
		return id, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read the id of the state: %w", err)
	}
	random := make([]byte, 8)
	_, _ = rand.Read(random) // never fails, see crypto/rand
	id := hex.EncodeToString(random)
	if err := replaceFile(path, []byte(id+"\n")); err != nil {
		return "", fmt.Errorf("write the id of the state: %w", err)
	}
	return id, nil
}
