package client

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"headroom.dev/headroom"
)

func clientOf(t *testing.T, handler http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(handler)
	c, err := New(server.URL+"/", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); server.Close() })
	return c
}

func TestAChangeIsRepeatedUnderOneKeyWhereItsAnswerIsLost(t *testing.T) {
	var keys []string
	c := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || !strings.Contains(string(body), `"replicas":4`) {
			t.Errorf("body is %s, %v", body, err)
		}
		keys = append(keys, r.Header.Get("Idempotency-Key"))
		if len(keys) == 1 {
			panic(http.ErrAbortHandler) // cuts the connection
		}
		_, _ = w.Write([]byte(`{"id":"d","to":4}`))
	})
	decision, err := c.Scale(t.Context(), headroom.ScaleOrder{Service: "shop", Replicas: 4}, false)
	if err != nil || decision.To != 4 {
		t.Errorf("got %+v, %v", decision, err)
	}
	if len(keys) != 2 || keys[0] == "" || keys[0] != keys[1] {
		t.Errorf("keys are %q", keys)
	}
}

func TestAnotherServerIsToldApartFromHeadroom(t *testing.T) {
	c := clientOf(t, func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "<html>Bad Gateway", http.StatusBadGateway)
	})
	_, err := c.Status(t.Context(), "")
	var refused *Error
	if !errors.As(err, &refused) || refused.Status != http.StatusBadGateway || refused.Code != "not-headroom" || refused.Hint() == "" {
		t.Errorf("got %v", err)
	}
	c = clientOf(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>hello")) })
	if _, err = c.Status(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "not as expected") {
		t.Errorf("got %v", err)
	}
}

func TestAnAPIThatDoesNotRunIsSaidSo(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	c, err := New(address, "")
	if err != nil {
		t.Fatal(err)
	}
	var unreachable *UnreachableError
	err = c.Stop(t.Context(), false)
	if !errors.As(err, &unreachable) || err.Error() != "headroom does not run at http://"+address || !strings.Contains(unreachable.Hint(), "headroom run") {
		t.Errorf("got %v", err)
	}
}

func TestAnAddressThatIsNoneIsRefused(t *testing.T) {
	for _, bad := range []string{"", "ftp://127.0.0.1", "http://", "http://[::1", "unix:///run/x"} {
		if _, err := New(bad, ""); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

func TestAStreamThatIsSilentForTooLongIsTakenUpAgain(t *testing.T) {
	var connections atomic.Int32
	resumed := make(chan string, 10)
	c := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
		resumed <- r.Header.Get("Last-Event-ID")
		w.Header().Set("Content-Type", "text/event-stream")
		if connections.Add(1) == 1 {
			_, _ = w.Write([]byte("id: 41\n\n"))
		} else {
			_, _ = w.Write([]byte(": comment\r\nid: 42\r\nevent: event\r\ndata: {\"seq\":\r\ndata: 42}\r\n\r\n"))
		}
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
		<-r.Context().Done()
	})
	enough := errors.New("enough")
	err := c.Follow(t.Context(), EventOptions{Silence: 50 * time.Millisecond}, func(entry headroom.Entry) error {
		if entry.Seq != 42 {
			t.Errorf("got entry %d", entry.Seq)
		}
		return enough
	})
	if !errors.Is(err, enough) {
		t.Errorf("ended with %v", err)
	}
	if first, second := <-resumed, <-resumed; first != "" || second != "41" {
		t.Errorf("connected with Last-Event-ID %q and %q", first, second)
	}
}
