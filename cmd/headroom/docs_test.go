package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

var update = flag.Bool("update", false, "write docs/cli.md anew")

const referenceFile = "../../docs/cli.md"

func TestTheReferenceOfTheCommandLineIsUpToDate(t *testing.T) {
	want := reference(newRootCommand(newApp(nil, nil, nil, nil)))
	if *update {
		if err := os.MkdirAll("../../docs", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(referenceFile, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(referenceFile)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what the commands say now: go test ./cmd/headroom -run Reference -update writes it", referenceFile)
	}
}

// reference is the whole command tree in Markdown.
func reference(root *cobra.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# The command line\n\n<!-- Written by go test ./cmd/headroom -run Reference -update; change the commands instead. -->\n\n")
	fmt.Fprintf(&b, "```\n%s\n```\n\nFlags of every command:\n\n```\n%s```\n", root.Long, root.PersistentFlags().FlagUsages())
	var write func(*cobra.Command)
	write = func(c *cobra.Command) {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", c.CommandPath(), longHelp(c))
		if c.Runnable() {
			fmt.Fprintf(&b, "\n```\n%s\n```\n", c.UseLine())
		}
		if c.Example != "" {
			fmt.Fprintf(&b, "\nExamples:\n\n```\n%s\n```\n", c.Example)
		}
		if flags := c.LocalNonPersistentFlags(); flags.HasAvailableFlags() {
			fmt.Fprintf(&b, "\n```\n%s```\n", flags.FlagUsages())
		}
		for _, sub := range c.Commands() {
			write(sub)
		}
	}
	for _, c := range root.Commands() {
		write(c)
	}
	return b.String()
}

func longHelp(c *cobra.Command) string {
	if c.Long != "" {
		return c.Long
	}
	return c.Short + "."
}
