package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"slices"
	"time"
)

const (
	proxyRounds = 5
	proxyTime   = 3 * time.Second // of each proxy in each round
	connections = 32
)

// contender is one way from the client to the backends.
type contender struct {
	name    string
	address string // where the client asks
	process *program
	stop    func() error

	rounds []round
}

// proxy measures what a request costs each proxy: all run in one process with one thread on one core, with the same two
// backends and the same client on the other core, in turns, so that whatever else the machine does is spread evenly.
func (b *bench) proxy(ctx context.Context) error {
	if _, err := exec.LookPath("taskset"); err != nil || runtime.NumCPU() < 2 {
		b.say("proxy: left out: it needs taskset and two cores, one for the proxy and one for client and backends")
		return nil
	}
	b.installPeers(ctx)
	client, err := exec.LookPath("wrk")
	if err != nil {
		b.say("proxy: left out: it needs the load generator wrk (Debian package wrk)")
		return nil
	}
	backends, stopBackends, err := b.startBackends()
	if err != nil {
		return err
	}
	defer stopBackends()
	contenders, err := b.startContenders(backends)
	defer func() {
		for _, c := range contenders {
			if err := c.stop(); err != nil {
				b.say("proxy: %s: %s", c.name, err)
			}
		}
	}()
	if err != nil {
		return err
	}
	for i := range proxyRounds + 1 {
		b.say("proxy: round %d of %d", i, proxyRounds)
		for _, c := range contenders {
			measured, err := c.measure(ctx, client)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			if i > 0 { // the first is to warm up
				c.rounds = append(c.rounds, measured)
			}
		}
	}
	b.reportProxies(contenders)
	return nil
}

// startBackends starts two backends on the client's core.
func (b *bench) startBackends() (addresses []string, stop func(), err error) {
	var started []*program
	stop = func() {
		for _, p := range started {
			p.kill()
		}
	}
	for range 2 {
		address, err := freeAddress()
		if err != nil {
			stop()
			return nil, nil, err
		}
		p, err := b.startSelf(clientCore, "serve-backend", address)
		if err != nil {
			stop()
			return nil, nil, err
		}
		started, addresses = append(started, p), append(addresses, address)
	}
	for _, address := range addresses {
		if err := awaitListener(address); err != nil {
			stop()
			return nil, nil, err
		}
	}
	return addresses, stop, nil
}

// The cores that proxies, and everything else, run on.
const (
	proxyCore  = 0
	clientCore = 1
)

// round is what was measured of one proxy in one round.
type round struct {
	perSecond float64
	cpu       time.Duration // of the proxy, for each request
	p99       time.Duration
}

func (c *contender) measure(ctx context.Context, client string) (round, error) {
	before, err := cpuTime(c.process.pid())
	if err != nil {
		return round{}, err
	}
	report, err := runClient(ctx, client, c.address)
	if err != nil {
		return round{}, err
	}
	after, err := cpuTime(c.process.pid())
	if err != nil {
		return round{}, err
	}
	if report.requests == 0 {
		return round{}, errors.New("no request was answered")
	}
	return round{perSecond: report.perSecond, cpu: (after - before) / time.Duration(report.requests), p99: report.p99}, nil
}

func (b *bench) reportProxies(contenders []*contender) {
	var own time.Duration
	rows := [][]string{}
	for _, c := range contenders {
		var cpu, p99 []time.Duration
		var rate []float64
		for _, r := range c.rounds {
			cpu, p99, rate = append(cpu, r.cpu), append(p99, r.p99), append(rate, r.perSecond)
		}
		if own == 0 {
			own = median(cpu)
		}
		rows = append(rows, []string{c.name, microseconds(median(cpu)), microseconds(slices.Min(cpu)) + " to " + microseconds(slices.Max(cpu)),
			fmt.Sprintf("%.2f", float64(median(cpu))/float64(own)), fmt.Sprintf("%.0f", median(rate)), fmt.Sprintf("%.1f ms", float64(median(p99))/float64(time.Millisecond))})
	}
	b.table(fmt.Sprintf("Processor time for each proxied request (%d rounds in turn, %d connections, one core, answers of %d bytes)", proxyRounds, connections, len(answerBody)),
		[]string{"", "median", "range", "beside headroom", "requests/s", "99 % within"}, rows)
}

func microseconds(d time.Duration) string {
	return fmt.Sprintf("%.1f µs", float64(d)/float64(time.Microsecond))
}
