//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"headroom.dev/headroom/test/bench/contender"
	"headroom.dev/headroom/test/bench/program"
)

// bench is what all works share.
type bench struct {
	options
	self             string
	dir              string
	certificate, key string
	upload           string // a script for wrk
	call             string // the body of a gRPC call, for h2load
	proxies          []contender.Proxy
	progress         io.Writer
}

func newBench(o options, dir string, progress io.Writer) (*bench, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	b := &bench{options: o, self: self, dir: dir, progress: progress}
	b.proxies = []contender.Proxy{
		contender.Headroom(o.headroom, "balancer"), contender.HAProxy(), contender.Nginx(), contender.Caddy(), contender.ReverseProxy(self),
	}
	if err := raiseFileLimit(); err != nil {
		b.say("the limit of open files stays as it is: %s", err)
	}
	if b.certificate, b.key, err = writeCertificate(dir); err != nil {
		return nil, err
	}
	b.upload, b.call = filepath.Join(dir, "upload.lua"), filepath.Join(dir, "call.bin")
	return b, errors.Join(os.WriteFile(b.upload, []byte(uploadScript), 0o600), os.WriteFile(b.call, grpcMessage(), 0o600))
}

// raiseFileLimit has the proxies inherit a limit for 10,000 connections of clients and those to backends: as much as root may
// set, or as the limit may be raised to.
func raiseFileLimit() error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	const enough = 40000
	if unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: enough, Max: max(enough, limit.Max)}) == nil {
		return nil
	}
	limit.Cur = limit.Max
	return unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)
}

// say tells what is being done.
func (b *bench) say(format string, args ...any) { fmt.Fprintf(b.progress, format+"\n", args...) }

func (b *bench) needs() []program.Need {
	all := []program.Need{{File: "wrk", Package: "wrk"}, {File: "h2load", Package: "nghttp2-client"}}
	for _, proxy := range b.proxies {
		all = append(all, proxy.Needs...)
	}
	return all
}

// peers are the installed proxies of others with their versions.
func (b *bench) peers() (all []string) {
	for _, proxy := range b.proxies {
		if proxy.Version == nil {
			continue
		}
		if version := proxy.Version(); version != "" {
			all = append(all, proxy.Name+" "+version)
		}
	}
	return all
}

// entrant is a proxy in one work.
type entrant struct {
	*contender.Contender
	result *proxyResult
}

// fail takes an entrant out of the work: the row says why.
func (e *entrant) fail(err error) {
	e.result.Error = oneLine(fmt.Errorf("%w %s", err, e.Program.Errors()))
	e.Program.Kill()
}

// measure starts origins and proxies, has the work measured, and ends them.
func (b *bench) measure(ctx context.Context, w work) (workResult, error) {
	result := workResult{Name: w.name, Title: w.title}
	dir, err := os.MkdirTemp(b.dir, w.name)
	if err != nil {
		return result, err
	}
	setup := contender.Setup{Core: b.proxyCore, Kind: w.kind, Certificate: b.certificate, Key: b.key, Reloads: w.reloads}
	var origins []*program.Program
	defer func() {
		for _, p := range origins {
			p.Kill()
		}
	}()
	for range 2 {
		address, err := program.FreeAddress()
		if err != nil {
			return result, err
		}
		p, err := program.Start(b.loadCore, b.self, "serve-origin", string(w.originKind()), address)
		if err != nil {
			return result, err
		}
		origins, setup.Backends = append(origins, p), append(setup.Backends, address)
		if err := p.AwaitListener(address); err != nil {
			return result, fmt.Errorf("origin: %w", err)
		}
	}
	entrants := []*entrant{}
	defer func() {
		for _, e := range entrants {
			e.Program.Kill()
		}
	}()
	for i, proxy := range b.proxies {
		result.Proxies = append(result.Proxies, &proxyResult{Name: proxy.Name})
		setup.Dir = filepath.Join(dir, fmt.Sprint(i))
		if err := os.Mkdir(setup.Dir, 0o700); err != nil {
			return result, err
		}
		c, err := proxy.Start(setup)
		if err == nil && w.check != nil {
			if err = w.check(ctx, c); err != nil {
				c.Program.Kill()
			}
		}
		if err != nil {
			b.say("%s: %s: %s", w.name, proxy.Name, err)
			result.Proxies[i].Error = oneLine(err)
			continue
		}
		entrants = append(entrants, &entrant{Contender: c, result: result.Proxies[i]})
	}
	setup.Dir = filepath.Join(dir, "allocations")
	if err := os.Mkdir(setup.Dir, 0o700); err != nil {
		return result, err
	}
	return result, w.run(b, ctx, &result, entrants, setup)
}

// each has every entrant that still is there measured, in turn; one that fails is out.
func (b *bench) each(ctx context.Context, result *workResult, entrants []*entrant, what string, measure func(*entrant) error) error {
	b.say("%s: %s", result.Name, what)
	for _, e := range entrants {
		if e.result.Error != "" {
			continue
		}
		if err := measure(e); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			e.fail(err)
		}
	}
	return nil
}
