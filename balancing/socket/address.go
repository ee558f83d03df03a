package socket

import (
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"unsafe"
)

// RemoteAddr is the address of the other end.
func (c *Conn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.remote) }

// Remote is RemoteAddr.
func (c *Conn) Remote() netip.AddrPort { return c.remote }

// LocalAddr is the address of this end.
func (c *Conn) LocalAddr() net.Addr { return net.TCPAddrFromAddrPort(c.Local()) }

// Local is LocalAddr; not valid once the connection is closed. It is asked of the kernel each time.
func (c *Conn) Local() netip.AddrPort {
	var local netip.AddrPort
	_ = c.control(func(fd uintptr) { local = localOf(fd) })
	return local
}

func addressOf(addr net.Addr) netip.AddrPort {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	a := tcp.AddrPort()
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// localOf is the address of this end of a socket.
func localOf(fd uintptr) netip.AddrPort {
	var addr syscall.RawSockaddrAny
	length := uint32(unsafe.Sizeof(addr))
	_, _, errno := syscall.RawSyscall(syscall.SYS_GETSOCKNAME, fd, uintptr(unsafe.Pointer(&addr)), uintptr(unsafe.Pointer(&length)))
	if errno != 0 {
		return netip.AddrPort{}
	}
	return addressIn(&addr)
}

// addressIn is the address in what the kernel wrote.
func addressIn(addr *syscall.RawSockaddrAny) netip.AddrPort {
	switch addr.Addr.Family {
	case syscall.AF_INET:
		in := (*syscall.RawSockaddrInet4)(unsafe.Pointer(addr))
		return netip.AddrPortFrom(netip.AddrFrom4(in.Addr), hostOrder(&in.Port))
	case syscall.AF_INET6:
		in := (*syscall.RawSockaddrInet6)(unsafe.Pointer(addr))
		ip := netip.AddrFrom16(in.Addr).Unmap()
		if in.Scope_id != 0 && ip.Is6() {
			ip = ip.WithZone(zoneName(in.Scope_id))
		}
		return netip.AddrPortFrom(ip, hostOrder(&in.Port))
	}
	return netip.AddrPort{}
}

// zoneName is the name of a network interface, or else its number.
func zoneName(index uint32) string {
	if i, err := net.InterfaceByIndex(int(index)); err == nil {
		return i.Name
	}
	return fmt.Sprint(index)
}

// hostOrder is a port that the kernel writes in the order of the network.
func hostOrder(port *uint16) uint16 {
	b := (*[2]byte)(unsafe.Pointer(port))
	return uint16(b[0])<<8 | uint16(b[1])
}
