package certificate

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"
)

const (
	// maxFile bounds a file of certificates. The bundle of all public roots has 220 KB.
	maxFile = 4 << 20
	// coarseTime is within what two changes of a file may have the same time: a jiffy of 10 ms where the kernel has its time from, but
	// 1 s on ext3 and HFS+, and 2 s on FAT.
	coarseTime = 2 * time.Second
)

// stamp is what a file looked like from outside when it was read.
type stamp struct {
	info  os.FileInfo // nil where there was none
	fresh bool        // changed so shortly before it was read that a further change may not show in its time
}

func look(path string, now time.Time) stamp {
	info, err := os.Stat(path) // of what a link leads to: Kubernetes swaps a link to the directory
	if err != nil {
		return stamp{}
	}
	return stamp{info: info, fresh: now.Sub(info.ModTime()) < coarseTime}
}

// same reports whether a file that looks like this now has surely the content that it had then.
func (s stamp) same(then stamp) bool {
	if s.info == nil || then.info == nil {
		return s.info == nil && then.info == nil
	}
	return !then.fresh && os.SameFile(s.info, then.info) && s.info.Size() == then.info.Size() && s.info.ModTime().Equal(then.info.ModTime())
}

// read reads a file, which must be a regular one: opening a pipe would wait for somebody to write to it.
func read(path string) ([]byte, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, plain(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, plain(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("is not a file")
	}
	content, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, plain(err)
	}
	if len(content) > maxFile {
		return nil, fmt.Errorf("has more than %d MiB", maxFile>>20)
	}
	return content, nil
}

// plain drops the path from an error, since what we say of a file begins with it, and says the common case in plain words.
func plain(err error) error {
	var of *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errors.New("there is no such file")
	case errors.Is(err, fs.ErrPermission):
		return errors.New("may not be read by the user that headroom runs as")
	case errors.As(err, &of):
		return fmt.Errorf("cannot be read: %w", of.Err)
	}
	return fmt.Errorf("cannot be read: %w", err)
}

// digest tells contents apart.
func digest(contents [][]byte) [sha256.Size]byte {
	hash := sha256.New()
	for _, content := range contents {
		part := sha256.Sum256(content)
		hash.Write(part[:])
	}
	return [sha256.Size]byte(hash.Sum(nil))
}

// trimmed is a file's content without the byte order mark that editors of Windows begin files with.
func trimmed(content []byte) []byte { return bytes.TrimPrefix(content, []byte("\ufeff")) }
