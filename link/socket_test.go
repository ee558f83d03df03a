package link

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom"
)

func claim(t *testing.T, dir string) *Endpoint {
	t.Helper()
	endpoint, err := Claim(dir, "scaler")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { endpoint.Close() })
	return endpoint
}

func serve(t *testing.T, endpoint *Endpoint, handler http.Handler) {
	t.Helper()
	if err := endpoint.Serve(handler); err != nil {
		t.Fatal(err)
	}
}

func TestASecondClaimNamesTheProcessThatHasTheRole(t *testing.T) {
	dir := t.TempDir()
	first := claim(t, dir)
	_, err := Claim(dir, "scaler")
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("(pid %d)", os.Getpid())) || !strings.Contains(err.Error(), dir) {
		t.Fatalf("the second claim says %v", err)
	}
	if other, err := Claim(dir, "monitor"); err != nil {
		t.Errorf("another role: %v", err)
	} else {
		other.Close()
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	claim(t, dir)
}

func TestASocketHasModeOwnerOnlyReplacesOneLeftBehindAndIsRemoved(t *testing.T) {
	dir := t.TempDir()
	file := SocketFile(dir, "scaler")
	if err := os.WriteFile(file, []byte("left by a process that was killed"), 0o644); err != nil {
		t.Fatal(err)
	}
	endpoint := claim(t, dir)
	serve(t, endpoint, http.NotFoundHandler())
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket has mode %v, %v; want 0600", info.Mode(), err)
	}
	endpoint.Hush()
	endpoint.Hush()
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
	if _, err := Claim(dir, "scaler"); err == nil {
		t.Error("a role that only fell silent was given up")
	}
}

// sun_path of unix(7) takes 107 bytes; a state directory may be deeper.
func TestADeepStateDirectoryWorks(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("deep", 20), strings.Repeat("deeper", 20))
	if len(SocketFile(dir, "scaler")) <= longestSocketPath {
		t.Fatal("the path is not long")
	}
	serve(t, claim(t, dir), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { Answer(w, "here", nil) }))
	var answer string
	if err := Call(t.Context(), Client(SocketFile(dir, "scaler")), "/", nil, &answer); err != nil || answer != "here" {
		t.Errorf("it answered %q, %v", answer, err)
	}
}

func TestErrorsComeOutOfACallAsTheyWentIntoTheAnswer(t *testing.T) {
	dir := t.TempDir()
	failure := make(chan error, 1)
	serve(t, claim(t, dir), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { Answer(w, nil, <-failure) }))
	client := Client(SocketFile(dir, "scaler"))
	call := func(err error) error {
		failure <- err
		return Call(t.Context(), client, "/", nil, nil)
	}

	invalid := &headroom.InvalidError{Field: "query", Value: "up{", Expected: "must be PromQL"}
	err := call(fmt.Errorf("the query: %w", invalid))
	var gotInvalid *headroom.InvalidError
	if !errors.As(err, &gotInvalid) || *gotInvalid != *invalid || err.Error() != "the query: "+invalid.Error() {
		t.Errorf("it came out as %v", err)
	}
	unknown := &headroom.UnknownNameError{Kind: "service", Name: "shoop", Known: []string{"shop"}}
	var gotUnknown *headroom.UnknownNameError
	if err := call(unknown); !errors.As(err, &gotUnknown) || !reflect.DeepEqual(gotUnknown, unknown) {
		t.Errorf("it came out as %v", err)
	}
	var refusal *Refusal
	if err := call(errors.New("the disk is gone")); !errors.As(err, &refusal) || errors.As(err, &gotInvalid) || err.Error() != "the disk is gone" {
		t.Errorf("it came out as %v", err)
	}
	if err := Call(t.Context(), Client(SocketFile(dir, "monitor")), "/", nil, nil); err == nil || errors.As(err, &refusal) {
		t.Errorf("a role that is away came out as %v", err)
	}
}

// following collects what comes over a stream.
type following struct {
	values chan int
	links  chan bool
}

func follows(t *testing.T, dir string) following {
	ctx, cancel := context.WithCancel(context.Background())
	f, done := following{make(chan int, 100), make(chan bool, 100)}, make(chan struct{})
	go func() {
		defer close(done)
		Follow(ctx, Client(SocketFile(dir, "scaler")), "/", func(value int) { f.values <- value }, func(connected bool) { f.links <- connected })
	}()
	t.Cleanup(func() { cancel(); <-done })
	return f
}

func expect[T comparable](t *testing.T, values <-chan T, want T) {
	t.Helper()
	select {
	case got := <-values:
		if got != want {
			t.Fatalf("got %v, want %v", got, want)
		}
	case <-time.After(10 * time.Second):
		t.Fatalf("waited 10 s for %v", want)
	}
}

func TestAFollowerComesBackByItselfAndHearsTheNewest(t *testing.T) {
	dir := t.TempDir()
	f := follows(t, dir) // before anybody speaks
	var feed Feed[int]
	first := claim(t, dir)
	serve(t, first, Stream(&feed))
	expect(t, f.links, true)
	feed.Publish(1)
	expect(t, f.values, 1)
	first.Close()
	expect(t, f.links, false)
	feed.Publish(2)
	feed.Publish(3)
	serve(t, claim(t, dir), Stream(&feed))
	expect(t, f.links, true)
	expect(t, f.values, 3)
}

// A person's order to stop everything is published just before the socket is closed.
func TestWhatWasPublishedLastIsSaidBeforeTheEnd(t *testing.T) {
	for range 50 {
		dir := t.TempDir()
		var feed Feed[int]
		endpoint := claim(t, dir)
		serve(t, endpoint, Stream(&feed))
		f := follows(t, dir)
		expect(t, f.links, true)
		feed.Publish(42)
		endpoint.Hush()
		expect(t, f.values, 42)
	}
}
