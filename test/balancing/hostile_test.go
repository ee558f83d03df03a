package balancing

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"headroom.dev/headroom/test/system"
)

const (
	calm     = 700 * time.Millisecond // of ordinary clients alone, after an attack
	siege    = 1500 * time.Millisecond
	attempts = 3 // of a measurement, for other work on the machine disturbs it
	// memoryPerClient bounds what a hostile client makes the balancer keep: a head of 64 KB in a buffer of 128 KB, or the pieces of a
	// response on their way, and as much again that the garbage collector has not freed yet.
	memoryPerClient = 256 << 10
	// memorySlack is for what the process keeps besides, such as its samples.
	memorySlack = 32 << 20
	// idleConnection bounds what a connection without a request takes: its goroutine, its state, and what is touched of its buffer.
	idleConnection = 16 << 10
)

// target is a balancer that is attacked, before an origin that can also be asked directly.
type target struct {
	*balancer
	origin string
}

// besieged is a balancer without the race detector, which would count as memory, before an origin with pages of many sizes.
func besieged(t *testing.T) *target {
	program := filepath.Join(t.TempDir(), "headroom")
	build := exec.Command("go", "build", "-o", program, "./cmd/headroom")
	build.Dir = system.Root()
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build headroom: %v\n%s", err, output)
	}
	r := newRecorder(t)
	r.forgetful = true
	large := bytes.Repeat([]byte("large "), 2<<20)
	r.server.Handler = http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		switch request.URL.Path {
		case "/large":
			w.Write(large)
		case "/medium":
			w.Write(large[:256<<10])
		default:
			r.ServeHTTP(w, request)
		}
	})
	b := balance(t, [][]string{{r.addr}}, func(s *system.System, config string) string {
		s.Program = program
		return config
	})
	return &target{b, r.addr}
}

func TestHostileClientsCostOthersNothing(t *testing.T) {
	b := besieged(t)
	for _, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			b.withstand(t, a.clients, func(ctx context.Context) error {
				connections, err := a.launch(ctx, b.listens[0])
				t.Logf("%d connections", connections)
				return err
			})
		})
	}
}

func TestSlowHTTPTestCostsOthersNothing(t *testing.T) {
	path, err := exec.LookPath("slowhttptest")
	if err != nil {
		t.Skip("slowhttptest is not installed: apt-get install slowhttptest")
	}
	b := besieged(t)
	for name, mode := range map[string]struct {
		arguments   string
		connections int
	}{
		"slow heads":  {"-H -i 1 -x 20", 400},
		"slow bodies": {"-B -i 1 -x 20 -s 8192", 400},
		"many ranges": {"-R -a 1 -b 3000", 200},
		"slow reads":  {"-X -w 10 -y 20 -n 1 -z 5 -k 3", 30}, // each makes the kernel take megabytes first, which costs the others processor time
	} {
		t.Run(name, func(t *testing.T) {
			b.withstand(t, mode.connections, func(ctx context.Context) error {
				args := fmt.Sprintf("%s -c %d -r 400 -l 3600 -p 3 -u http://%s/large", mode.arguments, mode.connections, b.listens[0])
				cmd := exec.CommandContext(ctx, path, strings.Fields(args)...)
				output, err := cmd.CombinedOutput()
				if ctx.Err() == nil && err != nil {
					return fmt.Errorf("slowhttptest %s: %w\n%s", args, err, output)
				}
				return nil
			})
		})
	}
}

// withstand compares what ordinary clients see during an attack with what those see who ask the origin directly at the same time, for the
// attackers are on the same machine, and with what they see after it. It holds that nothing is left of the attack.
func (b *target) withstand(t *testing.T, clients int, attack func(context.Context) error) {
	t.Helper()
	most := clients*memoryPerClient + memorySlack
	open := b.connections(t)
	for attempt := 1; ; attempt++ {
		before := b.memory(t)
		ctx, cancel := context.WithTimeout(t.Context(), siege)
		var attacked sync.WaitGroup
		attacked.Go(func() {
			if err := attack(ctx); err != nil {
				t.Error(err)
			}
		})
		var direct serviceSeen
		attacked.Go(func() { direct = ordinary(ctx, b.origin) })
		during := ordinary(ctx, b.listens[0])
		grown := b.memory(t) - before
		cancel()
		attacked.Wait()
		if during.failure != nil {
			t.Errorf("an ordinary client failed: %v", during.failure)
		}
		if grown > most {
			t.Errorf("memory grew by %d KB, %d at most were expected", grown>>10, most>>10)
		}
		b.closedAgain(t, open)
		after := b.see(t)
		t.Logf("p99 %s of %d requests, %s directly, %s after it; memory grew by %d KB",
			during.p99, during.requests, direct.p99, after.p99, grown>>10)
		limit := 3*max(direct.p99, after.p99) + 20*time.Millisecond
		if during.p99 <= limit {
			return
		}
		if attempt == attempts {
			t.Errorf("ordinary clients had a p99 of %s, %s at most was expected", during.p99, limit)
			return
		}
	}
}

// closedAgain waits until no more connections are open than before.
func (b *target) closedAgain(t *testing.T, before int) {
	t.Helper()
	b.Eventually(patiently, "the connections of the attack are gone", func() error {
		if now := b.connections(t); now > before {
			return fmt.Errorf("%d were open before and %d are now", before, now)
		}
		return nil
	})
}

// see is what ordinary clients see when nobody attacks.
func (b *target) see(t *testing.T) serviceSeen {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), calm)
	defer cancel()
	s := ordinary(ctx, b.listens[0])
	if s.failure != nil {
		t.Fatalf("an ordinary client failed without an attack: %v", s.failure)
	}
	return s
}

// Connections that do nothing cost memory, but no time of others, and go when their clients go.
func TestTenThousandIdleConnectionsCostLittle(t *testing.T) {
	const connections = 10000
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur < connections+1000 {
		t.Skipf("%d open files are allowed, %d are needed: ulimit -n", limit.Cur, connections+1000)
	}
	b := besieged(t)
	before := b.memory(t)
	idle := make([]net.Conn, 0, connections)
	defer func() {
		for _, conn := range idle {
			conn.Close()
		}
	}()
	for len(idle) < connections {
		// The kernel keeps those that say nothing for a second, up to 4096 of them (somaxconn). Of more it would keep only SYN cookies, and by
		// those take late packets of closed connections for new ones.
		for range connections / 5 {
			conn, err := net.DialTimeout("tcp", b.listens[0], patiently)
			if err != nil {
				t.Fatal(err)
			}
			idle = append(idle, conn)
		}
		b.Eventually(patiently, "the connections are accepted", func() error {
			if now := b.connections(t); now < len(idle) {
				return fmt.Errorf("%d of %d are", now, len(idle))
			}
			return nil
		})
	}
	b.see(t)
	each := (b.memory(t) - before) / connections
	t.Logf("%d idle connections take %d bytes each beyond the kernel's", connections, each)
	if each > idleConnection {
		t.Errorf("an idle connection takes %d bytes, %d at most are expected", each, idleConnection)
	}
	b.withstand(t, 0, func(ctx context.Context) error {
		<-ctx.Done()
		return nil
	})
	for _, conn := range idle {
		conn.Close()
	}
	b.closedAgain(t, 0)
}
