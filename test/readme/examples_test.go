package readme_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"headroom.dev/headroom/test/system"
)

// transcript reads the commands in the comment that an example begins with, and what they print: "$ " begins a command, "> " goes on with
// it, and what follows is printed by it. One that ends with & goes on in the background.
func transcript(text string) []block {
	var found []block
	for i, line := range strings.Split(text, "\n") {
		comment, is := strings.CutPrefix(line, "#")
		if !is {
			break
		}
		shown, indented := strings.CutPrefix(comment, "   ")
		if !indented {
			continue
		}
		if command, begins := strings.CutPrefix(shown, "$ "); begins {
			found = append(found, block{language: "sh", line: i + 1, text: command + "\n"})
			continue
		}
		if len(found) == 0 {
			continue
		}
		last := &found[len(found)-1]
		switch more, goesOn := strings.CutPrefix(shown, "> "); {
		case goesOn:
			last.text += more + "\n"
		case last.language == "text":
			last.text += shown + "\n"
		default:
			found = append(found, block{language: "text", line: i + 1, text: shown + "\n"})
		}
	}
	for i := range found {
		if command, background := strings.CutSuffix(found[i].text, " &\n"); background && found[i].language == "sh" {
			found[i].text, found[i].note = command+"\n", inTheBackground
		}
	}
	return found
}

func TestEveryExampleDoesWhatItSays(t *testing.T) {
	t.Parallel()
	examples, err := filepath.Glob(filepath.Join(system.Root(), "examples", "*", "headroom.yaml"))
	if err != nil || len(examples) < 10 {
		t.Fatalf("found the examples %v, %v", examples, err)
	}
	for _, path := range examples {
		name := filepath.Base(filepath.Dir(path))
		if name == "quickstart" { // the README is about it
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			file := "examples/" + name + "/headroom.yaml"
			said := transcript(string(content))
			if len(said) < 3 {
				t.Fatalf("%s does not say how to try it", file)
			}
			r := newReader(t)
			r.follow(file, append(said, block{language: "sh", text: "bin/headroom stop -c " + file + "\n"}))
		})
	}
}

func TestCommandsOfAnExampleAreReadWithWhatTheyPrint(t *testing.T) {
	got := transcript("# Words. Try it:\n#   $ bin/a &\n#   $ b \\\n#   >   c\n#   1\n#   2\n#   $ d\na: b\n#   $ not this\n")
	want := []block{{"sh", inTheBackground, 2, "bin/a\n"}, {"sh", "", 3, "b \\\n  c\n"}, {"text", "", 5, "1\n2\n"}, {"sh", "", 7, "d\n"}}
	if len(got) != len(want) {
		t.Fatalf("got %+v, want %+v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got %+v, want %+v", got[i], want[i])
		}
	}
}
