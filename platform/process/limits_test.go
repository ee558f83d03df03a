package process

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom"
)

func needLimits(t *testing.T, p *Platform, wanted limits) {
	t.Helper()
	group, err := p.groups.create("shop", "probe", wanted)
	if err != nil {
		t.Skipf("control groups cannot be used here: %v", err)
	}
	group.remove()
}

func TestAReplicaOverItsMemoryLimitIsReportedAsOutOfMemory(t *testing.T) {
	p := newPlatform(t, t.TempDir())
	needLimits(t, p, limits{Memory: 1 << 30})
	order := growth("serve", "shop-1")
	order.Workload.Run.Memory = 100 << 20
	grow(t, p, order)
	r := awaitReady(t, p, 1)[0]
	usage, err := p.Usage(t.Context(), "shop")
	if err != nil || usage[0].MemLimit != 100<<20 || usage[0].Memory == nil || *usage[0].Memory < 1<<20 || usage[0].CPUSeconds == nil {
		t.Errorf("usage %+v, %v", usage, err)
	}
	get(t, "http://"+r.Address+"/eat")
	if r = awaitExit(t, p); r.Exit != "killed: out of memory (its limit is 100MiB)" {
		t.Errorf("exit is %q", r.Exit)
	}
	shrink(t, p, 0, "shop-1")
	awaitNone(t, p)
	if left := p.groups.dirs("shop", "shop-1"); len(left) != 0 {
		t.Errorf("control groups are left: %v", left)
	}
}

func TestAProcessorLimitHolds(t *testing.T) {
	p := newPlatform(t, t.TempDir())
	needLimits(t, p, limits{CPU: 200})
	order := growth("burn", "shop-1")
	order.Workload.Run.CPU = 200
	grow(t, p, order)
	awaitReady(t, p, 1)
	first, started := cpuSeconds(t, p), time.Now()
	poll(t, "0.2 s of processor time", func() bool { return cpuSeconds(t, p)-first >= 0.2 })
	// At 200m, 0.2 s of processor time take 1 s; four busy loops without a limit would take 0.1 s on two cores. The limit
	// holds per 100 ms, so one period more or less is possible.
	if took := time.Since(started); took < 750*time.Millisecond {
		t.Errorf("used 0.2 s in %v, want about 1s", took)
	}
}

func cpuSeconds(t *testing.T, p *Platform) float64 {
	t.Helper()
	usage, err := p.Usage(t.Context(), "shop")
	if err != nil || len(usage) != 1 || usage[0].CPUSeconds == nil {
		t.Fatalf("usage %+v, %v", usage, err)
	}
	return *usage[0].CPUSeconds
}

func TestUsageWithoutLimitsAddsUpTheSession(t *testing.T) {
	p := newPlatform(t, t.TempDir())
	grow(t, p, growth("burn", "shop-1"))
	awaitReady(t, p, 1)
	first := cpuSeconds(t, p)
	poll(t, "processor time", func() bool { return cpuSeconds(t, p) > first+0.1 })
	usage, err := p.Usage(t.Context(), "shop")
	if err != nil || usage[0].CPULimit != 1000 || usage[0].MemLimit != 0 || *usage[0].Memory < 1<<20 {
		t.Errorf("usage %+v, %v", usage, err)
	}
}

func TestWhereLimitsAreNotPermittedThereIsAWarningAndAReplica(t *testing.T) {
	p := newPlatform(t, t.TempDir())
	p.groups = &controlGroups{id: p.id}
	p.groups.find("")
	order := growth("serve", "shop-1")
	order.Workload.Run.Memory = 1 << 30
	grow(t, p, order)
	if r := awaitReady(t, p, 1)[0]; !strings.Contains(r.Detail, "limits are not enforced") {
		t.Errorf("detail is %q", r.Detail)
	}
}

func TestControlGroupsOfNoReplicaAreRemovedAtStart(t *testing.T) {
	dir := t.TempDir()
	p := newPlatform(t, dir)
	wanted := limits{CPU: 100, Memory: 1 << 30}
	needLimits(t, p, wanted)
	if _, err := p.groups.create("shop", "gone", wanted); err != nil {
		t.Fatal(err)
	}
	_ = p.Close()
	p = newPlatform(t, dir)
	if left := p.groups.dirs("shop", "gone"); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

// TestVersion2GroupsAreWrittenAsTheKernelReadsThem uses plain files, for this kernel may have version 1 only; formats
// are those of Documentation/admin-guide/cgroup-v2.rst.
func TestVersion2GroupsAreWrittenAsTheKernelReadsThem(t *testing.T) {
	root := t.TempDir()
	g := &controlGroups{id: "id"}
	write := func(path, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(root, "cgroup.controllers"), "cpuset cpu io memory pids\n")
	g.find("29 23 0:26 / " + root + " rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n")
	if g.unified != root || g.unavailable != nil {
		t.Fatalf("found %+v", g)
	}
	dir := g.path(root, "shop", "shop-1")
	for parent := dir; len(parent) >= len(root); parent = filepath.Dir(parent) {
		write(filepath.Join(parent, "cgroup.subtree_control"), "")
	}
	for _, name := range []string{"cpu.max", "memory.max", "memory.swap.max", "memory.oom.group", "cgroup.kill"} {
		write(filepath.Join(dir, name), "")
	}
	group, err := g.create("shop", "shop-1", limits{CPU: 1500, Memory: 256 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer group.unified.Close()
	for path, want := range map[string]string{
		filepath.Join(dir, "cpu.max"):                              "150000 100000",
		filepath.Join(dir, "memory.max"):                           "268435456",
		filepath.Join(dir, "memory.oom.group"):                     "1",
		filepath.Join(root, "cgroup.subtree_control"):              "+cpu +memory",
		filepath.Join(filepath.Dir(dir), "cgroup.subtree_control"): "+cpu +memory",
		filepath.Join(dir, "cgroup.subtree_control"):               "",
	} {
		if got, err := os.ReadFile(path); string(got) != want || err != nil {
			t.Errorf("%s holds %q, %v; want %q", path, got, err, want)
		}
	}
	write(filepath.Join(dir, "cpu.stat"), "usage_usec 2500000\nuser_usec 2000000\n")
	write(filepath.Join(dir, "memory.stat"), "anon 1000\nfile 500\nfile_mapped 24\n")
	write(filepath.Join(dir, "memory.events"), "low 0\nhigh 0\nmax 3\noom 1\noom_kill 1\n")
	if cpu, ok := g.cpuSeconds("shop", "shop-1"); cpu != 2.5 || !ok {
		t.Errorf("cpu %v, %v; want 2.5", cpu, ok)
	}
	if memory, ok := g.memoryOf("shop", "shop-1"); memory != 1024 || !ok {
		t.Errorf("memory %v, %v; want 1024", memory, ok)
	}
	if !g.outOfMemory("shop", "shop-1") {
		t.Error("the kill is not seen")
	}
}

// BenchmarkUsageOfTenReplicas must cost less than 1 % of a core once a second: 10 ms.
func BenchmarkUsageOfTenReplicas(b *testing.B) {
	p, err := New(Options{Dir: b.TempDir(), Probe: probeHTTP})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = p.StopAll(b.Context()); _ = p.Close() }()
	var names []string
	for i := range 10 {
		names = append(names, "shop-"+string(rune('a'+i)))
	}
	if err := p.Grow(b.Context(), growth("serve", names...)); err != nil {
		b.Fatal(err)
	}
	var usage []headroom.ReplicaUsage
	for b.Loop() {
		if usage, err = p.Usage(b.Context(), "shop"); err != nil || len(usage) != 10 {
			b.Fatal(usage, err)
		}
	}
}
