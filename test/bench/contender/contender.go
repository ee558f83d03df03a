//go:build linux

// Package contender starts the proxies that are compared, each as one process on one core with the same backends. All keep
// connections open on both sides, balance by least connections, check their backends' health, have timeouts and counters,
// and tell the backend of the client by X-Forwarded-For and X-Forwarded-Proto, as far as they can.
package contender

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"headroom.dev/headroom/test/bench/program"
)

// Kind is what goes through a proxy.
type Kind string

// What clients and backends speak.
const (
	HTTP  Kind = "http"  // HTTP/1.1 on both sides
	HTTPS Kind = "https" // TLS 1.3 with HTTP/2 or HTTP/1.1, and HTTP/1.1 to the backends
	GRPC  Kind = "grpc"  // HTTP/2 without TLS on both sides
	TCP   Kind = "tcp"   // bytes
)

// Setup is what a proxy is started with.
type Setup struct {
	Dir              string // for files, which exists
	Core             string // the one core that it runs on
	Kind             Kind
	Backends         []string // addresses, two
	Certificate, Key string   // PEM files, where Kind is HTTPS
	Reloads          bool     // it must be able to change its configuration while it runs
	Algorithm        string   // how backends are chosen, in the proxy's own words; least connections where it is empty, always in nginx, Caddy and ReverseProxy
}

// Contender is a proxy that runs.
type Contender struct {
	Address string // where clients ask
	Program *program.Program
	// Reload changes the configuration; round makes it another one each time. Nil where Setup.Reloads is false.
	Reload func(round int) error
	// Allocations counts what its heap has handed out since its start; nil where nothing tells.
	Allocations func() (uint64, error)
}

// Proxy is one that can be started.
type Proxy struct {
	Name  string
	Needs []program.Need
	// Version asks an installed program for its version; nil for one of Go's or our own.
	Version func() string
	// Start starts it; [ErrCannot] where it has no such thing.
	Start func(Setup) (*Contender, error)
}

// ErrCannot says that a proxy does not have what is asked for.
var ErrCannot = errors.New("it cannot do this")

// files are the configuration of one contender.
type files struct {
	Setup
	Address string
	Admin   string // address for the proxy's own API
	Timeout int    // seconds that a backend may take: what a reload changes
}

func newFiles(setup Setup) (*files, error) {
	f := &files{Setup: setup, Timeout: 60}
	var err error
	if f.Address, err = program.FreeAddress(); err != nil {
		return nil, err
	}
	f.Admin, err = program.FreeAddress()
	return f, err
}

// Port is that of Address.
func (f *files) Port() string { return f.Address[strings.LastIndexByte(f.Address, ':')+1:] }

// write fills in a template; text stands for the whole file, which is replaced at once.
func (f *files) write(name, text string) (path string, err error) {
	parsed, err := template.New(name).Parse(text)
	if err != nil {
		return "", err
	}
	var filled bytes.Buffer
	if err := parsed.Execute(&filled, f); err != nil {
		return "", err
	}
	path = filepath.Join(f.Dir, name)
	if err := os.WriteFile(path+".new", filled.Bytes(), 0o600); err != nil {
		return "", err
	}
	return path, os.Rename(path+".new", path)
}

// change writes the configuration of a round.
func (f *files) change(round int, name, text string) error {
	f.Timeout = 60 + round%2
	_, err := f.write(name, text)
	return err
}

// start starts a program and waits until it listens.
func (f *files) start(path string, args ...string) (*Contender, error) {
	p, err := program.Start(f.Core, path, args...)
	if err != nil {
		return nil, err
	}
	if err := p.AwaitListener(f.Address); err != nil {
		p.Kill()
		return nil, err
	}
	return &Contender{Address: f.Address, Program: p}, nil
}

// version asks a program, if it is installed.
func version(name, argument string) func() string {
	return func() string {
		if path := program.Find(name); path != "" {
			return program.Version(path, argument)
		}
		return ""
	}
}

// installed finds the program of a peer.
func installed(name string) (string, error) {
	path := program.Find(name)
	if path == "" {
		return "", fmt.Errorf("%w: %s", program.ErrNotInstalled, name)
	}
	return path, nil
}
