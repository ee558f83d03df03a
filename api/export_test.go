package api

import (
	"net/http"
	"testing"

	"headroom.dev/headroom"
)

// TestAPI is an API with one fake service for the tests of the client.
type TestAPI struct{ world *world }

func NewTestAPI(t testing.TB, token string) TestAPI {
	w := newWorld(t)
	w.token = token
	w.restart()
	return TestAPI{w}
}

func (a TestAPI) Handler() http.Handler { return a.world.handler }

func (a TestAPI) Append(kind headroom.EntryKind, id string, value any) {
	a.world.append(kind, "shop", id, value)
}

func (a TestAPI) Stopped() bool {
	a.world.control.lock.Lock()
	defer a.world.control.lock.Unlock()
	return a.world.control.stopped
}

func (a TestAPI) Scaled() int {
	a.world.control.lock.Lock()
	defer a.world.control.lock.Unlock()
	return a.world.control.scaled
}

// Streams is how many event streams are open.
func (a TestAPI) Streams() int { return a.world.feed.count() }

// WaitUntil waits for a condition.
func WaitUntil(t testing.TB, what string, holds func() bool) {
	t.Helper()
	until(t, what, holds)
}
