package role

import (
	"golang.org/x/sys/unix"

	"headroom.dev/headroom"
)

// machineMemory is the memory of this machine; 0 where the kernel does not say.
func machineMemory() headroom.Bytes {
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) != nil {
		return 0
	}
	return headroom.Bytes(uint64(info.Totalram) * uint64(info.Unit))
}
