package certificate

import (
	"bytes"
	"crypto/tls"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestSessionsAreResumedByTheNextProcess(t *testing.T) {
	a, dir := newAuthority(t, "ca"), t.TempDir()
	shop := service("shop", nil, a.files(dir, "shop.test"))
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		state := t.TempDir()
		client := returning(a, "shop.test", version)
		for i, want := range []bool{false, true, true} {
			k := New(Options{Logger: slog.New(slog.DiscardHandler), StateDir: state})
			if got := resumes(t, apply(t, k, shop), client); got != want {
				t.Errorf("%s, process %d: resumed %v", tls.VersionName(version), i, got)
			}
			k.Close()
		}
		if info, err := os.Stat(filepath.Join(state, "session-tickets.json")); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", info, err)
		}
	}
}

// ofFile are the tickets of a process that keeps them in a file; log is what it has to say.
func ofFile(path string, log *bytes.Buffer) *tickets {
	return newTickets(ticketFile(path), slog.New(slog.NewTextHandler(log, nil)))
}

// Two processes run at once during an upgrade, for as long as the old one drains.
func TestProcessesThatShareAFileOfTicketsAgree(t *testing.T) {
	path, log, now := filepath.Join(t.TempDir(), "tickets"), &bytes.Buffer{}, year(2026)
	before, after := ofFile(path, log), ofFile(path, log)
	for i := range 10 {
		first, second := before, after
		if i%2 == 1 {
			first, second = after, before
		}
		at := now.Add(time.Duration(i) * 13 * time.Hour) // each time one is due
		if one, other := first.at(at), second.at(at); !slices.EqualFunc(one.list, other.list, func(a, b secret) bool { return a.value == b.value }) {
			t.Fatalf("%d: they have different secrets", i)
		}
	}
	if list := before.at(now.Add(9 * 13 * time.Hour)).list; len(list) != ticketSecrets {
		t.Errorf("%d secrets, want %d", len(list), ticketSecrets)
	}
	if log.String() != "" {
		t.Errorf("logged %s", log)
	}
}

func TestSecretsThatNobodyShouldTrustAreNotUsed(t *testing.T) {
	now := year(2026)
	for name, test := range map[string]struct {
		spoil func(path string, kept *[]byte)
		after time.Duration
		want  string // in the log
	}{
		"others can read them": {func(path string, _ *[]byte) { os.Chmod(path, 0o640) }, 0, "expected 0600"},
		"half of the file":     {func(path string, kept *[]byte) { *kept = (*kept)[:len(*kept)/2] }, 0, "unexpected EOF"},
		"short secrets":        {func(path string, kept *[]byte) { *kept = []byte(`[{"made":"2026-01-01T00:00:00Z","secret":"AAAA"}]`) }, 0, "expected 32"},
		"too old":              {nil, 36 * time.Hour, ""},
		"of the future":        {nil, -time.Hour, ""},
	} {
		t.Run(name, func(t *testing.T) {
			path, log := filepath.Join(t.TempDir(), "tickets"), &bytes.Buffer{}
			first := ofFile(path, log).at(now).list[0]
			if test.spoil != nil {
				kept, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				test.spoil(path, &kept)
				os.WriteFile(path, kept, 0o600) // leaves the mode
			}
			at := now.Add(test.after)
			next := ofFile(path, log).at(at)
			if len(next.list) != 1 || next.list[0].value == first.value || !strings.Contains(log.String(), test.want) {
				t.Errorf("%d secrets, the first again %v, logged %q, want %q", len(next.list), next.list[0].value == first.value, log, test.want)
			}
			if again := ofFile(path, log).at(at); again.list[0].value != next.list[0].value {
				t.Error("the new ones were not kept")
			}
		})
	}
}

func TestTicketsWorkWhereTheyCannotBeKept(t *testing.T) {
	log := &bytes.Buffer{}
	s := ofFile(filepath.Join(t.TempDir(), "missing", "tickets"), log)
	if list := s.at(year(2026)).list; len(list) != 1 || !strings.Contains(log.String(), "cannot keep") {
		t.Errorf("%d secrets, logged %q", len(list), log)
	}
}
