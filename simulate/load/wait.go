package load

import (
	"context"
	"time"
)

// waiter waits for instants, for one goroutine.
type waiter interface {
	// wait returns at an instant, or false when the waiter's context ended first.
	wait(until time.Time) bool
	close()
}

// coarseWaiter waits with the runtime's timers, which on an idle process are late by up to 1 ms: the runtime sleeps in
// epoll_wait(2), whose timeout is in whole milliseconds.
type coarseWaiter struct{ ctx context.Context }

func (w coarseWaiter) wait(until time.Time) bool {
	left := time.Until(until)
	if left <= 0 {
		return w.ctx.Err() == nil
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-w.ctx.Done():
		return false
	}
}

func (w coarseWaiter) close() {}
