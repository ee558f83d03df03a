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

// discard drops what is there, at most so many bytes; by MSG_TRUNC TCP copies it nowhere (tcp(7)).
func discard(fd uintptr, most int) {
	const flags = syscall.MSG_DONTWAIT | syscall.MSG_TRUNC
	for most > 0 {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, fd, 0, uintptr(most), flags, 0, 0)
		if errno != syscall.EINTR && (errno != 0 || n == 0) {
			return
		}
		if errno == 0 {
			most -= int(n)
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

// gather writes as much of two slices, one behind the other, as the socket takes. Neither is empty, and the first is shorter than maxPiece.
func gather(fd uintptr, first, second []byte) (n int, errno syscall.Errno) {
	second = second[:min(len(second), maxPiece-len(first))]
	pieces := [2]syscall.Iovec{{Base: &first[0]}, {Base: &second[0]}}
	pieces[0].SetLen(len(first))
	pieces[1].SetLen(len(second))
	message := syscall.Msghdr{Iov: &pieces[0], Iovlen: 2}
	const flags = syscall.MSG_DONTWAIT | syscall.MSG_NOSIGNAL
	for {
		sent, _, errno := syscall.RawSyscall(syscall.SYS_SENDMSG, fd, uintptr(unsafe.Pointer(&message)), flags)
		switch errno {
		case 0:
			return int(sent), 0
		case syscall.EINTR:
		default:
			return 0, errno
		}
	}
}

// transmitAll writes head and body from byte number sent on, until all is sent, or the socket takes no more, which is EAGAIN, or breaks. It
// returns the number of the byte that comes next.
func transmitAll(fd uintptr, head, body []byte, sent int) (next int, errno syscall.Errno) {
	for sent < len(head)+len(body) && errno == 0 {
		var n int
		switch {
		case sent >= len(head):
			n, errno = transmit(fd, body[sent-len(head):])
		case len(body) == 0 || len(head)-sent >= maxPiece:
			n, errno = transmit(fd, head[sent:])
		default:
			n, errno = gather(fd, head[sent:], body)
		}
		sent += n
	}
	return sent, errno
}
