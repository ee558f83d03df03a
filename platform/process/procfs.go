package process

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// ticksPerSecond is the unit of times in /proc (USER_HZ), 100 on every architecture that Go supports.
const ticksPerSecond = 100

// stat is what is read of /proc/PID/stat (proc_pid_stat(5)).
type stat struct {
	pid      int
	zombie   bool
	session  int
	cpuTicks uint64 // user and system time of the process and of the children it waited for
	ticks    uint64 // start since boot
	rss      int64  // pages
}

func readStat(pid int) (stat, error) {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return stat{}, err
	}
	return parseStat(pid, data)
}

func parseStat(pid int, data []byte) (stat, error) {
	// The second field is the name in parentheses, and may hold spaces and parentheses itself.
	end := bytes.LastIndexByte(data, ')')
	fields := strings.Fields(string(data[end+1:])) // from field 3 on
	if end < 0 || len(fields) < 22 {
		return stat{}, fmt.Errorf("/proc/%d/stat: malformed", pid)
	}
	var failure error
	number := func(field int) uint64 {
		n, err := strconv.ParseInt(fields[field-3], 10, 64)
		if err != nil {
			failure = fmt.Errorf("/proc/%d/stat: field %d: %w", pid, field, err)
		}
		return uint64(n)
	}
	s := stat{
		pid: pid, zombie: fields[0] == "Z" || fields[0] == "X", session: int(number(6)),
		cpuTicks: number(14) + number(15) + number(16) + number(17), ticks: number(22), rss: int64(number(24)),
	}
	return s, failure
}

// eachProcess calls each with the id of every process of the machine.
func eachProcess(each func(pid int)) error {
	proc, err := os.Open("/proc")
	if err != nil {
		return err
	}
	defer proc.Close()
	names, err := proc.Readdirnames(-1)
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			each(pid)
		}
	}
	return err
}

// markOf returns the mark in the environment of a process (SERVICE/REPLICA of this state), or "". Only root sees those
// of other users.
func (p *Platform) markOf(pid int) string {
	mark, ours := strings.CutPrefix(anyMarkOf(pid), p.id+"/")
	if !ours {
		return ""
	}
	return mark
}

// anyMarkOf returns the mark of a process, of this state or another (ID/SERVICE/REPLICA), or "".
func anyMarkOf(pid int) string {
	environment, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	if err != nil {
		return ""
	}
	for variable := range bytes.SplitSeq(environment, []byte{0}) {
		if mark, ok := bytes.CutPrefix(variable, []byte(markName+"=")); ok {
			return string(mark)
		}
	}
	return ""
}

// members returns the living processes of a replica: those of its session and those that carry its mark, because a
// process can leave the session, but rarely clears its environment as well.
func (p *Platform) members(r *replica) []stat {
	key := replicaKey(r.Service, r.Name)
	// Once the first process is gone its id may be given to a stranger, whose session is not ours then; and a record of
	// another boot says nothing about the processes of this one.
	leader, err := readStat(r.PID)
	sessionIsOurs := r.PID > 0 && r.BootID == p.bootID && (err != nil || leader.ticks == r.Ticks)
	var found []stat
	_ = eachProcess(func(pid int) {
		s, err := readStat(pid)
		if err != nil || s.zombie || pid == os.Getpid() {
			return
		}
		if sessionIsOurs && s.session == r.PID && s.ticks >= r.Ticks || p.markOf(pid) == key {
			found = append(found, s)
		}
	})
	return found
}

func readBootID() (string, error) {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("read the boot id: %w", err)
	}
	id := strings.TrimSpace(string(text))
	if id == "" {
		return "", errors.New("the kernel's boot id is empty")
	}
	return id, nil
}
