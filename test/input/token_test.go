package input

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"headroom.dev/headroom/test/system"
)

func TestAnAPIThatIsNotOnLoopbackMakesATokenAndAsksForIt(t *testing.T) {
	t.Parallel()
	s := system.New(t, twoReplicas)
	_, port, err := net.SplitHostPort(s.API)
	if err != nil {
		t.Fatal(err)
	}
	s.Configure(strings.Replace(twoReplicas, "listen: API", "listen: 0.0.0.0:"+port, 1))
	p := s.Start("run")
	s.WaitReady(p)

	file := filepath.Join(s.Dir, ".headroom", "api-token")
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the token file has mode %04o", info.Mode().Perm())
	}
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	token := strings.TrimSpace(string(content))
	if len(token) < 20 {
		t.Errorf("the token has only %d characters", len(token))
	}
	if strings.Contains(p.Output()+p.Errors(), token) {
		t.Error("headroom writes the token to its output")
	}

	for name, header := range map[string]string{"no token": "", "a wrong one": "Bearer " + strings.ToLower(token) + "x", "not a bearer": "Basic " + token} {
		for _, path := range []string{"/api/scaling/status", "/metrics", "/api/events", "/api/audit"} {
			a := send(t, s, http.MethodGet, path, "", "Authorization", header)
			a.refused(t, path+" with "+name)
			if a.status != http.StatusUnauthorized || !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Bearer") {
				t.Errorf("%s with %s: %d %v", path, name, a.status, a.header)
			}
		}
	}
	if a := send(t, s, http.MethodPost, "/api/stop", "", "Authorization", "Bearer x"); a.status != http.StatusUnauthorized {
		t.Errorf("stop with a wrong token: %d", a.status)
	}
	if a := send(t, s, http.MethodGet, "/api/scaling/status", "", "Authorization", "Bearer "+token); a.status != http.StatusOK {
		t.Errorf("with the token: %d %s", a.status, a.body)
	}

	s.Env = nil
	if _, stderr, code := s.Command("status"); code != 0 {
		t.Errorf("the command line does not find the token by the config file: exit code %d, %s", code, stderr)
	}
	_, stderr, code := s.Command("status", "--token", "wrong")
	if code != 1 {
		t.Errorf("a wrong token: exit code %d", code)
	}
	contains(t, stderr, "token")
}

func TestATokenFileThatOthersMayReadIsRefused(t *testing.T) {
	t.Parallel()
	s := system.New(t, strings.Replace(twoReplicas, "listen: API", "listen: 0.0.0.0:0\n  tokenFile: token", 1))
	if err := os.Chmod(document(t, s, "token", "abcdefghijklmnopqrstuvwxyz\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	refuses(t, s, []string{"run"}, "tokenFile", "has mode 0644", "chmod 600")
}
