package balancing

import (
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	victims     = 4                     // clients with a connection each
	victimPause = 10 * time.Millisecond // between two requests of one: 400 requests/s in all leave the machine to the attack
)

// serviceSeen is what ordinary clients have seen of the service for a while.
type serviceSeen struct {
	requests int
	p99      time.Duration
	failure  error // the first
}

// ordinary lets ordinary clients ask a service until ctx ends.
func ordinary(ctx context.Context, address string) serviceSeen {
	var mu sync.Mutex // guards what follows
	var took []time.Duration
	var failure error
	var wg sync.WaitGroup
	for range victims {
		wg.Go(func() {
			mine, err := askUntil(ctx, address)
			mu.Lock()
			defer mu.Unlock()
			took = append(took, mine...)
			if failure == nil {
				failure = err
			}
		})
	}
	wg.Wait()
	slices.Sort(took)
	s := serviceSeen{requests: len(took), failure: failure}
	if len(took) > 0 {
		s.p99 = took[len(took)*99/100]
	}
	return s
}

// askUntil is one ordinary client, which keeps its connection and checks each response.
func askUntil(ctx context.Context, address string) (took []time.Duration, err error) {
	c, err := dial(address)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	ticker := time.NewTicker(victimPause)
	defer ticker.Stop()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return took, nil
		case <-ticker.C:
		}
		c.SetDeadline(time.Now().Add(patiently))
		began := time.Now()
		want := understood{"GET", fmt.Sprintf("/victim/%d", i), ""}
		if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", want.target); err != nil {
			return took, err
		}
		r, err := c.response("GET")
		if err != nil {
			return took, err
		}
		if r.status != 200 || r.body != want.stamp() {
			return took, fmt.Errorf("%d with %q instead of %q", r.status, r.body, want.stamp())
		}
		took = append(took, time.Since(began))
	}
}

// memory is the process's resident memory in bytes.
func (b *balancer) memory(t testing.TB) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", b.process.PID()))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var kb int
		if n, _ := fmt.Sscanf(line, "VmRSS: %d kB", &kb); n == 1 {
			return kb << 10
		}
	}
	t.Fatal("no VmRSS")
	return 0
}

// connections is how many connections of clients are open on the balancer's side.
func (b *balancer) connections(t testing.TB) int {
	t.Helper()
	_, port, err := net.SplitHostPort(b.listens[0])
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	table, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/tcp", b.process.PID()))
	if err != nil {
		t.Fatal(err)
	}
	const established, closeWait = "01", "08" // of linux/tcp_states.h; in all others it is closed here already
	count := 0
	for line := range strings.Lines(string(table)) {
		fields := strings.Fields(line)
		if strings.HasSuffix(fields[1], fmt.Sprintf(":%04X", number)) && (fields[3] == established || fields[3] == closeWait) {
			count++
		}
	}
	return count
}
