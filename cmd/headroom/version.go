package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version may be set by the linker, -ldflags "-X main.version=v1.2.3"; a build without it says what Go recorded.
var version string

// buildVersion is the release, or else the module's version, or else the commit that it was built from.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if version != "" || !ok {
		return version
	}
	return versionOf(info)
}

func versionOf(info *debug.BuildInfo) string {
	if info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	commit, dirty := "", ""
	for _, setting := range info.Settings {
		switch {
		case setting.Key == "vcs.revision":
			commit = setting.Value[:min(12, len(setting.Value))]
		case setting.Key == "vcs.modified" && setting.Value == "true":
			dirty = "-dirty"
		}
	}
	if commit == "" {
		return "development"
	}
	return "development-" + commit + dirty
}

func newVersionCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  noArguments,
		RunE: func(*cobra.Command, []string) error {
			info := struct {
				Version  string `json:"version"`
				Go       string `json:"go"`
				Platform string `json:"platform"`
			}{a.version, runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
			return a.print(a.out, info, func(w io.Writer, _ style) error {
				_, err := fmt.Fprintf(w, "headroom %s (%s, %s)\n", info.Version, info.Go, info.Platform)
				return err
			})
		},
	}
}
