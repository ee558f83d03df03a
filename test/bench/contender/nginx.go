//go:build linux

package contender

import (
	"fmt"
	"syscall"

	"headroom.dev/headroom/test/bench/program"
)

const nginxStream = "/usr/lib/nginx/modules/ngx_stream_module.so"

func nginxStreamNeed() program.Need {
	return program.Need{File: nginxStream, Package: "libnginx-mod-stream"}
}

// Nginx is Debian's.
func Nginx() Proxy {
	return Proxy{
		Name: "nginx", Version: version("nginx", "-v"), Start: startNginx,
		Needs: []program.Need{{File: "nginx", Package: "nginx-light"}, nginxStreamNeed()},
	}
}

func startNginx(setup Setup) (*Contender, error) {
	path, err := installed("nginx")
	if err != nil {
		return nil, err
	}
	if setup.Kind == TCP {
		if missing := program.Missing([]program.Need{nginxStreamNeed()}); len(missing) > 0 {
			return nil, fmt.Errorf("%w: %s", program.ErrNotInstalled, missing[0])
		}
	}
	f, err := newFiles(setup)
	if err != nil {
		return nil, err
	}
	config, err := f.write("nginx.conf", nginxConfig)
	if err != nil {
		return nil, err
	}
	c, err := f.start(path, "-p", setup.Dir, "-c", config)
	if err != nil {
		return nil, err
	}
	if setup.Reloads {
		c.Reload = func(round int) error {
			if err := f.change(round, "nginx.conf", nginxConfig); err != nil {
				return err
			}
			return c.Program.Signal(syscall.SIGHUP)
		}
	}
	return c, nil
}

// Without request buffering, which would write uploads to files. nginx checks health only by the requests that fail.
const nginxConfig = `{{if eq .Kind "tcp"}}load_module ` + nginxStream + `;
{{end -}}
daemon off;
user root;
master_process {{if .Reloads}}on{{else}}off{{end}};
worker_processes 1;
worker_rlimit_nofile 40000;
pid {{.Dir}}/nginx.pid;
error_log {{.Dir}}/nginx.log crit;
events { worker_connections 30000; }
{{- if eq .Kind "tcp"}}
stream {
  upstream backends {
    least_conn;
    {{- range .Backends}}
    server {{.}} max_fails=3 fail_timeout=30s;
    {{- end}}
  }
  server {
    listen {{.Address}};
    proxy_connect_timeout 1s;
    proxy_timeout 1h;
    proxy_buffer_size 64k;
    proxy_pass backends;
  }
}
{{- else}}
http {
  access_log off;
  client_body_temp_path {{.Dir}}/body;
  proxy_temp_path {{.Dir}}/proxy;
  fastcgi_temp_path {{.Dir}}/fastcgi;
  uwsgi_temp_path {{.Dir}}/uwsgi;
  scgi_temp_path {{.Dir}}/scgi;
  keepalive_requests 1000000000;
  keepalive_timeout 60s;
  client_header_timeout 10s;
  tcp_nodelay on;
  {{- if eq .Kind "https"}}
  ssl_certificate {{.Certificate}};
  ssl_certificate_key {{.Key}};
  ssl_protocols TLSv1.3;
  ssl_ecdh_curve X25519;
  ssl_session_cache shared:bench:10m;
  {{- end}}
  {{- if or (eq .Kind "https") (eq .Kind "grpc")}}
  http2_max_concurrent_streams 250;
  {{- end}}
  map $http_upgrade $connection_out { default upgrade; '' ''; }
  upstream backends {
    least_conn;
    {{- range .Backends}}
    server {{.}} max_fails=3 fail_timeout=30s;
    {{- end}}
    keepalive 1000;
    keepalive_requests 1000000000;
  }
  server {
    listen {{.Address}}{{if eq .Kind "https"}} ssl http2{{else if eq .Kind "grpc"}} http2{{end}} backlog=4096;
    location / {
      {{- if eq .Kind "grpc"}}
      grpc_pass grpc://backends;
      grpc_connect_timeout 1s;
      grpc_read_timeout {{.Timeout}}s;
      grpc_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      grpc_set_header X-Forwarded-Proto $scheme;
      {{- else}}
      proxy_pass http://backends;
      proxy_http_version 1.1;
      proxy_request_buffering off;
      proxy_connect_timeout 1s;
      proxy_read_timeout {{.Timeout}}s;
      proxy_set_header Host $host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_out;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
      {{- end}}
    }
  }
}
{{- end}}
`
