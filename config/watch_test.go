package config

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// watching starts a Watcher on dir/headroom.yaml and returns the events it delivers.
func watching(t *testing.T, dir string, env ...string) (*Watcher, <-chan Event) {
	t.Helper()
	loader := Loader{Paths: []string{filepath.Join(dir, "headroom.yaml")}, WorkingDir: dir, Env: env}
	loaded, err := loader.Load()
	if err != nil {
		t.Fatal(err)
	}
	events := make(chan Event, 100)
	watcher, err := Watch(context.Background(), loader, loaded, slog.New(slog.DiscardHandler), func(e Event) { events <- e })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(watcher.Close)
	return watcher, events
}

func next(t *testing.T, events <-chan Event) Event {
	t.Helper()
	select {
	case e := <-events:
		return e
	case <-time.After(8 * time.Second):
		t.Fatal("no event within 8 s")
		return Event{}
	}
}

// nothingBut asks for a reload and expects its answer to be the only event: whatever happened before was silent.
func nothingBut(t *testing.T, w *Watcher, events <-chan Event) {
	t.Helper()
	w.Reload()
	if e := next(t, events); !e.Unchanged {
		t.Errorf("got %+v, want nothing but the answer to the reload", e)
	}
}

// put replaces a file in one step, so that no half-written one is ever read.
func put(t *testing.T, path, content string) {
	t.Helper()
	aside := filepath.Join(t.TempDir(), "aside")
	if err := os.WriteFile(aside, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(aside, path); err != nil {
		t.Fatal(err)
	}
}

func TestAChangeOfTheFileIsDeliveredWhole(t *testing.T) {
	dir := write(t, map[string]string{"headroom.yaml": shop})
	w, events := watching(t, dir)
	path := filepath.Join(dir, "headroom.yaml")

	put(t, path, shop+"scaling: {minReplicas: 3}\n")
	if e := next(t, events); e.Err != nil || e.Loaded == nil || e.Loaded.Config.Services["shop"].Scaling.MinReplicas != 3 || e.Restart != nil {
		t.Fatalf("got %+v", e)
	}
	// Written in place it may be read while it is empty, when the machine is busy: an error, and then the rest.
	if err := os.WriteFile(path, []byte(shop+"scaling: {minReplicas: 4}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	e := next(t, events)
	if e.Err != nil {
		e = next(t, events)
	}
	if e.Loaded == nil || e.Loaded.Config.Scaling.MinReplicas != 4 {
		t.Fatalf("got %+v", e)
	}
	// A comment changes nothing.
	put(t, path, shop+"scaling: {minReplicas: 4} # four\n")
	nothingBut(t, w, events)
}

func TestAMistakeKeepsTheOldConfigurationAndIsToldOnce(t *testing.T) {
	dir := write(t, map[string]string{"headroom.yaml": shop})
	w, events := watching(t, dir)
	path := filepath.Join(dir, "headroom.yaml")
	for _, broken := range []string{shop + "scaling: {minReplica: 3}\n", "", "log: {level: debug"} {
		put(t, path, broken)
		if e := next(t, events); e.Err == nil || e.Loaded != nil {
			t.Fatalf("%q gives %+v", broken, e)
		}
	}
	w.Reload()
	if e := next(t, events); e.Err == nil {
		t.Errorf("a reload that was asked for must say again what is wrong, got %+v", e)
	}
	// Mended: the same as what is in force all along.
	put(t, path, shop)
	if e := next(t, events); !e.Unchanged || e.Err != nil {
		t.Errorf("got %+v", e)
	}
	put(t, path, shop+"log: {level: debug}\n")
	if e := next(t, events); e.Loaded == nil || e.Loaded.Config.Log.Level != "debug" {
		t.Errorf("got %+v", e)
	}
}

// Kubernetes mounts a ConfigMap as links into a directory that is swapped as a whole:
// headroom.yaml -> ..data/headroom.yaml, ..data -> ..2026_1.
func TestTheLinkSwapOfAConfigMapIsSeen(t *testing.T) {
	dir := write(t, map[string]string{"..2026_1/headroom.yaml": shop})
	for link, to := range map[string]string{"..data": "..2026_1", "headroom.yaml": "..data/headroom.yaml"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	_, events := watching(t, dir)
	for i, level := range []string{"debug", "warn"} {
		target := "..2026_" + string(rune('2'+i))
		if err := os.Mkdir(filepath.Join(dir, target), 0o755); err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(dir, target, "headroom.yaml"), shop+"log: {level: "+level+"}\n")
		if err := os.Symlink(target, filepath.Join(dir, "..data_tmp")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")); err != nil {
			t.Fatal(err)
		}
		if e := next(t, events); e.Loaded == nil || e.Loaded.Config.Log.Level != level {
			t.Fatalf("got %+v", e)
		}
	}
}

func TestAFileThatIsALinkElsewhereIsFollowed(t *testing.T) {
	dir := write(t, map[string]string{"real/conf.yaml": shop, "here/x": ""})
	if err := os.Symlink(filepath.Join(dir, "real/conf.yaml"), filepath.Join(dir, "here/headroom.yaml")); err != nil {
		t.Fatal(err)
	}
	_, events := watching(t, filepath.Join(dir, "here"))
	put(t, filepath.Join(dir, "real/conf.yaml"), shop+"log: {level: debug}\n")
	if e := next(t, events); e.Loaded == nil || e.Loaded.Config.Log.Level != "debug" {
		t.Fatalf("got %+v", e)
	}
}

func TestSecretsAndDotEnvAreWatchedToo(t *testing.T) {
	dir := write(t, map[string]string{"headroom.yaml": shop + "api: {token: 'file:secrets/token'}\n", "secrets/token": "one\n"})
	_, events := watching(t, dir)
	put(t, filepath.Join(dir, "secrets/token"), "two\n")
	e := next(t, events)
	if e.Loaded == nil || e.Loaded.Config.API.Token != "two" || !slices.Equal(e.Restart, []string{"needs a restart: api.token changed"}) {
		t.Fatalf("got %+v", e)
	}
	put(t, filepath.Join(dir, ".env"), "HEADROOM_LOG_LEVEL=debug\n")
	if e := next(t, events); e.Loaded == nil || e.Loaded.Config.Log.Level != "debug" {
		t.Fatalf("got %+v", e)
	}
}

func TestWhatNeedsARestartIsSaidAndTheRestDelivered(t *testing.T) {
	dir := write(t, map[string]string{"headroom.yaml": shop})
	_, events := watching(t, dir)
	put(t, filepath.Join(dir, "headroom.yaml"), shop+"api: {listen: '127.0.0.1:7071'}\nstate: {dir: /elsewhere}\nlog: {level: debug}\n")
	e := next(t, events)
	want := []string{
		`needs a restart: api.listen changed from "127.0.0.1:7070" to "127.0.0.1:7071"`,
		`needs a restart: api.tokenFile changed from "` + dir + `/.headroom/api-token" to "/elsewhere/api-token"`,
		`needs a restart: state.dir changed from "` + dir + `/.headroom" to "/elsewhere"`,
	}
	if e.Loaded == nil || e.Loaded.Config.Log.Level != "debug" || !slices.Equal(e.Restart, want) {
		t.Errorf("got %v\nwant %v", strings.Join(e.Restart, "\n"), strings.Join(want, "\n"))
	}
	// Taken back it is as at the start, and no restart is needed any more.
	put(t, filepath.Join(dir, "headroom.yaml"), shop+"log: {level: warn}\n")
	if e := next(t, events); e.Loaded == nil || e.Loaded.Config.Log.Level != "warn" || e.Restart != nil {
		t.Errorf("got %+v", e)
	}
}

func TestAChangeBetweenLoadAndWatchIsNotMissed(t *testing.T) {
	dir := write(t, map[string]string{"headroom.yaml": shop})
	loader := Loader{Paths: []string{filepath.Join(dir, "headroom.yaml")}, WorkingDir: dir}
	loaded, err := loader.Load()
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "headroom.yaml"), shop+"log: {level: debug}\n")
	events := make(chan Event, 10)
	w, err := Watch(context.Background(), loader, loaded, slog.New(slog.DiscardHandler), func(e Event) { events <- e })
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if e := next(t, events); e.Loaded == nil || e.Loaded.Config.Log.Level != "debug" {
		t.Fatalf("got %+v", e)
	}
}

func TestOtherFilesInTheDirectoryAreNoChange(t *testing.T) {
	dir := write(t, map[string]string{"headroom.yaml": shop})
	w, events := watching(t, dir)
	for range 50 {
		put(t, filepath.Join(dir, "output.log"), "line\n")
	}
	nothingBut(t, w, events)
}

func TestCloseMayBeCalledTwiceAndReloadAfterIt(t *testing.T) {
	dir := write(t, map[string]string{"headroom.yaml": shop})
	w, _ := watching(t, dir)
	w.Close()
	w.Reload()
	w.Close()
}
