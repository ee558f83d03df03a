package certificate

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestChangedCertificateIsServedWithoutAnewConfiguration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, dir := newAuthority(t, "ca"), t.TempDir()
		k, j := newTestKeeper(t)
		config := apply(t, k, service("shop", nil, a.files(dir, "old.test")))
		if got := served(t, config, ""); got != "old.test" {
			t.Fatalf("got %q", got)
		}
		a.files(dir, "new.test")
		time.Sleep(lookEvery + time.Second) // of the bubble's clock
		synctest.Wait()
		if got := served(t, config, "new.test"); got != "new.test" {
			t.Errorf("got %q, want the certificate that is in the file now", got)
		}
		if j.count("was read again") != 1 {
			t.Errorf("log: %s", j.lines.String())
		}
	})
}

func TestCertificateOfBeforeStaysWhileItsFilesCannotBeUsed(t *testing.T) {
	a, other := newAuthority(t, "ca"), newAuthority(t, "other")
	certificate, key := a.issue(newKey(t), "new.test")
	_, otherKey := other.issue(newKey(t), "other.test")
	for _, test := range []struct {
		name string
		do   func(files pairFiles)
		want string // in the log, once
	}{
		{"half a certificate", func(f pairFiles) { write(t, f.certificate, certificate[:len(certificate)/2]) }, "is not PEM"},
		{"an empty key", func(f pairFiles) { write(t, f.key, nil) }, "tls.key: is empty"},
		{"only the certificate", func(f pairFiles) { write(t, f.certificate, certificate) },
			"tls.key: is not the key of the first certificate in"},
		{"the key of another", func(f pairFiles) { write(t, f.certificate, certificate); write(t, f.key, otherKey) }, "which is for new.test"},
		{"no key", func(f pairFiles) { os.Remove(f.key) }, "tls.key: there is no such file"},
		{"a folder", func(f pairFiles) { os.Remove(f.key); os.Mkdir(f.key, 0o755) }, "tls.key: is not a file"},
	} {
		t.Run(test.name, func(t *testing.T) {
			k, j := newTestKeeper(t)
			files := a.files(t.TempDir(), "old.test")
			config := apply(t, k, service("shop", nil, files))
			test.do(files)
			k.look(time.Now())
			if j.count("level=ERROR") != 0 {
				t.Errorf("it is told at once, although the rest may be on its way: %s", j.lines.String())
			}
			for range 3 {
				k.look(time.Now())
			}
			if got := served(t, config, ""); got != "old.test" {
				t.Errorf("got %q", got)
			}
			if j.count("level=ERROR") != 1 || j.count(test.want) != 1 {
				t.Errorf("want %q once in the log: %s", test.want, j.lines.String())
			}
			if status := k.Status(); !strings.Contains(status[0].Error, test.want) || status[0].Names[0] != "old.test" {
				t.Errorf("status: %+v", status)
			}
			config = apply(t, k, service("shop", nil, files)) // a change of the configuration meanwhile does not fail for it
			os.Remove(files.key)
			writePair(t, filepath.Dir(files.key), certificate, key)
			k.look(time.Now())
			if got := served(t, config, ""); got != "new.test" {
				t.Errorf("got %q after it was mended", got)
			}
			if status := k.Status(); status[0].Error != "" {
				t.Errorf("status after it was mended: %+v", status)
			}
		})
	}
}

func TestSecretOfKubernetesIsReadWhenItsLinkIsSwapped(t *testing.T) {
	// As kubelet does: tls.crt -> ..data/tls.crt, ..data -> ..2026_01, replaced by rename.
	a, dir := newAuthority(t, "ca"), t.TempDir()
	before := a.files(filepath.Join(dir, "..2026_01"), "old.test")
	for _, path := range []string{before.certificate, before.key} { // room at the end, which PEM does not mind
		if err := os.Truncate(path, 2000); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, time.Time{}, time.Now().Add(-time.Hour)); err != nil { // files that are fresh are read in any case
			t.Fatal(err)
		}
	}
	link := func(target, name string) {
		t.Helper()
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	link("..2026_01", "..data")
	link("..data/tls.crt", "tls.crt")
	link("..data/tls.key", "tls.key")
	k, _ := newTestKeeper(t)
	config := apply(t, k, service("shop", nil, pairFiles{filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")}))

	a.files(filepath.Join(dir, "..2026_02"), "new.test")
	// The files in the new folder are exactly as old and as large as those before: what differs is which files they are.
	for _, name := range []string{"tls.crt", "tls.key"} {
		old, err := os.Stat(filepath.Join(dir, "..2026_01", name))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "..2026_02", name)
		if err := os.Truncate(path, old.Size()); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, time.Time{}, old.ModTime()); err != nil {
			t.Fatal(err)
		}
	}
	link("..2026_02", "..data_tmp")
	if err := os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "..2026_01")); err != nil {
		t.Fatal(err)
	}
	k.look(time.Now())
	if got := served(t, config, ""); got != "new.test" {
		t.Errorf("got %q", got)
	}
}

func TestFileThatChangedTwiceWithinATickOfItsTimeIsReadAgain(t *testing.T) {
	a, dir := newAuthority(t, "ca"), t.TempDir()
	k, _ := newTestKeeper(t)
	one, oneKey := a.issue(newKey(t), "one.test")
	two, twoKey := a.issue(newKey(t), "two.test")
	files := writePair(t, dir, one, oneKey)
	at := time.Now()
	touch := func() {
		for _, path := range []string{files.certificate, files.key} {
			if err := os.Chtimes(path, at, at); err != nil {
				t.Fatal(err)
			}
		}
	}
	touch()
	config := apply(t, k, service("shop", nil, files))
	write(t, files.certificate, two)
	write(t, files.key, twoKey)
	touch()
	k.look(at.Add(time.Second))
	if got := served(t, config, ""); got != "two.test" {
		t.Errorf("got %q", got)
	}
}

func TestCertificateThatIsPutBackIsNoTroubleAnyMore(t *testing.T) {
	a := newAuthority(t, "ca")
	k, _ := newTestKeeper(t)
	files := a.files(t.TempDir(), "shop.test")
	apply(t, k, service("shop", nil, files))
	key, err := os.ReadFile(files.key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, files.key, nil)
	k.look(time.Now())
	if status := k.Status(); status[0].Error == "" {
		t.Errorf("status: %+v", status)
	}
	write(t, files.key, key)
	k.look(time.Now())
	if status := k.Status(); status[0].Error != "" {
		t.Errorf("status: %+v", status)
	}
}

func TestPipeInPlaceOfAFileDoesNotHold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tls.crt")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skipf("cannot make a pipe: %v", err)
	}
	if _, err := read(path); err == nil || err.Error() != "is not a file" {
		t.Errorf("got %v", err)
	}
}

func TestEndOfACertificateIsToldOncePerDay(t *testing.T) {
	a := newAuthority(t, "ca")
	k, j := newTestKeeper(t)
	end := time.Now().Add(10 * 24 * time.Hour).UTC()
	certificate, key := a.issueUntil(newKey(t), end, "shop.test")
	apply(t, k, service("shop", nil, writePair(t, t.TempDir(), certificate, key)))
	warned := map[string]time.Time{}
	for _, test := range []struct {
		before      time.Duration
		soon, ended int // lines so far
		why         string
	}{
		{15 * 24 * time.Hour, 0, 0, "more than 14 days are left"},
		{10 * 24 * time.Hour, 1, 0, "10 days are left"},
		{9*24*time.Hour + time.Hour, 1, 0, "told 23 hours ago"},
		{9 * 24 * time.Hour, 2, 0, "told a day ago"},
		{-time.Minute, 2, 1, "over"},
		{-time.Hour, 2, 1, "told an hour ago"},
	} {
		k.warn(end.Add(-test.before), warned)
		if soon, ended := j.count("ends soon"), j.count("has ended"); soon != test.soon || ended != test.ended {
			t.Errorf("%v before its end: %d and %d lines, want %d and %d: %s", test.before, soon, ended, test.soon, test.ended, test.why)
		}
	}
}

func TestShortLivedCertificateIsToldOfAfterFourFifthsOfItsLife(t *testing.T) {
	a := newAuthority(t, "ca")
	begin := year(1999) // of all that are issued here
	pem, key := a.issueUntil(newKey(t), begin.Add(5*24*time.Hour), "shop.test")
	made, _, err := parsePair(pem, key, pairFiles{})
	if err != nil {
		t.Fatal(err)
	}
	for day, want := range map[float64]bool{0: false, 3.9: false, 4.1: true, 6: true} {
		if got := ending(made.Leaf, begin.Add(time.Duration(day*24)*time.Hour)); got != want {
			t.Errorf("day %v: got %v", day, got)
		}
	}
}
