package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// startContenders starts headroom, first, and whichever of the others this machine has.
func (b *bench) startContenders(backends []string) ([]*contender, error) {
	all := []*contender{}
	for _, start := range []func([]string) (*contender, error){b.contendHeadroom("run"), b.contendHeadroom("balancer"), b.contendReverseProxy, b.contendNginx, b.contendHAProxy} {
		c, err := start(backends)
		if err != nil {
			return all, err
		}
		if c == nil {
			continue
		}
		all = append(all, c)
		if err := awaitListener(c.address); err != nil {
			return all, fmt.Errorf("%s: %w: %s", c.name, err, c.process.errors())
		}
	}
	return all, nil
}

// contendHeadroom starts headroom run, or the balancer alone.
func (b *bench) contendHeadroom(role string) func([]string) (*contender, error) {
	return func(backends []string) (*contender, error) {
		s, err := b.newSystem(fmt.Sprintf(`api: {listen: API}
services:
  shop:
    backends: [{address: "%s"}, {address: "%s"}]
    loadBalancing: {listen: TRAFFIC}
`, backends[0], backends[1]))
		if err != nil {
			return nil, err
		}
		args := []string{role, "-c", s.config()}
		if role == "run" {
			args = append(args, "--quiet")
		}
		if s.process, err = startProgram(proxyCore, b.headroom, args...); err != nil {
			return nil, err
		}
		return &contender{name: "headroom " + role, address: s.traffic, process: s.process, stop: killer(s.process)}, nil
	}
}

// killer ends a process that keeps nothing.
func killer(p *program) func() error {
	return func() error {
		p.kill()
		return nil
	}
}

func (b *bench) contendReverseProxy(backends []string) (*contender, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	p, err := b.startSelf(proxyCore, append([]string{"serve-reverse-proxy", address}, backends...)...)
	if err != nil {
		return nil, err
	}
	return &contender{name: "Go's httputil.ReverseProxy", address: address, process: p, stop: killer(p)}, nil
}

func (b *bench) contendNginx(backends []string) (*contender, error) {
	return b.contendPeer("nginx", `daemon off;
master_process off;
worker_processes 1;
pid DIR/nginx.pid;
error_log DIR/nginx.log crit;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path DIR/body;
  proxy_temp_path DIR/proxy;
  fastcgi_temp_path DIR/fastcgi;
  uwsgi_temp_path DIR/uwsgi;
  scgi_temp_path DIR/scgi;
  keepalive_requests 1000000000;
  upstream backends {
    least_conn;
    server BACKEND0;
    server BACKEND1;
    keepalive 64;
    keepalive_requests 1000000000;
  }
  server {
    listen ADDRESS;
    location / {
      proxy_pass http://backends;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }
  }
}
`, backends, func(config string) []string { return []string{"-p", filepath.Dir(config), "-c", config} })
}

func (b *bench) contendHAProxy(backends []string) (*contender, error) {
	return b.contendPeer("haproxy", `global
  nbthread 1
  maxconn 1024
defaults
  mode http
  timeout connect 1s
  timeout client 60s
  timeout server 60s
  option http-keep-alive
  http-reuse always
listen bench
  bind ADDRESS
  balance leastconn
  server a BACKEND0
  server b BACKEND1
`, backends, func(config string) []string { return []string{"-db", "-q", "-f", config} })
}

// contendPeer starts another proxy in the foreground with a config of its own; nil where the machine does not have it.
func (b *bench) contendPeer(name, config string, backends []string, args func(config string) []string) (*contender, error) {
	path := findPeer(name)
	if path == "" {
		b.say("proxy: %s is not installed and left out", name)
		return nil, nil
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(b.dir, name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	file := filepath.Join(dir, name+".conf")
	text := strings.NewReplacer("DIR", dir, "ADDRESS", address, "BACKEND0", backends[0], "BACKEND1", backends[1]).Replace(config)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, err
	}
	p, err := startProgram(proxyCore, path, args(file)...)
	if err != nil {
		return nil, err
	}
	return &contender{name: versionOf(path), address: address, process: p, stop: killer(p)}, nil
}

// findPeer finds a program also where only root has it in the path.
func findPeer(name string) string {
	for _, candidate := range []string{name, "/usr/sbin/" + name} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path
		}
	}
	return ""
}

// versionOf is what a program says of itself, such as "nginx/1.22.1".
func versionOf(path string) string {
	output, err := exec.Command(path, "-v").CombinedOutput()
	if err != nil {
		return filepath.Base(path)
	}
	line, _, _ := strings.Cut(string(output), "\n")
	line = strings.TrimPrefix(line, "nginx version: ")
	words := strings.Fields(line)
	return strings.Join(words[:min(3, len(words))], " ")
}

// installPeers installs the Debian packages of the peers and of the client where they are missing and that is permitted.
// They are run by the bench alone: policy-rc.d keeps their packages from starting them as services of the machine.
func (b *bench) installPeers(ctx context.Context) {
	var missing []string
	for _, peer := range []struct{ program, pkg string }{{"nginx", "nginx-light"}, {"haproxy", "haproxy"}, {"wrk", "wrk"}} {
		if findPeer(peer.program) == "" {
			missing = append(missing, peer.pkg)
		}
	}
	if len(missing) == 0 {
		return
	}
	packages := strings.Join(missing, " ")
	if _, err := exec.LookPath("apt-get"); err != nil || os.Geteuid() != 0 {
		b.say("proxy: %s not installed; on Debian: apt-get install %s", packages, packages)
		return
	}
	b.say("proxy: installing %s", packages)
	const policy = "/usr/sbin/policy-rc.d"
	if _, err := os.Stat(policy); os.IsNotExist(err) {
		if os.WriteFile(policy, []byte("#!/bin/sh\nexit 101\n"), 0o755) == nil {
			defer os.Remove(policy)
		}
	}
	for _, args := range [][]string{{"update", "-qq"}, append([]string{"install", "-y", "-qq", "--no-install-recommends"}, missing...)} {
		command := exec.CommandContext(ctx, "apt-get", args...)
		command.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if output, err := command.CombinedOutput(); err != nil {
			b.say("proxy: apt-get %s: %s: %s", args[0], err, output)
			return
		}
	}
}

// awaitListener waits until an address accepts connections.
func awaitListener(address string) error {
	deadline := time.Now().Add(10 * time.Second)
	for {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			return conn.Close()
		}
		if time.Now().After(deadline) {
			return err
		}
		time.Sleep(20 * time.Millisecond) // another process, which says nothing when it listens
	}
}
