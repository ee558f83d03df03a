package config

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// FuzzLoad holds that no text makes the loader panic, that errors point into the text, and that what loads can be
// shown and loaded again.
func FuzzLoad(f *testing.F) {
	for _, name := range []string{"full.yaml", "issue-both-merged.json", "issue-both-after-each-other.json"} {
		content, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(content), "")
	}
	for _, text := range []string{
		shop, "", "{", "{}{}", "[[[[", "- - - a", "? a\n: b", "a: &a [*a]", "a: *b", "<<: {}", "services: {a: {<<: *x}}", "log: !!str {}", "log: !t x",
		"log: |\n  x\n ${", "log: {level: '${A:-${B}}'}", "\ufeffa: 1", "a: \"\\ud800\"", "%YAML 1.1\n---\n", "--- \n...\n---", "a:\n\t- b", "services: {a.b: {run: x}, '': {run: [1]}}",
		"log: {level: &x debug, format: *x}", "scaling: {policies: [&p {name: a}, *p, <<: *p]}", "\"a\": 'b", "a: >+2\n", "&a &b c: d", "!!map {}", "? - a\n", "{a: b}: c", "a: b: c: d",
		"services: {shop: {run: './x', backends: []}}\n---\nservices: ~\n", "null: null", "~", "api: {token: 'literal:file:x'}",
	} {
		f.Add(text, "services: {shop: {run: x}}")
	}
	f.Fuzz(func(t *testing.T, text, variable string) {
		if strings.Contains(text, "file:") {
			t.Skip("would read files of this machine")
		}
		hung := time.AfterFunc(5*time.Second, func() { panic("hangs: " + strconv.Quote(text) + " " + strconv.Quote(variable)) })
		defer hung.Stop()
		dir := t.TempDir()
		path := filepath.Join(dir, "headroom.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		loaded, err := Loader{Paths: []string{path}, WorkingDir: dir, Env: []string{"HEADROOM_SERVICES=" + variable, "A=x"}}.Load()
		if err != nil {
			all, ok := err.(*Error)
			if !ok {
				t.Fatalf("not an *Error: %T %v", err, err)
			}
			for _, problem := range all.Problems {
				lines := strings.Count(unixLines(text), "\n") + 1
				if problem.Message == "" || problem.Line < 0 || problem.Line > lines+1 {
					t.Errorf("a problem points nowhere: line %d of %d: %v", problem.Line, lines, problem)
				}
			}
			return
		}
		if errs := loaded.Config.Validate(); errs != nil {
			t.Fatalf("what was loaded is not valid: %v", errs)
		}
		if _, err := loadText(t, loaded.Show(ShowOptions{Reveal: true})); err != nil {
			t.Fatalf("what was shown does not load: %v\n%s", err, loaded.Show(ShowOptions{Reveal: true}))
		}
	})
}

func FuzzDotEnv(f *testing.F) {
	for _, line := range []string{"", "#", "A=b", "export A='b' # c", `A="\n\"`, "=", "A=\"b\"c"} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		name, _, wrong := parseDotEnvLine(line)
		if name != "" && wrong != "" {
			t.Errorf("%q is both the variable %q and wrong: %s", line, name, wrong)
		}
	})
}
