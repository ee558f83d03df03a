package main

import (
	"runtime/debug"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestTheExitCodesAreWhatTheHelpSays(t *testing.T) {
	for _, c := range []struct {
		args   string
		code   int
		errOut string // what standard error must hold
	}{
		{"version", 0, ""},
		{"help", 0, ""},
		{"", 0, ""},
		{"statsu", 2, `there is no command "statsu"` + "\nhint: did you mean \"status\"?"},
		{"zzz", 2, "hint: headroom help lists the commands"},
		{"policies lst", 2, `there is no command "policies lst"` + "\nhint: did you mean \"list\"?"},
		{"completion bsh", 2, "did you mean \"bash\"?"},
		{"version --outptu json", 2, "did you mean --output?"},
		{"version -o jsn", 2, `hint: did you mean "json"?`},
		{"version -o xml", 2, "expected table, json or yaml"},
		{"version extra", 2, `does not take "extra"`},
		{"scale shop", 2, "headroom scale needs more: scale SERVICE REPLICAS"},
		{"scale shop many", 2, `"many" is not a number of replicas`},
		{"policies apply shop", 2, "FILE"},
		{"policies add shop p --metric cpu --threshold 5 --more-cost 9", 2, "--more-cost needs --gate or --gate-load"},
		{"policies add shop p --metric cpu --threshold 5 --gate soon", 2, `--gate: "soon" is not a duration`},
		{"policies add shop p --metric cpu --threshold 5 --gate 1d --gate-load x.csv", 2, "gate-load"},
		{"policies add shop p --metric cpu --threshold 5 --gate 1s", 1, "must be 1m to 31d"},
		{"policies add shop p --metric cpu --threshold 5 --gate-load none.csv", 1, "read none.csv"},
		{"scale shop +", 2, `"+" is not a number of replicas`},
		{"scale shop 2 --for soon", 2, `--for: "soon" is not a duration`},
		{"scale shop 2 --timeout x", 2, "invalid argument"},
		{"decisions --limit 0", 2, "--limit 0: expected 1 to 1000"},
		{"logs shop -n 0", 2, "--lines 0: expected 1 to 10000"},
		{"policies add shop p --metric cpus --threshold 70", 2, `hint: did you mean "cpu"?`},
		{"policies add shop p --metric cpu --threshold 70 --action up", 2, "expected one of scale-up, scale-down"},
		{"policies set shop.p", 2, "at least one of the flags"},
		{"policies add shop p --metric cpu", 2, `[threshold file] is required`},
		{"backends set shop-1 --state drainin", 2, `hint: did you mean "draining"?`},
		{"load --url http://127.0.0.1:1/ --rate 5 --steps 1s@5", 2, "if any flags in the group"},
		{"load --url http://127.0.0.1:1/ --steps 1s", 2, "--steps: step 1"},
		{"load --url nowhere --rate 5 --duration 1s", 2, "load url"},
		{"load --url http://127.0.0.1:1/ --trace /does/not/exist.csv", 1, "--trace: open"},
	} {
		t.Run(c.args, func(t *testing.T) {
			r := cli{}.run(t, strings.Fields(c.args)...)
			if r.code != c.code || !strings.Contains(r.errOut, c.errOut) {
				t.Errorf("exit code %d, errors %q; want %d, %q", r.code, r.errOut, c.code, c.errOut)
			}
			if c.code != 0 && !strings.HasPrefix(r.errOut, "headroom: ") {
				t.Errorf("errors begin %q, want headroom:", r.errOut)
			}
			if c.code != 0 && r.out != "" {
				t.Errorf("a failed command wrote %q to standard output", r.out)
			}
		})
	}
}

func TestTheHelpSaysWhatTheExitCodesMean(t *testing.T) {
	r := cli{}.run(t, "help")
	for _, want := range []string{"0  it worked", "2  the command line itself is wrong", "3  it was accepted but did not finish"} {
		if !strings.Contains(r.out, want) {
			t.Errorf("help does not say %q", want)
		}
	}
}

func TestEveryCommandSaysInShortWhatItDoes(t *testing.T) {
	var visit func(*cobra.Command)
	visit = func(c *cobra.Command) {
		if c.Short == "" {
			t.Errorf("%s has no short help", c.CommandPath())
		}
		if strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: short help ends in a period: %q", c.CommandPath(), c.Short)
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(newRootCommand(newApp(nil, nil, nil, nil)))
}

func TestVersionPrintsInEveryFormat(t *testing.T) {
	if r := (cli{}).run(t, "version"); !strings.HasPrefix(r.out, "headroom v1.2.3 (go") {
		t.Errorf("table: %q", r.out)
	}
	if r := (cli{}).run(t, "version", "-o", "json"); !strings.HasPrefix(r.out, "{\n  \"version\": \"v1.2.3\",\n  \"go\": ") {
		t.Errorf("json: %q", r.out)
	}
	if r := (cli{}).run(t, "version", "-o", "yaml"); !strings.HasPrefix(r.out, "version: v1.2.3\ngo: ") {
		t.Errorf("yaml: %q", r.out)
	}
	if r := (cli{}).run(t, "--version"); r.out != "headroom v1.2.3\n" {
		t.Errorf("--version: %q", r.out)
	}
}

func TestVersionOfABuildIsItsModuleVersionOrElseItsCommit(t *testing.T) {
	commit := []debug.BuildSetting{{Key: "vcs.revision", Value: "0123456789abcdef"}, {Key: "vcs.modified", Value: "true"}}
	for _, c := range []struct {
		info debug.BuildInfo
		want string
	}{
		{debug.BuildInfo{Main: debug.Module{Version: "v1.4.0"}, Settings: commit}, "v1.4.0"},
		{debug.BuildInfo{Main: debug.Module{Version: "(devel)"}, Settings: commit}, "development-0123456789ab-dirty"},
		{debug.BuildInfo{Main: debug.Module{Version: "(devel)"}}, "development"},
	} {
		if got := versionOf(&c.info); got != c.want {
			t.Errorf("version is %q, want %q", got, c.want)
		}
	}
}
