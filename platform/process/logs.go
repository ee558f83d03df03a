package process

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A replica writes to its file itself, so it is never blocked by us nor broken by our end. A file that has grown past
// logSize is copied to NAME.log.1 (and that to NAME.log.2 before) and cut; lines written in the instant between are lost.
// Of one that grew faster than it is looked at, the last 2 × logSize are copied, so that a flood cannot fill the disk.
const (
	logSize     = 10 << 20
	logCopies   = 2
	logCheck    = time.Second // one stat for each replica
	logsOfDead  = 20          // logs of removed replicas that are kept per service
	tailLines   = 10
	tailMaxRead = 4 << 20
)

func openLog(path string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
}

// Logs implements headroom.Platform. Logs of the last replicas that were removed can be read as well. It returns
// *headroom.UnknownNameError where there is no such replica.
func (p *Platform) Logs(_ context.Context, service, replica string, lines int) ([]string, error) {
	if !goodName(service) || !goodName(replica) || !exists(p.logPath(service, replica)) {
		_, err := p.find(service, replica)
		return []string{}, err
	}
	path := p.logPath(service, replica)
	found, err := tailOf(path, lines)
	if err == nil && len(found) < lines && exists(path+".1") {
		older, olderErr := tailOf(path+".1", lines-len(found))
		found, err = append(older, found...), olderErr
	}
	return found, err
}

// tailOf returns the last lines of a file, of its last 4 MiB at most; no file is no lines.
func tailOf(path string, lines int) ([]string, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) || lines <= 0 {
		return []string{}, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	end := info.Size()
	var text []byte
	for start := end; start > 0 && end-start < tailMaxRead && strings.Count(string(text), "\n") <= lines; {
		step := min(start, 64<<10)
		start -= step
		chunk := make([]byte, step)
		if _, err := file.ReadAt(chunk, start); err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		text = append(chunk, text...)
	}
	all := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if len(text) == 0 {
		return []string{}, nil
	}
	return all[max(0, len(all)-lines):], nil
}

func (p *Platform) rotateLogs() {
	ticker := time.NewTicker(logCheck)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-p.ctx.Done():
			return
		}
		for _, path := range p.livingLogs() {
			if err := rotate(path, logSize); err != nil {
				p.log.Warn("cannot rotate the log of a replica", "file", path, "error", err)
			}
		}
	}
}

func (p *Platform) livingLogs() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var paths []string
	for _, r := range p.replicas {
		paths = append(paths, p.logPath(r.Service, r.Name))
	}
	return paths
}

// rotate copies a log that has reached a size and cuts it; the replica keeps its file open and appends on.
func rotate(path string, size int64) error {
	info, err := os.Stat(path)
	if err != nil || info.Size() < size {
		return nil // not there yet, or short
	}
	for i := logCopies; i > 1; i-- {
		if err := os.Rename(copyName(path, i-1), copyName(path, i)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	source, err := os.Open(path)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenFile(copyName(path, 1), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, io.NewSectionReader(source, max(0, info.Size()-2*size), math.MaxInt64/2))
	if err := errors.Join(err, target.Close()); err != nil {
		_ = os.Remove(copyName(path, 1)) // a full disk: half a copy would keep it full
	}
	return errors.Join(err, os.Truncate(path, 0))
}

func copyName(path string, i int) string { return path + "." + string(rune('0'+i)) }

// pruneLogs keeps the logs of the last removed replicas, for their end may be asked about later, and removes older ones.
func (p *Platform) pruneLogs(service string, inUse map[string]bool) {
	paths, _ := filepath.Glob(filepath.Join(p.dir, "logs", service, "*.log"))
	type dead struct {
		path  string
		since time.Time
	}
	var removed []dead
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil || inUse[strings.TrimSuffix(filepath.Base(path), ".log")] {
			continue
		}
		removed = append(removed, dead{path, info.ModTime()})
	}
	slices.SortFunc(removed, func(a, b dead) int { return b.since.Compare(a.since) })
	for _, old := range removed[min(len(removed), logsOfDead):] {
		_ = os.Remove(old.path)
		for i := range logCopies {
			_ = os.Remove(copyName(old.path, i+1))
		}
	}
}
