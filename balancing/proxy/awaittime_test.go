package proxy

import (
	"os"
	"testing"
	"time"

	"headroom.dev/headroom/balancing/edit"
	"headroom.dev/headroom/balancing/h1"
)

// hesitant is a call to a backend whose answer comes with the second wait.
type hesitant struct {
	call
	waits int
}

func (h *hesitant) await(res *h1.Response, _ bool, _ time.Time, _ time.Duration) error {
	if h.waits++; h.waits == 1 {
		return os.ErrDeadlineExceeded
	}
	_, err := res.Parse([]byte("HTTP/1.1 200 OK\r\n\r\n"), h1.Limits{})
	return err
}

// staying is a client that is there.
type staying struct{ client }

func (staying) gone() bool { return false }

// A body that flows for longer than the backend may take for its answer: its time begins when the body has been sent.
func TestTimeThatABodyTookIsNotTheBackends(t *testing.T) {
	x := &exchange{client: staying{}, route: &edit.Route{ResponseTimeout: time.Minute}}
	x.view, x.taken, x.attemptAt = &view{}, true, time.Now().Add(-time.Hour)
	if err := x.awaitResponse(&hesitant{}); err != nil {
		t.Errorf("%v, want the answer", err)
	}
}
