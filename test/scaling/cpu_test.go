package scaling_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom/test/system"
)

// cpuTime is the processor time that a headroom process has used: fields 14 and 15 of /proc/PID/stat, in ticks of 10 ms.
func cpuTime(t *testing.T, p *system.Process) time.Duration {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.PID()))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:])) // the first one is field 3
	var user, system int64
	if _, err := fmt.Sscan(fields[11]+" "+fields[12], &user, &system); err != nil {
		t.Fatal(err)
	}
	return time.Duration(user+system) * 10 * time.Millisecond
}
