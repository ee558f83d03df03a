package readme_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"headroom.dev/headroom/test/system"
)

// block is one fenced block of a page.
type block struct {
	language string // sh, text, yaml, promql, …
	note     string // of the HTML comment right before it
	line     int    // of its first line
	text     string
}

// The notes that blocks can have.
const (
	inTheBackground  = "in the background"
	backgroundGoesOn = "the background goes on"
	notRun           = "not run: "
)

// blocks reads the fenced blocks of a Markdown text.
func blocks(text string) []block {
	var found []block
	var open *block
	note := ""
	for i, line := range strings.Split(text, "\n") {
		fence := strings.HasPrefix(line, "```")
		switch {
		case open != nil && fence:
			found, open, note = append(found, *open), nil, ""
		case open != nil:
			open.text += line + "\n"
		case fence:
			open = &block{language: strings.TrimPrefix(line, "```"), note: note, line: i + 2}
		case strings.HasPrefix(line, "<!-- ") && strings.HasSuffix(line, " -->"):
			note = strings.TrimSuffix(strings.TrimPrefix(line, "<!-- "), " -->")
		case strings.TrimSpace(line) != "":
			note = ""
		}
	}
	return found
}

// pageFiles lists the README and every page of docs, relative to the root.
func pageFiles(t *testing.T) []string {
	t.Helper()
	pages, err := filepath.Glob(filepath.Join(system.Root(), "docs", "*.md"))
	if err != nil || len(pages) < 5 {
		t.Fatalf("found the pages %v, %v", pages, err)
	}
	names := []string{"README.md"}
	for _, page := range pages {
		names = append(names, filepath.Join("docs", filepath.Base(page)))
	}
	return names
}

func page(t *testing.T, name string) []block {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(system.Root(), name))
	if err != nil {
		t.Fatal(err)
	}
	return blocks(string(text))
}

func TestBlocksAreReadWithTheirNotesAndLines(t *testing.T) {
	got := blocks("# A\n\n<!-- in the background -->\n```sh\nmake run\nmake more\n```\n\n<!-- lost -->\nwords\n```text\n…\n```\n")
	want := []block{{"sh", inTheBackground, 5, "make run\nmake more\n"}, {"text", "", 12, "…\n"}}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestEveryNoteOnABlockIsOneOfTheRules(t *testing.T) {
	for _, name := range pageFiles(t) {
		for _, b := range page(t, name) {
			known := b.note == "" || b.note == inTheBackground && b.language == "sh" || b.note == backgroundGoesOn && b.language == "text" ||
				strings.HasPrefix(b.note, notRun) && b.language == "sh" || b.language != "sh" && b.language != "text"
			if !known {
				t.Errorf("%s:%d: a %s block with the note %q", name, b.line, b.language, b.note)
			}
		}
	}
}

// What loads nothing and links nowhere is of no use to a reader.
func TestEveryLinkOfAPageLeadsToAFile(t *testing.T) {
	for _, name := range pageFiles(t) {
		text, err := os.ReadFile(filepath.Join(system.Root(), name))
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range strings.Split(string(text), "](")[1:] {
			target, _, _ := strings.Cut(part, ")")
			target, _, _ = strings.Cut(target, "#")
			if target == "" || strings.Contains(target, "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(system.Root(), filepath.Dir(name), target)); err != nil {
				t.Errorf("%s links to %s: %v", name, target, err)
			}
		}
	}
}
