package process

import "testing"

func TestStatIsReadWhateverTheProcessIsCalled(t *testing.T) {
	// proc_pid_stat(5): fields after the name are state, ppid, pgrp, session (6), …, utime (14), stime, cutime, cstime,
	// …, starttime (22), vsize, rss (24).
	line := "42 (a ) Z (b) S 1 42 40 0 -1 4194560 5 6 7 8 10 20 30 40 20 0 1 0 12345 1000000 77 18446744073709551615"
	got, err := parseStat(42, []byte(line))
	want := stat{pid: 42, session: 40, cpuTicks: 100, ticks: 12345, rss: 77}
	if err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
}

func FuzzStatNeverPanics(f *testing.F) {
	f.Add([]byte("1 (init) S 0 1 1"))
	f.Add([]byte(")"))
	f.Add([]byte(""))
	f.Fuzz(func(_ *testing.T, data []byte) { _, _ = parseStat(1, data) })
}
