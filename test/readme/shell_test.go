package readme_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"headroom.dev/headroom/test/system"
)

// reader is a person who follows a page: a shell in a copy of the repository's layout, with ports of its own, also where a
// config says nothing.
type reader struct {
	t      *testing.T
	s      *system.System
	behind *screen // what the block in the background prints
}

// preamble keeps make from building the binaries, which are there, from sources, which are not.
const preamble = `set -e -o pipefail
make() { command make -o bin/headroom -o bin/shop "$@"; }
`

// newReader copies what people work with: the binaries, the Makefile and the examples. The load of the quickstart is
// shorter, and so are the times of its scaling, or this would take the three minutes that it takes them. There must be time to ask why there
// are so many replicas, also on a busy machine, before there are fewer.
func newReader(t *testing.T) *reader {
	t.Helper()
	for _, program := range []string{"bash", "make", "curl", "awk", "openssl"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("the pages use %s, which is not installed", program)
		}
	}
	r := &reader{t: t, s: system.New(t, "")}
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Remove(r.s.ConfigFile()))
	must(os.Mkdir(filepath.Join(r.s.Dir, "bin"), 0o700))
	for _, program := range []string{"headroom", "shop"} {
		must(os.Symlink(filepath.Join(system.Binaries(t), program), filepath.Join(r.s.Dir, "bin", program)))
	}
	r.copy("Makefile", nil)
	for _, kind := range []string{"headroom.yaml", "*.html"} {
		examples, err := filepath.Glob(filepath.Join(system.Root(), "examples", "*", kind))
		must(err)
		for _, example := range examples {
			name, err := filepath.Rel(system.Root(), example)
			must(err)
			r.copy(name, r.hurried)
		}
	}
	return r
}

var (
	commandAlone = regexp.MustCompile(`run: (\.\./\.\./bin/shop.*)`)
	commandOfRun = regexp.MustCompile(`( +)command: \.\./\.\./bin/shop.*`)
)

// hurried is an example with shorter times and ports of this test.
func (r *reader) hurried(text string) string {
	text = strings.NewReplacer("45s@60,75s@300,60s@60", "6s@60,9s@300,6s@60",
		"stableWindow: 10s", "stableWindow: 3s", "scaleDownCooldown: 20s", "scaleDownCooldown: 15s").Replace(text)
	text = commandAlone.ReplaceAllString(text, `run: {ports: `+r.s.Ports+`, command: "$1"}`)
	return commandOfRun.ReplaceAllString(text, "$0\n${1}ports: "+r.s.Ports)
}

func (r *reader) copy(name string, change func(string) string) {
	r.t.Helper()
	content, err := os.ReadFile(filepath.Join(system.Root(), name))
	if err != nil {
		r.t.Fatal(err)
	}
	text := r.here(string(content))
	if change != nil {
		text = change(text)
	}
	target := filepath.Join(r.s.Dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(target), 0o700), os.WriteFile(target, []byte(text), 0o600)); err != nil {
		r.t.Fatal(err)
	}
}

// here replaces the addresses of the pages by those of this test, whose first two ports are those of the system.
func (r *reader) here(text string) string {
	host, port, _ := strings.Cut(r.s.API, ":")
	next, err := strconv.Atoi(port)
	if err != nil {
		r.t.Fatal(err)
	}
	pairs := []string{"127.0.0.1:7070", r.s.API, "127.0.0.1:8080", r.s.Traffic}
	for _, shown := range []string{"8081", "8443", "9001", "9002"} {
		next++
		pairs = append(pairs, "127.0.0.1:"+shown, fmt.Sprintf("%s:%d", host, next), "PORT="+shown, fmt.Sprintf("PORT=%d", next))
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// shell is a command that types a text. It gets a process group of its own, as a job of an interactive shell does.
func (r *reader) shell(ctx context.Context, text string, out io.Writer) *exec.Cmd {
	command := exec.CommandContext(ctx, "bash", "-c", preamble+r.here(text))
	command.Dir = r.s.Dir
	command.Env = append(os.Environ(), "SYSTEM_UNDER_TEST="+r.s.Dir, "HEADROOM_API="+r.s.API, "HEADROOM_API_LISTEN="+r.s.API,
		"HEADROOM_LOAD_BALANCING_LISTEN="+r.s.Traffic, "GORACE=atexit_sleep_ms=0", "NO_COLOR=1")
	command.Stdout, command.Stderr = out, out
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return command
}

// follow does what a page says.
func (r *reader) follow(name string, all []block) {
	r.t.Helper()
	var last *block
	for i, b := range all {
		shown := ""
		if i+1 < len(all) && all[i+1].language == "text" && all[i+1].note == "" {
			shown = all[i+1].text
		}
		at := fmt.Sprintf("%s:%d", name, b.line)
		switch {
		case b.language == "sh" && strings.HasPrefix(b.note, notRun):
			last = nil
		case b.language == "sh" && b.note == inTheBackground:
			r.begin(at, b.text)
			r.await(at, shown)
			last = &all[i]
		case b.language == "sh":
			r.enter(at, b.text, shown)
			if strings.Contains(b.text, "kill -9 $(cat ") {
				r.awaitDeath()
			}
			last = &all[i]
		case b.language == "text" && b.note == backgroundGoesOn:
			r.await(at, b.text)
		case b.language == "promql":
			r.ask(at, b.text)
		case b.language == "text" && last == nil && i > 0 && all[i-1].language == "sh":
			continue // what a block that is not run would print
		}
	}
}

// patience is how long a page may take to show what it shows; under the race detector on a busy machine all is slower.
const patience = 40 * time.Second

// enter types a block until it prints what the page shows; once where nothing is shown.
func (r *reader) enter(at, text, shown string) {
	r.t.Helper()
	for countdown := system.NewCountdown(patience); ; {
		printed, err := r.try(text)
		if err == nil {
			err = missing(r.here(shown), printed)
		}
		if err == nil {
			return
		}
		if shown == "" || countdown.Over() {
			r.t.Fatalf("%s: %v\n%s\nprinted\n%s\nin the background\n%s", at, err, text, printed, r.behind)
		}
		time.Sleep(200 * time.Millisecond) // between looks at another process, which can send no event here
	}
}

// try types a block once.
func (r *reader) try(text string) (printed string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var out bytes.Buffer
	err = r.shell(ctx, text, &out).Run()
	return out.String(), err
}

// begin types a block and leaves it to itself.
func (r *reader) begin(at, text string) {
	r.t.Helper()
	r.behind = &screen{}
	command := r.shell(context.Background(), text, r.behind)
	if err := command.Start(); err != nil {
		r.t.Fatalf("%s: %v", at, err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = command.Wait() // make says that its headroom was killed, where a page does that
	}()
	r.t.Cleanup(func() {
		_ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL)
		<-ended
	})
}

// await waits until the background has printed what the page shows.
func (r *reader) await(at, shown string) {
	r.t.Helper()
	r.s.Eventually(patience, at+" is shown", func() error {
		if r.behind == nil {
			return errors.New("nothing was started in the background")
		}
		if err := missing(r.here(shown), r.behind.String()); err != nil {
			return fmt.Errorf("%w in\n%s", err, r.behind)
		}
		return nil
	})
}

// awaitDeath waits until a headroom that was killed has let go of its state: on a busy machine a process that was killed
// lives on for a moment, and the next start would find the state in use.
func (r *reader) awaitDeath() {
	r.t.Helper()
	lock, err := os.Open(filepath.Join(r.s.Dir, "examples", "quickstart", ".headroom", "scaler.lock"))
	if err != nil {
		r.t.Fatal(err)
	}
	defer lock.Close()
	r.s.Eventually(patience, "the killed headroom has let go of its state", func() error {
		if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_SH|syscall.LOCK_NB); err != nil {
			return err
		}
		return syscall.Flock(int(lock.Fd()), syscall.LOCK_UN)
	})
}

// ask asks a PromQL query until it has an answer.
func (r *reader) ask(at, query string) {
	r.t.Helper()
	r.s.Eventually(patience, at+" has an answer", func() error {
		series, err := r.s.Query(strings.TrimSpace(query), time.Now().Add(-5*time.Second), time.Now())
		if err == nil && len(series) == 0 {
			err = errors.New("no series")
		}
		return err
	})
}

// screen is what a process prints, which a test reads meanwhile.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *screen) String() string {
	if s == nil {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}
