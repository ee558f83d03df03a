package process

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// stranger returns the mark of a replica of another headroom that answers on a replica's port, or "". Two headrooms on
// one machine with overlapping run.ports can give out the same port at the same instant: one of the two programs then
// fails to bind it, while the other answers the probes of both.
//
// A listener that carries no mark is let pass: a command may have somebody else listen for it, as docker run does.
func (p *Platform) stranger(r *replica) string {
	sockets := listeningSockets(r.Port)
	if len(sockets) == 0 {
		return ""
	}
	for _, member := range p.members(r) {
		if holdsAny(member.pid, sockets) {
			return ""
		}
	}
	other := ""
	own := p.id + "/" + replicaKey(r.Service, r.Name)
	_ = eachProcess(func(pid int) {
		if mark := anyMarkOf(pid); other == "" && mark != "" && mark != own && holdsAny(pid, sockets) {
			other = fmt.Sprintf("%s (pid %d)", mark, pid)
		}
	})
	return other
}

// listeningSockets returns the inodes of the TCP sockets that listen on a port, as the links in /proc/PID/fd name them.
func listeningSockets(port int) map[string]bool {
	const listening = "0A" // TCP_LISTEN in include/net/tcp_states.h
	sockets := map[string]bool{}
	suffix := fmt.Sprintf(":%04X", port)
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		file, err := os.Open(table)
		if err != nil {
			continue
		}
		lines := bufio.NewScanner(file)
		for lines.Scan() {
			// sl local_address rem_address st queues timer retransmits uid timeout inode: proc_net(5)
			fields := strings.Fields(lines.Text())
			if len(fields) > 9 && fields[3] == listening && strings.HasSuffix(fields[1], suffix) {
				sockets["socket:["+fields[9]+"]"] = true
			}
		}
		file.Close()
	}
	return sockets
}

// holdsAny reports whether a process has one of some sockets open. Those of other users can only be read by root.
func holdsAny(pid int, sockets map[string]bool) bool {
	dir := "/proc/" + strconv.Itoa(pid) + "/fd"
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	for _, entry := range entries {
		if target, err := os.Readlink(filepath.Join(dir, entry.Name())); err == nil && sockets[target] {
			return true
		}
	}
	return false
}
