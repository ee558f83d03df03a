package link

import (
	"net"
	"os"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// handed is a socket as a process finds it that was started with it: a descriptor.
func handed(t *testing.T, address string) (fd int, listener *net.TCPListener) {
	t.Helper()
	opened, err := net.Listen("tcp", address)
	if err != nil {
		t.Skip(err) // a machine without IPv6
	}
	t.Cleanup(func() { opened.Close() })
	copies, err := files([]net.Listener{opened})
	if err != nil {
		t.Fatal(err)
	}
	defer copies[0].Close()
	fd, err = unix.Dup(int(copies[0].Fd()))
	if err != nil {
		t.Fatal(err)
	}
	return fd, opened.(*net.TCPListener)
}

func TestAnInheritedSocketIsFoundByItsAddress(t *testing.T) {
	for _, c := range []struct{ socket, wanted string }{
		{"127.0.0.1:0", "127.0.0.1"},
		{"127.0.0.1:0", "localhost"},
		{"0.0.0.0:0", "0.0.0.0"},
		{":0", ""},
		{":0", "0.0.0.0"}, // systemd's ListenStream=80 is [::]:80, for both families
		{"[::1]:0", "::1"},
	} {
		fd, opened := handed(t, c.socket)
		port := strconv.Itoa(opened.Addr().(*net.TCPAddr).Port)
		sockets, err := Inherit(fd, 1)
		if err != nil {
			t.Fatal(err)
		}
		got, err := sockets.Listen(net.JoinHostPort(c.wanted, port))
		if err != nil {
			t.Errorf("%s for %s: %v", c.socket, c.wanted, err)
			continue
		}
		opened.Close() // the socket lives on
		if client, err := net.Dial("tcp", got.Addr().String()); err != nil {
			t.Errorf("%s for %s: %v", c.socket, c.wanted, err)
		} else {
			client.Close()
		}
		if rest := sockets.Close(); len(rest) != 0 {
			t.Errorf("%s for %s: %v is left", c.socket, c.wanted, rest)
		}
		got.Close()
	}
}

func TestASocketOfAnotherAddressIsNotTaken(t *testing.T) {
	fd, opened := handed(t, "127.0.0.1:0")
	sockets, err := Inherit(fd, 1)
	if err != nil {
		t.Fatal(err)
	}
	port := strconv.Itoa(opened.Addr().(*net.TCPAddr).Port)
	for _, other := range []string{"127.0.0.2:" + port, "127.0.0.1:0"} {
		listener, err := sockets.Listen(other)
		if err != nil {
			t.Fatal(err)
		}
		listener.Close()
		if listener.Addr().String() == opened.Addr().String() {
			t.Errorf("%s got the socket of %s", other, listener.Addr())
		}
	}
	if rest := sockets.Close(); len(rest) != 1 || rest[0] != opened.Addr().String() {
		t.Errorf("%v is left", rest)
	}
}

func TestAReservedAddressIsRefusedAtOnceWhereItIsTaken(t *testing.T) {
	_, taken := handed(t, "127.0.0.1:0")
	sockets := &Sockets{}
	if err := sockets.Reserve([]string{taken.Addr().String()}); err == nil {
		t.Error("it was reserved")
	}
	free, _ := net.Listen("tcp", "127.0.0.1:0")
	free.Close()
	if err := sockets.Reserve([]string{free.Addr().String()}); err != nil {
		t.Fatal(err)
	}
	listener, err := sockets.Listen(free.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
}

// A descriptor that is no listening TCP socket is a mistake of whoever started us, and is named.
func TestOtherDescriptorsAreRefused(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	defer write.Close()
	unlistened, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(unlistened)
	for name, fd := range map[string]int{"pipe": int(read.Fd()), "socket that does not listen": unlistened, "nothing": 1 << 20} {
		if _, err := Inherit(fd, 1); err == nil {
			t.Errorf("a %s was taken", name)
		}
	}
}

// A blocking socket would block whole threads, in every process that shares it.
func TestASharedSocketStaysNonBlocking(t *testing.T) {
	fd, opened := handed(t, "127.0.0.1:0")
	sockets, err := Inherit(fd, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer sockets.Close()
	raw, err := opened.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(fd uintptr) {
		if flags, err := unix.FcntlInt(fd, unix.F_GETFL, 0); err != nil || flags&unix.O_NONBLOCK == 0 {
			t.Errorf("flags %#x, %v", flags, err)
		}
	}); err != nil {
		t.Fatal(err)
	}
}
