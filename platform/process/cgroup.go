package process

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"headroom.dev/headroom"
)

// limits of one replica; zero is none.
type limits struct {
	CPU    headroom.CPU   `json:"cpu,omitempty"`
	Memory headroom.Bytes `json:"memory,omitempty"`
}

// controlGroups knows where the kernel's control groups are, in version 1 (a tree for each controller) or 2 (one tree
// for all). A replica's group is headroom/ID/SERVICE/REPLICA in each tree.
type controlGroups struct {
	id                string
	unified           string // mount point of version 2 with controllers; "" where version 1 is in use
	cpu, acct, memory string // mount points of version 1; "" where there is none
	unavailable       error  // why there are no limits
}

// cpuPeriod is the time over which a processor limit holds, in microseconds; the kernel's default.
const cpuPeriod = 100_000

func findControlGroups(id string) *controlGroups {
	g := &controlGroups{id: id}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		g.unavailable = err
		return g
	}
	g.find(string(mounts))
	return g
}

// find reads /proc/self/mountinfo (proc_pid_mountinfo(5)).
func (g *controlGroups) find(mounts string) {
	for line := range strings.Lines(mounts) {
		before, after, found := strings.Cut(line, " - ")
		fields, tail := strings.Fields(before), strings.Fields(after)
		if !found || len(fields) < 5 || len(tail) < 3 {
			continue
		}
		point, kind := fields[4], tail[0]
		if kind == "cgroup2" && hasControllers(point) {
			g.unified = point
		}
		if kind != "cgroup" {
			continue
		}
		for _, option := range strings.Split(tail[2], ",") {
			switch option {
			case "cpu":
				g.cpu = point
			case "cpuacct":
				g.acct = point
			case "memory":
				g.memory = point
			}
		}
	}
	if g.unified == "" && g.cpu == "" && g.memory == "" {
		g.unavailable = errors.New("this system has no control groups for processor and memory")
	}
}

func hasControllers(point string) bool {
	text, err := os.ReadFile(filepath.Join(point, "cgroup.controllers"))
	controllers := strings.Fields(string(text))
	has := map[string]bool{}
	for _, name := range controllers {
		has[name] = true
	}
	return err == nil && has["cpu"] && has["memory"]
}

// group is what a replica is started in. The zero value is no group.
type group struct {
	owner     *controlGroups
	service   string
	name      string
	joinFiles []string // version 1
	unified   *os.File // version 2: its directory
}

func (g group) remove() {
	if g.owner != nil {
		g.owner.remove(g.service, g.name)
	}
	if g.unified != nil {
		_ = g.unified.Close()
	}
}

func (g *controlGroups) path(point, service, name string) string {
	return filepath.Join(point, "headroom", g.id, service, name)
}

// create makes the groups for a replica; no limits are no group. An error says why limits cannot be enforced.
func (g *controlGroups) create(service, name string, wanted limits) (group, error) {
	if wanted == (limits{}) {
		return group{}, nil
	}
	if g.unavailable != nil {
		return group{}, g.unavailable
	}
	made := group{owner: g, service: service, name: name}
	var err error
	if g.unified != "" {
		made.unified, err = g.createUnified(service, name, wanted)
	} else {
		made.joinFiles, err = g.createSeparate(service, name, wanted)
	}
	if err != nil {
		g.remove(service, name)
		return group{}, fmt.Errorf("%w: run headroom as root, or leave run.cpu and run.memory out", err)
	}
	return made, nil
}

func (g *controlGroups) createUnified(service, name string, wanted limits) (*os.File, error) {
	dir := g.path(g.unified, service, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	// Controllers are handed down level by level.
	for parent := g.unified; parent != dir; {
		if err := writeControl(filepath.Join(parent, "cgroup.subtree_control"), "+cpu +memory"); err != nil {
			return nil, err
		}
		rest, err := filepath.Rel(parent, dir)
		if err != nil {
			return nil, err
		}
		next, _, _ := strings.Cut(rest, "/")
		parent = filepath.Join(parent, next)
	}
	if wanted.CPU > 0 {
		if err := writeControl(filepath.Join(dir, "cpu.max"), fmt.Sprintf("%d %d", quota(wanted.CPU), cpuPeriod)); err != nil {
			return nil, err
		}
	}
	if wanted.Memory > 0 {
		if err := writeControl(filepath.Join(dir, "memory.max"), strconv.FormatInt(int64(wanted.Memory), 10)); err != nil {
			return nil, err
		}
		// Without these a replica would swap first, and lose one of its processes rather than end; older kernels lack them.
		_ = writeControl(filepath.Join(dir, "memory.swap.max"), "0")
		_ = writeControl(filepath.Join(dir, "memory.oom.group"), "1")
	}
	return os.Open(dir)
}

func (g *controlGroups) createSeparate(service, name string, wanted limits) ([]string, error) {
	var join []string
	add := func(point string) (string, error) {
		dir := g.path(point, service, name)
		join = append(join, filepath.Join(dir, "cgroup.procs"))
		return dir, os.MkdirAll(dir, 0o755)
	}
	if wanted.CPU > 0 {
		if g.cpu == "" {
			return nil, errors.New("this system has no control groups for the processor")
		}
		dir, err := add(g.cpu)
		if err != nil {
			return nil, err
		}
		if err := writeControl(filepath.Join(dir, "cpu.cfs_period_us"), strconv.Itoa(cpuPeriod)); err != nil {
			return nil, err
		}
		if err := writeControl(filepath.Join(dir, "cpu.cfs_quota_us"), strconv.FormatInt(quota(wanted.CPU), 10)); err != nil {
			return nil, err
		}
	}
	if wanted.Memory > 0 {
		if g.memory == "" {
			return nil, errors.New("this system has no control groups for memory")
		}
		dir, err := add(g.memory)
		if err != nil {
			return nil, err
		}
		limit := strconv.FormatInt(int64(wanted.Memory), 10)
		if err := writeControl(filepath.Join(dir, "memory.limit_in_bytes"), limit); err != nil {
			return nil, err
		}
		_ = writeControl(filepath.Join(dir, "memory.memsw.limit_in_bytes"), limit) // not every kernel accounts for swap
	}
	if g.acct != "" && g.acct != g.cpu {
		if _, err := add(g.acct); err != nil {
			return nil, err
		}
	}
	return join, nil
}

// quota is the processor time per period in microseconds; the kernel takes no less than 1 ms.
func quota(cpu headroom.CPU) int64 { return max(int64(cpu)*cpuPeriod/1000, 1000) }

func writeControl(path, value string) error {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteString(value)
	return errors.Join(err, file.Close())
}

// dirs returns the directories of a replica's groups that exist.
func (g *controlGroups) dirs(service, name string) []string {
	var found []string
	for _, point := range g.points() {
		if dir := g.path(point, service, name); exists(dir) {
			found = append(found, dir)
		}
	}
	return found
}

func (g *controlGroups) points() []string {
	var points []string
	for _, point := range []string{g.unified, g.cpu, g.acct, g.memory} {
		if point != "" {
			points = append(points, point)
		}
	}
	return points
}

// members returns the processes in a replica's groups.
func (g *controlGroups) members(service, name string) []int {
	var found []int
	for _, dir := range g.dirs(service, name) {
		text, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
		if err != nil {
			continue
		}
		for _, field := range strings.Fields(string(text)) {
			if pid, err := strconv.Atoi(field); err == nil && pid > 0 {
				found = append(found, pid)
			}
		}
	}
	return found
}

// kill kills every process in a replica's groups, those that left its session included.
func (g *controlGroups) kill(service, name string) {
	for _, dir := range g.dirs(service, name) {
		_ = writeControl(filepath.Join(dir, "cgroup.kill"), "1") // version 2, Linux 5.14
	}
	for _, pid := range g.members(service, name) {
		_ = unix.Kill(pid, unix.SIGKILL)
	}
}

// remove removes a replica's groups, and those above that are empty then.
func (g *controlGroups) remove(service, name string) {
	for _, dir := range g.dirs(service, name) {
		if os.Remove(dir) == nil && os.Remove(filepath.Dir(dir)) == nil {
			_ = os.Remove(filepath.Dir(filepath.Dir(dir)))
		}
	}
}

// removeOthers kills and removes groups of this state that belong to no replica.
func (g *controlGroups) removeOthers(known func(service, name string) bool) {
	for _, point := range g.points() {
		paths, _ := filepath.Glob(g.path(point, "*", "*"))
		for _, path := range paths {
			service, name := filepath.Base(filepath.Dir(path)), filepath.Base(path)
			if info, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() || known(service, name) {
				continue
			}
			g.kill(service, name)
			g.remove(service, name)
		}
	}
}

// outOfMemory reports whether the kernel killed a process of the replica for its memory limit.
func (g *controlGroups) outOfMemory(service, name string) bool {
	for _, dir := range g.dirs(service, name) {
		for _, file := range []string{"memory.events", "memory.oom_control"} { // version 2, version 1
			if n, ok := readField(filepath.Join(dir, file), "oom_kill"); ok && n > 0 {
				return true
			}
		}
	}
	return false
}

// cpuSeconds reads what all processes that ever were in the replica's groups used; false where that is not known.
func (g *controlGroups) cpuSeconds(service, name string) (float64, bool) {
	if g.unified != "" {
		micros, ok := readField(filepath.Join(g.path(g.unified, service, name), "cpu.stat"), "usage_usec")
		return float64(micros) / 1e6, ok
	}
	if g.acct == "" {
		return 0, false
	}
	text, err := os.ReadFile(filepath.Join(g.path(g.acct, service, name), "cpuacct.usage"))
	nanos, parseErr := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	return float64(nanos) / 1e9, err == nil && parseErr == nil
}

// memoryOf reads what the replica's groups hold that cannot be dropped: anonymous memory and mapped files. False where
// that is not known.
func (g *controlGroups) memoryOf(service, name string) (headroom.Bytes, bool) {
	point, anonymous, mapped := g.memory, "total_rss", "total_mapped_file"
	if g.unified != "" {
		point, anonymous, mapped = g.unified, "anon", "file_mapped"
	}
	if point == "" {
		return 0, false
	}
	path := filepath.Join(g.path(point, service, name), "memory.stat")
	a, okA := readField(path, anonymous)
	m, okM := readField(path, mapped)
	return headroom.Bytes(a + m), okA && okM
}

// readField reads a number from a file of lines "name number".
func readField(path, name string) (uint64, bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			n, err := strconv.ParseUint(strings.TrimSpace(rest), 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}
