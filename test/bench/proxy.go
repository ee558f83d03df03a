//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"headroom.dev/headroom/test/bench/contender"
	"headroom.dev/headroom/test/bench/generator"
	"headroom.dev/headroom/test/bench/program"
	"headroom.dev/headroom/test/bench/report"
)

const (
	proxyRounds = 5
	proxyTime   = 3 * time.Second // of each proxy in each round
	connections = 32
)

// entrant is a proxy that is measured.
type entrant struct {
	*contender.Contender
	name   string
	rounds []round
}

// proxy measures what a request costs each proxy: all run in one process with one thread on one core, with the same two
// backends and the same client on the other core, in turns, so that whatever else the machine does is spread evenly.
func (b *bench) proxy(ctx context.Context) error {
	if _, err := exec.LookPath("taskset"); err != nil || runtime.NumCPU() < 2 {
		b.say("proxy: left out: it needs taskset and two cores, one for the proxy and one for client and backends")
		return nil
	}
	proxies := []named{
		{"headroom run", contender.Headroom(b.headroom, "run")}, {"headroom balancer", contender.Headroom(b.headroom, "balancer")},
		{"Go's httputil.ReverseProxy", contender.ReverseProxy(b.self)}, {"nginx", contender.Nginx()}, {"HAProxy", contender.HAProxy()},
	}
	needs := []program.Need{{File: "wrk", Package: "wrk"}, {File: "nginx", Package: "nginx-light"}, {File: "haproxy", Package: "haproxy"}}
	if err := program.Install(ctx, needs); err != nil {
		b.say("proxy: %s", err)
	}
	if program.Find("wrk") == "" {
		b.say("proxy: left out: it needs the load generator wrk (Debian package wrk)")
		return nil
	}
	backends, stopBackends, err := b.startBackends()
	defer stopBackends()
	if err != nil {
		return err
	}
	entrants, err := b.startProxies(proxies, backends)
	defer func() {
		for _, e := range entrants {
			e.Program.Kill()
		}
	}()
	if err != nil {
		return err
	}
	for i := range proxyRounds + 1 {
		b.say("proxy: round %d of %d", i, proxyRounds)
		for _, e := range entrants {
			measured, err := e.measure(ctx)
			if err != nil {
				return fmt.Errorf("%s: %w", e.name, err)
			}
			if i > 0 { // the first is to warm up
				e.rounds = append(e.rounds, measured)
			}
		}
	}
	b.reportProxies(entrants)
	return nil
}

// named is a proxy under the name that the table has for it.
type named struct {
	name string
	contender.Proxy
}

// startProxies starts whichever this machine has.
func (b *bench) startProxies(proxies []named, backends []string) ([]*entrant, error) {
	entrants := []*entrant{}
	for i, proxy := range proxies {
		dir := filepath.Join(b.dir, fmt.Sprintf("proxy-%d", i))
		if err := os.Mkdir(dir, 0o700); err != nil {
			return entrants, err
		}
		c, err := proxy.Start(contender.Setup{Dir: dir, Core: proxyCore, Kind: contender.HTTP, Backends: backends})
		if errors.Is(err, program.ErrNotInstalled) {
			b.say("proxy: %s is left out: %s", proxy.name, err)
			continue
		}
		if err != nil {
			return entrants, fmt.Errorf("%s: %w", proxy.name, err)
		}
		if proxy.Version != nil {
			proxy.name += " " + proxy.Version()
		}
		entrants = append(entrants, &entrant{Contender: c, name: proxy.name})
	}
	return entrants, nil
}

// startBackends starts two backends on the client's core.
func (b *bench) startBackends() (addresses []string, stop func(), err error) {
	var started []*program.Program
	stop = func() {
		for _, p := range started {
			p.Kill()
		}
	}
	for range 2 {
		address, err := program.FreeAddress()
		if err != nil {
			return nil, stop, err
		}
		p, err := program.Start(clientCore, b.self, "serve-backend", address)
		if err != nil {
			return nil, stop, err
		}
		started, addresses = append(started, p), append(addresses, address)
		if err := p.AwaitListener(address); err != nil {
			return nil, stop, err
		}
	}
	return addresses, stop, nil
}

// The cores that proxies, and everything else, run on.
const (
	proxyCore  = "0"
	clientCore = "1"
)

// round is what was measured of one proxy in one round.
type round struct {
	perSecond float64
	cpu       time.Duration // of the proxy, for each request
	p99       time.Duration
}

func (e *entrant) measure(ctx context.Context) (round, error) {
	before, err := e.Program.CPU()
	if err != nil {
		return round{}, err
	}
	answered, err := generator.Wrk(ctx, clientCore, "http://"+e.Address+"/1024", connections, proxyTime)
	if err != nil {
		return round{}, err
	}
	after, err := e.Program.CPU()
	if err != nil {
		return round{}, err
	}
	if answered.Requests == 0 {
		return round{}, errors.New("no request was answered")
	}
	return round{perSecond: answered.PerSecond, cpu: (after - before) / time.Duration(answered.Requests), p99: answered.P99}, nil
}

func (b *bench) reportProxies(entrants []*entrant) {
	var own time.Duration
	rows := [][]string{}
	for _, e := range entrants {
		var cpu, p99 []time.Duration
		var rate []float64
		for _, r := range e.rounds {
			cpu, p99, rate = append(cpu, r.cpu), append(p99, r.p99), append(rate, r.perSecond)
		}
		if own == 0 {
			own = report.Median(cpu)
		}
		rows = append(rows, []string{e.name, report.Microseconds(report.Median(cpu)),
			report.Microseconds(slices.Min(cpu)) + " to " + report.Microseconds(slices.Max(cpu)),
			fmt.Sprintf("%.2f", float64(report.Median(cpu))/float64(own)), fmt.Sprintf("%.0f", report.Median(rate)),
			report.FineMilliseconds(report.Median(p99))})
	}
	title := fmt.Sprintf("Processor time for each proxied request (%d rounds in turn, %d connections, one core, answers of 1 KiB)", proxyRounds, connections)
	report.Table(b.out, title,
		[]string{"", "median", "range", "beside headroom", "requests/s", "99 % within"}, rows)
}
