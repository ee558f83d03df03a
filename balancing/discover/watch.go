package discover

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"headroom.dev/headroom"
)

// Found is told what a name of a service stands for, each time it was asked for; err is why that is not known. It is called by several goroutines.
type Found func(service string, backend headroom.StaticBackend, all []headroom.Resolved, err error)

// Watcher asks for names again and again. Its methods are safe for concurrent use.
type Watcher struct {
	found Found

	mu      sync.Mutex // guards watched
	watched map[watched]context.CancelFunc
	workers sync.WaitGroup
}

type watched struct {
	service string
	backend headroom.StaticBackend
}

// New makes a watcher of nothing.
func New(found Found) *Watcher {
	return &Watcher{found: found, watched: map[watched]context.CancelFunc{}}
}

// Set has the names of these services watched and no others. What is watched already goes on as it is.
func (w *Watcher) Set(services map[string]headroom.Service) {
	w.mu.Lock()
	defer w.mu.Unlock()
	wanted := map[watched]bool{}
	for name, service := range services {
		for _, backend := range service.Backends {
			if backend.Named() {
				wanted[watched{name, backend}] = true
			}
		}
	}
	for one, stop := range w.watched {
		if !wanted[one] {
			stop()
			delete(w.watched, one)
		}
	}
	for one := range wanted {
		if w.watched[one] == nil {
			ctx, stop := context.WithCancel(context.Background())
			w.watched[one] = stop
			w.workers.Go(func() { w.watch(ctx, one) })
		}
	}
}

// Stop ends all and waits until nobody is told anything any more.
func (w *Watcher) Stop() {
	w.Set(nil)
	w.workers.Wait()
}

// most is how long one round of questions may take: Go's resolver asks each server twice, 5 s each.
const most = 15 * time.Second

func (w *Watcher) watch(ctx context.Context, one watched) {
	for {
		asking, cancel := context.WithTimeout(ctx, most)
		all, err := lookup(asking, one.backend)
		cancel()
		if ctx.Err() != nil {
			return
		}
		w.found(one.service, one.backend, all, err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(jittered(time.Duration(one.backend.DNS.Refresh))):
		}
	}
}

// jittered is a time of 90 to 110 % of another, so that names that began together do not ask together for ever.
func jittered(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.9 + 0.2*rand.Float64()))
}
