package readme_test

import (
	"strings"
	"testing"
)

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
		})
	}
}
