package readme_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"headroom.dev/headroom/test/system"
)

// picture is an image of a page.
var picture = regexp.MustCompile(`!\[[^]]+\]\(([a-z-]+\.svg)\)`)

// mostOfAPicture keeps the repository small, and a page quick to load.
const mostOfAPicture = 60 << 10

// drawn compares the pictures of a page that its commands drew with those that it shows; -update writes them.
func (r *reader) drawn(name string) {
	r.t.Helper()
	text, err := os.ReadFile(filepath.Join(system.Root(), name))
	if err != nil {
		r.t.Fatal(err)
	}
	for _, match := range picture.FindAllStringSubmatch(string(text), -1) {
		drawn, err := os.ReadFile(filepath.Join(r.s.Dir, match[1]))
		if os.IsNotExist(err) {
			continue // made otherwise
		}
		shown := filepath.Join(system.Root(), "docs", match[1])
		if *update {
			err = os.WriteFile(shown, drawn, 0o644)
		}
		before, readErr := os.ReadFile(shown)
		if err != nil || readErr != nil || len(drawn) > mostOfAPicture {
			r.t.Fatalf("%s of %d bytes: %v, %v", match[1], len(drawn), err, readErr)
		}
		if !bytes.Equal(drawn, before) {
			r.t.Errorf("%s shows another %s than its command draws: go test ./test/readme -run Pages -update writes it; look at what the page says of it, too", name, match[1])
		}
	}
}

func TestTheTourOfTheReadmeGoesAsItSays(t *testing.T) {
	t.Parallel()
	r := newReader(t)
	r.follow("README.md", page(t, "README.md"))
	if left := r.s.ShopProcesses(); len(left) > 0 {
		t.Errorf("the tour leaves replicas behind: %v", left)
	}
}

// The pages of docs begin with the quickstart running.
func TestThePagesOfDocsGoAsTheySay(t *testing.T) {
	t.Parallel()
	for _, name := range pageFiles(t) {
		all := page(t, name)
		runs := false
		for _, b := range all {
			runs = runs || b.language == "promql" || b.language == "sh" && !strings.HasPrefix(b.note, notRun)
		}
		if !runs || name == "README.md" {
			continue
		}
		t.Run(strings.TrimSuffix(strings.TrimPrefix(name, "docs/"), ".md"), func(t *testing.T) {
			t.Parallel()
			r := newReader(t)
			r.begin(name, "bin/headroom run --no-load -c examples/quickstart/headroom.yaml")
			r.await(name, "shop has 2 ready replicas, 70ms after the decision.")
			r.follow(name, all)
			r.drawn(name)
		})
	}
}
