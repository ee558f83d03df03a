package main

import (
	"bytes"
	"testing"

	"headroom.dev/headroom"
)

func TestTableAlignsColumnsByWhatIsSeen(t *testing.T) {
	table := newTable(style{color: true}, "NAME", ">COUNT", "STATE")
	table.add(text("é"), number("5"), table.mood("ready"))
	table.add(text("longer"), number("1200"), text(""))
	var b bytes.Buffer
	if err := table.write(&b); err != nil {
		t.Fatal(err)
	}
	want := "\x1b[1mNAME\x1b[0m    \x1b[1mCOUNT\x1b[0m  \x1b[1mSTATE\x1b[0m\n" +
		"é           5  \x1b[32mready\x1b[0m\n" +
		"longer   1200  -\n"
	if b.String() != want {
		t.Errorf("table is\n%q, want\n%q", b.String(), want)
	}
}

func TestYAMLKeepsNamesOrderAndUnknownsOfTheJSON(t *testing.T) {
	var b bytes.Buffer
	if err := writeYAML(&b, headroom.Reading{Age: headroom.Duration(5e9), Measured: 1, Replicas: 2}); err != nil {
		t.Fatal(err)
	}
	want := "perReplica: null\nage: 5s\nmeasured: 1\nreplicas: 2\n"
	if b.String() != want {
		t.Errorf("YAML is\n%s, want\n%s", b.String(), want)
	}
}

func TestColorsAreOnlyForATerminalThatWantsThem(t *testing.T) {
	for _, c := range []struct {
		name string
		cli  cli
		args []string
		want bool
	}{
		{"terminal", cli{terminal: true}, nil, true},
		{"pipe", cli{}, nil, false},
		{"--no-color", cli{terminal: true}, []string{"--no-color"}, false},
		{"NO_COLOR", cli{terminal: true, environment: []string{"NO_COLOR=1"}}, nil, false},
		{"empty NO_COLOR", cli{terminal: true, environment: []string{"NO_COLOR="}}, nil, true},
	} {
		r := c.cli.run(t, append([]string{"no-such-command"}, c.args...)...)
		if got := bytes.Contains([]byte(r.errOut), []byte("\x1b[")); got != c.want {
			t.Errorf("%s: colored is %v, want %v: %q", c.name, got, c.want, r.errOut)
		}
	}
}
