//go:build !linux

package load

import "context"

// newPreciseWaiter is no more precise than the runtime's timers here.
func newPreciseWaiter(ctx context.Context) waiter { return coarseWaiter{ctx} }
