package main

import (
	"os/exec"
	"strings"
	"testing"
)

// completions are what a shell would offer for the last word: cobra's scripts drop what does not begin with it. Flags
// that must be given, which are offered as well, are left out.
func completions(t *testing.T, c cli, words ...string) string {
	t.Helper()
	r := c.run(t, append([]string{"__complete"}, words...)...)
	if r.code != 0 {
		t.Fatalf("exit code %d, errors %q", r.code, r.errOut)
	}
	lines := strings.Split(strings.TrimSpace(r.out), "\n")
	if last := lines[len(lines)-1]; last != ":4" { // ShellCompDirectiveNoFileComp
		t.Errorf("files are offered besides: %q", last)
	}
	var offered []string
	for _, line := range lines[:len(lines)-1] {
		name, _, _ := strings.Cut(line, "\t")
		if strings.HasPrefix(name, words[len(words)-1]) && !strings.HasPrefix(name, "-") {
			offered = append(offered, name)
		}
	}
	return strings.Join(offered, " ")
}

func TestCompletionOffersNamesOfTheRunningHeadroom(t *testing.T) {
	api := newFakeAPI(t)
	for words, want := range map[string]string{
		"scale ":                            "legacy shop",
		"scale s":                           "shop",
		"scale shop ":                       "",
		"status ":                           "legacy shop",
		"explain ":                          "legacy shop shop-d2 shop-d1",
		"logs ":                             "legacy shop shop/shop-1 shop/shop-2",
		"backends drain ":                   "shop-1 shop-2",
		"backends remove ":                  "shop-1 shop-2",
		"policies set ":                     "shop.cpu-scaling",
		"policies add ":                     "legacy shop",
		"decisions --service ":              "legacy shop",
		"events --kind d":                   "decision",
		"policies add shop p --metric r":    "requests-per-second",
		"policies add shop p --action scal": "scale-up scale-down",
		"status -o ":                        "table json yaml",
		"backends set shop-1 --state ":      "active draining",
	} {
		if got := completions(t, cli{environment: api.environment()}, strings.Split(words, " ")...); got != want {
			t.Errorf("headroom %s: offered %q, want %q", words, got, want)
		}
	}
}

func TestCompletionIsSilentWhenHeadroomDoesNotAnswer(t *testing.T) {
	api := newFakeAPI(t)
	environment := api.environment()
	api.Close()
	c := cli{environment: environment}
	if got := completions(t, c, "scale", ""); got != "" {
		t.Errorf("offered %q", got)
	}
}

func TestCompletionScriptsAreValid(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		r := cli{}.run(t, "completion", shell)
		if r.code != 0 || !strings.Contains(r.out, "__complete") {
			t.Errorf("%s: exit code %d, errors %q", shell, r.code, r.errOut)
		}
	}
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("there is no bash to check the script with")
	}
	check := exec.Command(bash, "-n")
	check.Stdin = strings.NewReader(cli{}.run(t, "completion", "bash").out)
	if output, err := check.CombinedOutput(); err != nil {
		t.Errorf("bash finds the script wrong: %v: %s", err, output)
	}
}
