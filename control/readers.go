package control

import (
	"context"
	"sync"
	"time"
)

// readers bounds the reads of the platform. All that begin in one second share one bound: with 10,000 services a timer for
// each read would cost more than the read. The zero value is ready.
type readers struct {
	mu      sync.Mutex // guards all below
	began   time.Time
	bounded context.Context
}

// context returns one that ends with its parent, and inventoryTimeout after now at the earliest and a second later at the
// latest. The parent must always be the same.
func (r *readers) context(parent context.Context, now time.Time) context.Context {
	r.mu.Lock()
	defer r.mu.Unlock()
	if age := now.Sub(r.began); r.bounded == nil || age < 0 || age >= time.Second {
		r.began = now
		bounded, cancel := context.WithTimeout(parent, inventoryTimeout+time.Second)
		context.AfterFunc(bounded, cancel) // it ends by itself: reads may still use it when the next one is made
		r.bounded = bounded
	}
	return r.bounded
}
