package control_test

import (
	"testing"
	"time"
)

// A balancer in another process has a table of the state that was lost; what it is told next must be newer, or it would
// pass for having applied what it has not heard of yet.
func TestVersionsOfEndpointsGoOnWhereTheStateWasLost(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.start()
		w.balancer.set(48)
		w.pass(5 * time.Second)
		tables := w.balancer.tables()
		before := tables[len(tables)-1].Version
		w.kill()
		w.store = newMemory()
		w.start()
		w.pass(5 * time.Second)
		after := w.balancer.tables()[len(tables):]
		if len(after) == 0 {
			t.Fatal("the balancer was told nothing after the loss")
		}
		for _, table := range after {
			if table.Version <= before {
				t.Errorf("version %d after version %d", table.Version, before)
			}
		}
	})
}
