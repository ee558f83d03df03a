package socket

import (
	"syscall"
	"unsafe"
)

// maxPiece bounds one system call, 50 µs of copying: it holds up the garbage collector and the other goroutines of its processor.
const maxPiece = 256 << 10

// receive reads what is there, at least one byte, into p, which is not empty. n is 0 at the end of the stream.
func receive(fd uintptr, p []byte) (n int, errno syscall.Errno) {
	return receiveWith(syscall.MSG_DONTWAIT, fd, p)
}

// peek is receive that leaves what it has seen.
func peek(fd uintptr, p []byte) (n int, errno syscall.Errno) {
	return receiveWith(syscall.MSG_DONTWAIT|syscall.MSG_PEEK, fd, p)
}

func receiveWith(flags uintptr, fd uintptr, p []byte) (n int, errno syscall.Errno) {
	p = p[:min(len(p), maxPiece)]
	for {
		got, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)), flags, 0, 0)
		switch errno {
		case 0:
			return int(got), 0
		case syscall.EINTR:
		default:
			return 0, errno
		}
	}
}

// transmit writes as much of p, which is not empty, as the socket takes.
func transmit(fd uintptr, p []byte) (n int, errno syscall.Errno) {
	p = p[:min(len(p), maxPiece)]
	const flags = syscall.MSG_DONTWAIT | syscall.MSG_NOSIGNAL
	for {
		sent, _, errno := syscall.RawSyscall6(syscall.SYS_SENDTO, fd, uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)), flags, 0, 0)
		switch errno {
		case 0:
			return int(sent), 0
		case syscall.EINTR:
		default:
			return 0, errno
		}
	}
}

// transmitAll writes p until all is sent or the socket takes no more, which is EAGAIN, or breaks.
func transmitAll(fd uintptr, p []byte) (n int, errno syscall.Errno) {
	for n < len(p) && errno == 0 {
		var sent int
		sent, errno = transmit(fd, p[n:])
		n += sent
	}
	return n, errno
}
