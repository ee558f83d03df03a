//go:build linux

package contender

import (
	"os"
	"path/filepath"
	"syscall"

	"headroom.dev/headroom/test/bench/program"
)

// HAProxy is Debian's.
func HAProxy() Proxy {
	return Proxy{
		Name: "HAProxy", Version: version("haproxy", "-v"), Start: startHAProxy,
		Needs: []program.Need{{File: "haproxy", Package: "haproxy"}},
	}
}

func startHAProxy(setup Setup) (*Contender, error) {
	path, err := installed("haproxy")
	if err != nil {
		return nil, err
	}
	f, err := newFiles(setup)
	if err != nil {
		return nil, err
	}
	if setup.Kind == HTTPS {
		if err := concatenate(filepath.Join(setup.Dir, "both.pem"), setup.Certificate, setup.Key); err != nil {
			return nil, err
		}
	}
	config, err := f.write("haproxy.cfg", haproxyConfig)
	if err != nil {
		return nil, err
	}
	mode := "-db"
	if setup.Reloads {
		mode = "-W" // a master, which starts another worker that inherits the listeners
	}
	c, err := f.start(path, mode, "-f", config)
	if err != nil {
		return nil, err
	}
	if setup.Reloads {
		c.Reload = func(round int) error {
			if err := f.change(round, "haproxy.cfg", haproxyConfig); err != nil {
				return err
			}
			return c.Program.Signal(syscall.SIGUSR2)
		}
	}
	return c, nil
}

// concatenate writes one file of several.
func concatenate(to string, from ...string) error {
	var all []byte
	for _, file := range from {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		all = append(all, data...)
	}
	return os.WriteFile(to, all, 0o600)
}

// Pipes have the size that Go gives its own, 1 MiB: with it HAProxy splices at about a fifth less processor time. Without strict
// limits it starts where files are limited to fewer than twice its connections, which idle ones do not need.
const haproxyConfig = `global
  nbthread 1
  maxconn 12000
  no strict-limits
  tune.pipesize 1048576
  tune.ssl.default-dh-param 2048
defaults
  timeout connect 1s
  timeout client 60s
  timeout server {{.Timeout}}s
  timeout http-request 10s
  timeout http-keep-alive 60s
  timeout tunnel 1h
{{- if eq .Kind "tcp"}}
  mode tcp
  option splice-auto
{{- else}}
  mode http
  option http-keep-alive
  option forwardfor
  option splice-auto
  http-reuse always
{{- end}}
listen bench
{{- if eq .Kind "https"}}
  bind {{.Address}} ssl crt {{.Dir}}/both.pem alpn h2,http/1.1 ssl-min-ver TLSv1.3 curves X25519
{{- else if eq .Kind "grpc"}}
  bind {{.Address}} proto h2
{{- else}}
  bind {{.Address}}
{{- end}}
  balance {{or .Algorithm "leastconn"}}
{{- if ne .Kind "tcp"}}
  http-request set-header X-Forwarded-Proto {{if eq .Kind "https"}}https{{else}}http{{end}}
{{- end}}
{{- if ne .Kind "tcp"}}
  option httpchk GET /health
{{- end}}
{{- range $i, $address := .Backends}}
  server b{{$i}} {{$address}} check inter 5s fall 3 rise 2 pool-max-conn 1000{{if eq $.Kind "grpc"}} proto h2{{end}}
{{- end}}
`
