package balancing

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"headroom.dev/headroom/test/system"
)

// nginx reads requests by its own parser and passes on what it has understood, bodies only when they are whole.
const nginxConfig = `daemon off;
USER
worker_processes 1;
pid DIR/pid;
error_log DIR/error.log;
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path DIR/body; proxy_temp_path DIR/proxy; fastcgi_temp_path DIR/f; uwsgi_temp_path DIR/u; scgi_temp_path DIR/s;
  underscores_in_headers on; merge_slashes off; client_max_body_size 0; keepalive_requests 1000000; large_client_header_buffers 8 64k;
  client_body_buffer_size 256k; # a file would be sent apart from the head, and wait 40 ms for its acknowledgment
  upstream recorder { server RECORDER; keepalive 8; }
  server {
    listen LISTEN;
    location / { proxy_pass http://recorder; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host a; }
  }
}
`

// Apache as well, by mod_proxy_http.
const apacheConfig = `ServerRoot DIR
ServerName a
PidFile DIR/pid
ErrorLog DIR/error.log
LoadModule mpm_event_module MODULES/mod_mpm_event.so
LoadModule authz_core_module MODULES/mod_authz_core.so
LoadModule proxy_module MODULES/mod_proxy.so
LoadModule proxy_http_module MODULES/mod_proxy_http.so
USER
Listen LISTEN
ServerLimit 1
StartServers 1
MaxRequestWorkers 25
MaxKeepAliveRequests 0
KeepAliveTimeout 60
AllowEncodedSlashes NoDecode
MergeSlashes Off
LimitRequestLine 32768
LimitRequestFieldSize 65536
ProxyPass / http://RECORDER/ nocanon
`

// startNginx starts nginx before a recorder, or skips the test where it is not installed.
func startNginx(t *testing.T, r *recorder) (address string) {
	return startPeer(t, "nginx", "nginx", nginxConfig, "user root;", r, "-e", "stderr", "-c")
}

// startApache is the same for Apache.
func startApache(t *testing.T, r *recorder) (address string) {
	return startPeer(t, "apache2", "apache2-bin", apacheConfig, "User www-data\nGroup www-data", r, "-DFOREGROUND", "-f")
}

func startPeer(t *testing.T, program, pkg, config, user string, r *recorder, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		if path, err = exec.LookPath("/usr/sbin/" + program); err != nil {
			t.Skipf("%s is not installed: apt-get install %s", program, pkg)
		}
	}
	if os.Getuid() != 0 {
		user = ""
	}
	dir := t.TempDir()
	address := system.FreeAddress(t)
	file := filepath.Join(dir, "config")
	text := strings.NewReplacer("DIR", dir, "USER", user, "RECORDER", r.addr, "LISTEN", address,
		"MODULES", "/usr/lib/apache2/modules").Replace(config)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, append(args, file)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		<-ended
	})
	for deadline := time.Now().Add(patiently); ; {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
			return address
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("%s has ended: %v", program, err)
		case <-time.After(20 * time.Millisecond): // between knocks at a process that cannot say when it listens
		}
		if time.Now().After(deadline) {
			t.Fatal(fmt.Errorf("%s does not listen: %w", program, err))
		}
	}
}
