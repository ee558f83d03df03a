//go:build linux

package contender

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"headroom.dev/headroom/test/bench/program"
)

// Caddy is Debian's. It has no TCP.
func Caddy() Proxy {
	return Proxy{
		Name: "Caddy", Version: version("caddy", "version"), Start: startCaddy,
		Needs: []program.Need{{File: "caddy", Package: "caddy"}},
	}
}

func startCaddy(setup Setup) (*Contender, error) {
	if setup.Kind == TCP {
		return nil, ErrCannot
	}
	path, err := installed("caddy")
	if err != nil {
		return nil, err
	}
	f, err := newFiles(setup)
	if err != nil {
		return nil, err
	}
	config, err := f.write("Caddyfile", caddyConfig)
	if err != nil {
		return nil, err
	}
	c, err := f.start("/usr/bin/env", "HOME="+setup.Dir, "XDG_DATA_HOME="+setup.Dir, "XDG_CONFIG_HOME="+setup.Dir,
		path, "run", "--config", config, "--adapter", "caddyfile")
	if err != nil {
		return nil, err
	}
	c.Allocations = metricReader("http://" + f.Admin + "/metrics")
	if setup.Reloads {
		c.Reload = func(round int) error {
			if err := f.change(round, "Caddyfile", caddyConfig); err != nil {
				return err
			}
			return loadCaddy(f.Admin, config)
		}
	}
	return c, nil
}

// loadCaddy gives a file to Caddy's API, which answers when it is in force.
func loadCaddy(admin, config string) error {
	text, err := os.ReadFile(config)
	if err != nil {
		return err
	}
	client := &http.Client{Timeout: 10 * time.Second}
	response, err := client.Post("http://"+admin+"/load", "text/caddyfile", bytes.NewReader(text))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		said, _ := io.ReadAll(io.LimitReader(response.Body, 1<<10))
		return fmt.Errorf("caddy refuses its config: %s: %s", response.Status, said)
	}
	return nil
}

const caddyConfig = `{
  admin {{.Admin}}
  auto_https off
  grace_period 10s
  log {
    level ERROR
  }
  servers {
    metrics
    timeouts {
      read_header 10s
      idle 60s
    }
{{- if eq .Kind "grpc"}}
    protocols h1 h2 h2c
{{- else if eq .Kind "https"}}
    protocols h1 h2
{{- else}}
    protocols h1
{{- end}}
  }
}
{{if eq .Kind "https"}}https://{{else}}http://{{end}}:{{.Port}} {
  bind 127.0.0.1
{{- if eq .Kind "https"}}
  tls {{.Certificate}} {{.Key}} {
    protocols tls1.3
    curves x25519
  }
{{- end}}
  reverse_proxy {
{{- range .Backends}}
    to {{if eq $.Kind "grpc"}}h2c://{{end}}{{.}}
{{- end}}
    lb_policy least_conn
    fail_duration 30s
    max_fails 3
{{- if ne .Kind "grpc"}}
    health_uri /health
    health_interval 5s
{{- end}}
    transport http {
      dial_timeout 1s
      response_header_timeout {{.Timeout}}s
      keepalive 60s
      keepalive_idle_conns 1000
      keepalive_idle_conns_per_host 1000
      compression off
{{- if eq .Kind "grpc"}}
      versions h2c
{{- end}}
    }
  }
}
`
