package report

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// Machine describes where the figures come from.
func Machine() string {
	model := "an unknown processor"
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if name, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	kernel := "an unknown kernel"
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		release, _, _ := strings.Cut(unix.ByteSliceToString(name.Release[:]), "-")
		kernel = "Linux " + release
	}
	return fmt.Sprintf("%d cores of %s, %s, %s", Cores(), model, kernel, runtime.Version())
}

// Cores is how many there are, also where this process may not use them all.
func Cores() int {
	text, err := os.ReadFile("/proc/cpuinfo")
	if n := strings.Count("\n"+string(text), "\nprocessor\t"); err == nil && n > 0 {
		return n
	}
	return runtime.NumCPU()
}
