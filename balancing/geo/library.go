package geo

import (
	"os"
	"sync"
	"time"
)

// Library keeps the databases that are open, so that a configuration which is applied again reads only files that have changed. Its zero value
// is empty. Safe for concurrent use.
type Library struct {
	mu   sync.Mutex // guards open
	open map[string]opened
}

type opened struct {
	modified time.Time
	size     int64
	database *Database
}

// Open returns the database of a file as it is now.
func (l *Library) Open(path string) (*Database, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if have, known := l.open[path]; known && have.modified.Equal(info.ModTime()) && have.size == info.Size() {
		return have.database, nil
	}
	database, err := Open(path)
	if err != nil {
		return nil, err
	}
	if l.open == nil {
		l.open = map[string]opened{}
	}
	l.open[path] = opened{info.ModTime(), info.Size(), database}
	return database, nil
}
