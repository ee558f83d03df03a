package readme_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"headroom.dev/headroom/config"
)

func TestEveryConfigOnAPageLoads(t *testing.T) {
	found := 0
	for _, name := range pageFiles(t) {
		for _, b := range page(t, name) {
			if b.language != "yaml" && b.language != "json" {
				continue
			}
			found++
			t.Run(fmt.Sprintf("%s:%d", name, b.line), func(t *testing.T) {
				file := filepath.Join(t.TempDir(), "headroom."+b.language)
				if err := os.WriteFile(file, []byte(b.text), 0o600); err != nil {
					t.Fatal(err)
				}
				loaded, err := config.Loader{Paths: []string{file}, Env: environment()}.Load()
				if err != nil {
					t.Fatal(err)
				}
				if len(loaded.Warnings) > 0 {
					t.Errorf("warnings: %q", loaded.Warnings)
				}
			})
		}
	}
	if found < 8 {
		t.Errorf("only %d configs were found on the pages", found)
	}
}

// environment is ours without what would change the configs.
func environment() []string {
	var kept []string
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "HEADROOM_") {
			kept = append(kept, variable)
		}
	}
	return kept
}
