// Package architecture holds the import rules of docs/architecture.md.
package architecture

import (
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "headroom.dev/headroom"

// floors lists the rooms from the ground up. A room imports rooms of lower floors only.
var floors = [][]string{
	1: {"", "balancing/h1", "balancing/h2", "balancing/proxyprotocol", "balancing/socket"},
	2: {"scaling", "scaling/*", "balancing/pick", "balancing/edit", "balancing/split", "balancing/compress", "balancing/affinity", "balancing/guard", "balancing/limit", "balancing/limit/expression", "orchestration", "monitoring/objective", "monitoring/protobuf", "monitoring/signal"},
	3: {"monitoring/metrics", "monitoring/alert", "monitoring/receive", "monitoring/source", "monitoring/source/*", "platform/*", "store/*", "balancing/proxy", "balancing/health", "balancing/discover", "balancing/accesslog", "balancing/geo",
		"balancing/certificate", "balancing/limit/redis"},
	4: {"simulate", "simulate/*", "api", "api/*", "web", "config", "config/*", "control", "link"},
	5: {"role"},
	6: {"cmd/headroom"},
}

// named are the imports between rooms of one floor that docs/architecture.md allows, with the reason there.
var named = map[string][]string{
	"control":         {"link"},
	"api/client":      {"api"},
	"balancing/h2":    {"balancing/h1"},
	"balancing/proxy": {"balancing/accesslog", "balancing/geo"},
	"balancing/split": {"balancing/edit"},
	"scaling/record":  {"scaling"},
	"scaling":         {"scaling/hpa", "scaling/kpa", "scaling/rule"},
}

// outside says which room alone may import a module.
var outside = map[string][]string{
	"github.com/prometheus/":        {"monitoring/metrics"},
	"go.etcd.io/bbolt":              {"store/bolt"},
	"github.com/spf13/cobra":        {"cmd/headroom"},
	"github.com/danielgtaylor/huma": {"api"},
	"github.com/caddyserver/":       {"balancing/certificate"},
	"github.com/oschwald/":          {"balancing/geo"},
	"github.com/klauspost/compress": {"balancing/compress"},
	"github.com/andybalholm/brotli": {"balancing/compress"},
	"golang.org/x/net/http2":        {"balancing/h2"},
	"cel.dev/cel-go":                {"scaling/rule", "balancing/limit/expression"},
	"go.opentelemetry.io/collector": {"monitoring/receive"},
	"github.com/redis/go-redis":     {"balancing/limit/redis"},
	"github.com/golang/snappy":      {"monitoring/receive"},
}

func TestRoomsImportOnlyLowerFloors(t *testing.T) {
	for room, imports := range roomImports(t) {
		floor := floorOf(room)
		if floor == 0 {
			continue // examples and tests are no rooms: they may import what they show or test
		}
		for _, imported := range imports {
			other, ours := roomOf(imported)
			if !ours || slices.Contains(named[room], other) {
				continue
			}
			if lower := floorOf(other); lower == 0 || lower >= floor {
				t.Errorf("%q (floor %d) imports %q (floor %d): see docs/architecture.md", room, floor, other, lower)
			}
		}
	}
}

func TestEveryRoomStandsOnAFloor(t *testing.T) {
	for room := range roomImports(t) {
		top, _, _ := strings.Cut(room, "/")
		if top == "examples" || top == "test" || top == "deploy" {
			continue
		}
		if floorOf(room) == 0 {
			t.Errorf("%q is on no floor of docs/architecture.md", room)
		}
	}
}

func TestOnlyOneRoomImportsEachOutsideWorld(t *testing.T) {
	for room, imports := range roomImports(t) {
		for _, imported := range imports {
			for module, allowed := range outside {
				if strings.HasPrefix(imported, module) && !slices.Contains(allowed, room) {
					t.Errorf("%q imports %s, which only %v may", room, imported, allowed)
				}
			}
		}
	}
}

func TestPureRoomsReadNoClockAndDoNoInputOrOutput(t *testing.T) {
	impure := []string{"os", "net", "net/http", "io/fs", "os/exec", "log/slog", "math/rand", "math/rand/v2", "syscall"}
	for room, imports := range roomImports(t) {
		if floorOf(room) != 2 {
			continue
		}
		for _, imported := range imports {
			if slices.Contains(impure, imported) {
				t.Errorf("%q is pure, and imports %s", room, imported)
			}
		}
	}
}

func roomImports(t *testing.T) map[string][]string {
	t.Helper()
	output, err := exec.Command("go", "list", "-f", "{{.ImportPath}} {{join .Imports \" \"}}", module+"/...").Output()
	if err != nil {
		t.Fatalf("list the packages: %v", err)
	}
	rooms := map[string][]string{}
	for line := range strings.Lines(string(output)) {
		fields := strings.Fields(line)
		if room, ours := roomOf(fields[0]); ours {
			rooms[room] = fields[1:]
		}
	}
	if len(rooms) < 10 {
		t.Fatalf("only %d packages were found, so nothing is tested", len(rooms))
	}
	return rooms
}

func roomOf(importPath string) (string, bool) {
	if importPath == module {
		return "", true
	}
	return strings.CutPrefix(importPath, module+"/")
}

func floorOf(room string) int {
	for floor, rooms := range floors {
		for _, pattern := range rooms {
			if matched, _ := path.Match(pattern, room); matched {
				return floor
			}
		}
	}
	return 0
}
