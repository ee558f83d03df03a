// Package readme_test runs what the README and the pages of docs/ tell people to type, in a copy of the repository's
// layout, and compares what is printed with what they show. Pages are read by these rules:
//
//   - ```sh is typed into a shell at the root of the repository, block after block. Each must end with exit code 0.
//     <!-- in the background --> before it: it goes on while later blocks run. <!-- not run: WHY --> before it: skipped.
//   - ```text is what the sh block before it prints; <!-- the background goes on --> before it: what the block in the
//     background prints. Every line must occur, with any numbers, times and spaces; "…" is anything. Until it does, a block
//     that has ended is typed again.
//   - ```yaml is a config file that must load, ```promql a query that must have an answer.
package readme_test

import (
	"os"
	"testing"

	"headroom.dev/headroom/test/system"
)

func TestMain(m *testing.M) {
	code := m.Run()
	system.Clean()
	os.Exit(code)
}
