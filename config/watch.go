package config

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	"headroom.dev/headroom"
)

// Event is the outcome of reading the configuration again.
type Event struct {
	Loaded    *Loaded  // the new configuration, valid as a whole; nil where there is none to apply
	Restart   []string // what of it differs from the start and is only applied by a restart, in sentences
	Err       error    // why it was refused; the old configuration stays
	Unchanged bool     // read as asked, or mended after an error, but the same as what is in force
}

const (
	// settle is how long a file must be quiet: editors and Kubernetes replace files in several steps.
	settle = 100 * time.Millisecond
	// settleAtMost bounds the wait in a directory where something is always written.
	settleAtMost = time.Second
	// checkAnyway is how often files are compared without an event: network file systems send none, and a directory
	// that was replaced as a whole is no longer watched.
	checkAnyway = 10 * time.Second
)

// Watcher reads a configuration again when its files change or when asked to. It is safe for concurrent use.
type Watcher struct {
	asked chan struct{}
	done  chan struct{}
	stop  context.CancelFunc
}

// Watch follows the files of loaded until ctx ends or [Watcher.Close]. deliver is called from one goroutine, never
// twice at once; the configuration in force is taken to be the last one delivered. An event that says nothing new (the
// same error twice, a change of comments) is not delivered, unless it was asked for by [Watcher.Reload].
func Watch(ctx context.Context, loader Loader, loaded *Loaded, logger *slog.Logger, deliver func(Event)) (*Watcher, error) {
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watch the config for changes: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	w := &Watcher{asked: make(chan struct{}, 1), done: make(chan struct{}), stop: cancel}
	f := &follower{loader: loader, started: loaded.Config, current: loaded, notify: notify, logger: logger, deliver: deliver,
		unwatched: map[string]bool{}}
	f.watchDirectories()
	// Of nothing, so that the first check reads the files: they may have changed since they were loaded.
	f.print = fingerprint(nil)
	go func() {
		defer close(w.done)
		defer notify.Close()
		f.run(ctx, w.asked)
	}()
	return w, nil
}

// Reload asks for the files to be read again now, as on SIGHUP. It does not wait; the outcome is always delivered.
func (w *Watcher) Reload() {
	select {
	case w.asked <- struct{}{}:
	default: // one is pending already, and will see what there is now
	}
}

// Close stops watching and waits until no event is being delivered.
func (w *Watcher) Close() {
	w.stop()
	<-w.done
}

// follower is the goroutine of a Watcher.
type follower struct {
	loader  Loader
	started headroom.Config // what the process runs with where a restart is needed
	current *Loaded
	notify  *fsnotify.Watcher
	logger  *slog.Logger
	deliver func(Event)

	print     [sha256.Size]byte // of the files when they were last read
	lastError string            // "" where the last read went well
	unwatched map[string]bool   // directories that cannot be watched, so that it is said once
}

func (f *follower) run(ctx context.Context, asked <-chan struct{}) {
	ticker := time.NewTicker(checkAnyway)
	defer ticker.Stop()
	quiet := time.NewTimer(settle) // a first check soon: something may have changed since the load
	defer quiet.Stop()
	var first time.Time // of the events that are waited for
	for {
		select {
		case <-ctx.Done():
			return
		case <-asked:
			f.read(true)
		case <-ticker.C:
			f.watchDirectories()
			if first.IsZero() && fingerprint(f.current.Files) != f.print {
				quiet.Reset(settle)
			}
		case <-quiet.C:
			first = time.Time{}
			f.watchDirectories()
			f.read(false)
		case err := <-f.notify.Errors:
			f.logger.Warn("watching the config lost events; reading it again", "error", err)
			quiet.Reset(settle)
		case event := <-f.notify.Events:
			if !f.concerns(event) {
				continue
			}
			now := time.Now()
			if first.IsZero() {
				first = now
			}
			quiet.Reset(min(settle, max(0, settleAtMost-now.Sub(first))))
		}
	}
}

// concerns tells whether an event may mean one of our files: it has its name, or is the kind of event by which whole
// directories are swapped under a symbolic link.
func (f *follower) concerns(event fsnotify.Event) bool {
	name := filepath.Base(event.Name)
	if strings.HasPrefix(name, "..") {
		return true // Kubernetes: ..data is the link that is swapped
	}
	for _, file := range f.current.Files {
		if filepath.Base(file) == name {
			return true
		}
	}
	return event.Has(fsnotify.Create) || event.Has(fsnotify.Rename)
}

// read loads the files, unless they are what they were and nobody asked, and delivers what is new.
func (f *follower) read(asked bool) {
	now := fingerprint(f.current.Files)
	if now == f.print && !asked {
		return
	}
	f.print = now
	loaded, err := f.loader.Load()
	if err != nil {
		if text := err.Error(); asked || text != f.lastError {
			f.lastError = text
			f.deliver(Event{Err: err})
		}
		return
	}
	mended := f.lastError != ""
	f.lastError = ""
	if reflect.DeepEqual(loaded.Config, f.current.Config) {
		// Files may differ even so: a secret may have moved to another file.
		f.current = loaded
		f.watchDirectories()
		if asked || mended {
			f.deliver(Event{Unchanged: true})
		}
		return
	}
	restart := RestartNeeded(f.started, loaded.Config)
	f.current = loaded
	f.watchDirectories()
	f.deliver(Event{Loaded: loaded, Restart: restart})
}

// watchDirectories watches the directories of all files, and of what they are links to. Directories and not files:
// a file that is replaced by rename is another file, and a watch on it would be lost. Adding one twice does nothing.
func (f *follower) watchDirectories() {
	for _, file := range f.current.Files {
		directories := []string{filepath.Dir(file)}
		if real, err := filepath.EvalSymlinks(file); err == nil {
			directories = append(directories, filepath.Dir(real))
		}
		for _, directory := range directories {
			if err := f.notify.Add(directory); err != nil && !os.IsNotExist(err) && !f.unwatched[directory] {
				f.unwatched[directory] = true
				f.logger.Warn("a directory of the config cannot be watched; changes are seen late", "directory", directory,
					"within", checkAnyway.String(), "error", err)
			}
		}
	}
}

// fingerprint is a hash of the contents of files; one that cannot be read counts as such.
func fingerprint(files []string) [sha256.Size]byte {
	hash := sha256.New()
	for _, file := range files {
		content, err := readLimited(file)
		fmt.Fprintf(hash, "%q %v %d\n", file, err, len(content))
		hash.Write([]byte(content))
	}
	return [sha256.Size]byte(hash.Sum(nil))
}
