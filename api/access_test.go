package api

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"headroom.dev/headroom"
)

func TestWithATokenEverythingButProbesAndDocsNeedsIt(t *testing.T) {
	w := newWorld(t)
	w.token = "correct-horse-battery"
	w.restart()
	for _, header := range []string{"", "Bearer", "Bearer ", "Bearer wrong", "Bearer correct-horse-batter", "Basic correct-horse-battery", "correct-horse-battery"} {
		for _, endpoint := range []string{"GET /api/scaling/status", "POST /api/stop", "GET /metrics", "GET /api/events", "GET /nothing"} {
			method, path, _ := strings.Cut(endpoint, " ")
			w.refuse(http.StatusUnauthorized, "unauthorized", method, path, "", "Authorization", header)
		}
	}
	if got := w.do("GET", "/api/scaling/status", "", "Authorization", ""); !strings.HasPrefix(got.header.Get("WWW-Authenticate"), "Bearer") {
		t.Errorf("WWW-Authenticate is %q", got.header.Get("WWW-Authenticate"))
	}
	for _, path := range []string{"/livez", "/readyz", "/docs", "/openapi.json"} {
		w.expect(http.StatusOK, "GET", path, "", "Authorization", "")
	}
	w.expect(http.StatusOK, "GET", "/api/scaling/status", "", "Authorization", "bearer correct-horse-battery")
	w.expect(http.StatusAccepted, "POST", "/api/scaling/scale", scaleToFour, "Host", "headroom.example.com")
	records := w.audit()
	if len(records) != 1 || records[0].Actor != "token" {
		t.Errorf("the audit log has %+v", records)
	}
	if w.control.stopped {
		t.Error("stopped without the token")
	}
}

func TestWithoutATokenOnlyLoopbackNamesAreAnswered(t *testing.T) {
	w := newWorld(t)
	for _, host := range []string{"127.0.0.1:7070", "127.1.2.3", "localhost:7070", "LOCALHOST", "[::1]:7070", "[::1]", "localhost.", "shop.localhost:7070"} {
		w.expect(http.StatusOK, "GET", "/api/scaling/status", "", "Host", host)
	}
	for _, host := range []string{"evil.example.com", "evil.example.com:7070", "127.0.0.1.evil.example.com", "10.0.0.1:7070", "localhost.evil.com", "notlocalhost"} {
		w.refuse(http.StatusForbidden, "forbidden-host", "GET", "/api/scaling/status", "", "Host", host)
	}
}

func TestPagesOfOtherOriginsCannotChangeAnything(t *testing.T) {
	w := newWorld(t)
	for _, headers := range [][]string{
		{"Sec-Fetch-Site", "cross-site"},
		{"Sec-Fetch-Site", "same-site"},
		{"Origin", "https://evil.example.com"},
	} {
		w.refuse(http.StatusForbidden, "cross-origin", "POST", "/api/scaling/scale", scaleToFour, headers...)
	}
	w.expect(http.StatusAccepted, "POST", "/api/scaling/scale", scaleToFour, "Sec-Fetch-Site", "same-origin")
	w.expect(http.StatusAccepted, "POST", "/api/scaling/scale", scaleToFour)
}

func TestListeningBeyondLoopbackNeedsAToken(t *testing.T) {
	for _, c := range []struct {
		listen, token string
		ok            bool
	}{
		{"127.0.0.1:7070", "", true}, {"localhost:7070", "", true}, {"[::1]:7070", "", true}, {"127.0.0.1:0", "", true},
		{"0.0.0.0:7070", "", false}, {":7070", "", false}, {"[::]:7070", "", false}, {"192.168.1.5:7070", "", false}, {"box.example.com:7070", "", false},
		{"0.0.0.0:7070", "secret", true}, {":7070", "secret", true},
		{"127.0.0.1", "secret", false}, {"127.0.0.1:http", "secret", false}, {"127.0.0.1:70000", "secret", false}, {"", "", false},
	} {
		err := CheckListen(c.listen, c.token)
		var invalid *headroom.InvalidError
		if (err == nil) != c.ok || err != nil && (!errors.As(err, &invalid) || invalid.Field != "api.listen") {
			t.Errorf("CheckListen(%q, %q) = %v", c.listen, c.token, err)
		}
	}
	if !Loopback("127.0.0.1:7070") || Loopback(":7070") {
		t.Error("Loopback is wrong")
	}
}

func TestATokenIsMadeOnceAndReadableByItsOwnerOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "api-token")
	first, err := EnsureToken(path)
	if err != nil || len(first) < 26 {
		t.Fatalf("made %q, %v", first, err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", info.Mode(), err)
	}
	if again, err := EnsureToken(path); err != nil || again != first {
		t.Errorf("the second time it is %q, %v", again, err)
	}
	if other, err := EnsureToken(path + "2"); err != nil || other == first {
		t.Errorf("another token is %q, %v", other, err)
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 2 {
		t.Errorf("the directory holds %v, %v", left, err)
	}
}

func TestATokenFileThatIsNotSafeIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		content string
		mode    os.FileMode
		says    string
	}{
		"group may read":  {"0123456789abcdef\n", 0o640, "chmod 600"},
		"others may read": {"0123456789abcdef\n", 0o604, "chmod 600"},
		"empty":           {"", 0o600, "must hold one token"},
		"two words":       {"two words", 0o600, "must hold one token"},
		"too long":        {strings.Repeat("x", 5000), 0o600, "must be a file"},
	} {
		path := filepath.Join(t.TempDir(), "api-token")
		if err := os.WriteFile(path, []byte(c.content), c.mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, c.mode); err != nil {
			t.Fatal(err)
		}
		if token, err := EnsureToken(path); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: answered %q, %v", name, token, err)
		}
	}
	if _, err := EnsureToken(t.TempDir()); err == nil {
		t.Error("a directory is taken for a token")
	}
}
