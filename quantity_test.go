package headroom

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestDurationsAreReadAsUsersWriteThem(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"250ms": 250 * time.Millisecond, "30s": 30 * time.Second, "3m": 3 * time.Minute, "1h30m": 90 * time.Minute,
		"30d": 720 * time.Hour, "0s": 0,
	} {
		got, err := ParseDuration(text)
		if err != nil || time.Duration(got) != want {
			t.Errorf("%q is read as %s (%v), want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "30", "-5s", "5 minutes", "d", "-1d", "99999999999d", "1e400s"} {
		if got, err := ParseDuration(text); err == nil {
			t.Errorf("%q is read as %s, want an error", text, got)
		}
	}
}

func TestSizesAreReadAsUsersWriteThem(t *testing.T) {
	for text, want := range map[string]Bytes{
		"512MiB": 512 << 20, "512Mi": 512 << 20, "2GiB": 2 << 30, "500MB": 500e6, "500M": 500e6, "1.5GiB": 3 << 29, "0": 0, "1024": 1024, "10 MiB": 10 << 20,
	} {
		var got Bytes
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%q is read as %d (%v), want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "MiB", "-1MiB", "1XB", "NaN", "Inf", "1e300TiB"} {
		var got Bytes
		if err := got.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is read as %d, want an error", text, got)
		}
	}
}

func TestProcessorSharesAreReadAsUsersWriteThem(t *testing.T) {
	for text, want := range map[string]CPU{"500m": 500, "2": 2000, "1.5": 1500, "0.25": 250, "0": 0} {
		var got CPU
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%q is read as %d millicores (%v), want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "m", "-1", "two", "NaN", "1e12"} {
		var got CPU
		if err := got.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is read as %d, want an error", text, got)
		}
	}
}

func TestPortRangesAreReadAsUsersWriteThem(t *testing.T) {
	var got PortRange
	if err := got.UnmarshalText([]byte("20000-29999")); err != nil || got != (PortRange{20000, 29999}) {
		t.Errorf("read as %v (%v)", got, err)
	}
	for _, text := range []string{"", "80", "90-80", "0-10", "1-70000", "a-b", "1-2-3"} {
		if err := got.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is read as %v, want an error", text, got)
		}
	}
}

func TestCommandsAreSplitLikeAShellDoes(t *testing.T) {
	for text, want := range map[string][]string{
		"./shop --port {{port}}":       {"./shop", "--port", "{{port}}"},
		`sh -c 'echo "a b" && exit 1'`: {"sh", "-c", `echo "a b" && exit 1`},
		`a "b c" d\ e ''`:              {"a", "b c", "d e", ""},
		"  \t a \n b ":                 {"a", "b"},
		`"it's"`:                       {"it's"},
		`'a\b'`:                        {`a\b`},
		"":                             nil,
	} {
		var got Command
		if err := got.UnmarshalText([]byte(text)); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q is split into %q (%v), want %q", text, []string(got), err, want)
		}
	}
	if err := new(Command).UnmarshalText([]byte(`sh -c 'a | b' '|' \> "&&" x|y`)); err != nil {
		t.Errorf("quoted, escaped and inner operators: %v", err)
	}
	for _, text := range []string{"a | b", "a && b", "a > log", "a 2>&1", "a &", "a ; b", "a; b", "A=1 ; a"} {
		var got Command
		if err := got.UnmarshalText([]byte(text)); err == nil || !strings.Contains(err.Error(), "no shell") {
			t.Errorf("%q is split into %q (%v), want an error that says there is no shell", text, []string(got), err)
		}
	}
	for _, text := range []string{`a "b`, "a 'b", `a\`} {
		var got Command
		if err := got.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is split into %q, want an error", text, []string(got))
		}
	}
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := Duration(rapid.Int64Range(0, int64(36500*24*time.Hour)).Draw(t, "duration"))
		if got, err := ParseDuration(d.String()); err != nil || got != d {
			t.Fatalf("%d ns is written %q and read as %d (%v)", d, d, got, err)
		}
		size, cpu := Bytes(rapid.Int64Range(0, 1<<52).Draw(t, "size")), CPU(rapid.Int64Range(0, 1e6).Draw(t, "cpu"))
		var gotSize Bytes
		if err := gotSize.UnmarshalText([]byte(size.String())); err != nil || gotSize != size {
			t.Fatalf("%d bytes are written %q and read as %d (%v)", int64(size), size, gotSize, err)
		}
		var gotCPU CPU
		if err := gotCPU.UnmarshalText([]byte(cpu.String())); err != nil || gotCPU != cpu {
			t.Fatalf("%d millicores are written %q and read as %d (%v)", int64(cpu), cpu, gotCPU, err)
		}
		command := Command(rapid.SliceOfN(rapid.String(), 1, 5).Draw(t, "command"))
		var gotCommand Command
		if err := gotCommand.UnmarshalText([]byte(command.String())); err != nil || !slices.Equal(gotCommand, command) {
			t.Fatalf("%q is written %q and read as %q (%v)", []string(command), command.String(), []string(gotCommand), err)
		}
	})
}
