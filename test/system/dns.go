package system

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// DNS is a server of DNS for a test, over UDP and TCP. Its answers over UDP are truncated beyond 512 bytes, as RFC 1035 has it.
type DNS struct {
	Address string

	mu      sync.Mutex // guards all below
	hosts   map[string][]netip.Addr
	srv     map[string][]dnsmessage.SRVResource
	code    dnsmessage.RCode
	overTCP int
}

// ServeDNS starts a server that knows nothing yet.
func ServeDNS(t testing.TB) *DNS {
	t.Helper()
	d := &DNS{hosts: map[string][]netip.Addr{}, srv: map[string][]dnsmessage.SRVResource{}}
	tcp, udp, err := listenDNS()
	for range 20 { // a port that is free of one of them may be in use of the other
		if err == nil {
			break
		}
		tcp, udp, err = listenDNS()
	}
	if err != nil {
		t.Fatal(err)
	}
	d.Address = tcp.Addr().String()
	var serving sync.WaitGroup
	serving.Go(func() { d.serveUDP(udp) })
	serving.Go(func() { d.serveTCP(tcp) })
	t.Cleanup(func() {
		udp.Close()
		tcp.Close()
		serving.Wait()
	})
	return d
}

func listenDNS() (net.Listener, net.PacketConn, error) {
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	udp, err := net.ListenPacket("udp", tcp.Addr().String())
	if err != nil {
		tcp.Close()
	}
	return tcp, udp, err
}

// Host gives a name its addresses; none is a name that there is, without addresses.
func (d *DNS) Host(name string, addresses ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hosts[name] = nil
	for _, address := range addresses {
		d.hosts[name] = append(d.hosts[name], netip.MustParseAddr(address))
	}
}

// SRV gives a name its records.
func (d *DNS) SRV(name string, records ...dnsmessage.SRVResource) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.srv[name] = records
}

// Fail has every question answered with a code until it is success again.
func (d *DNS) Fail(code dnsmessage.RCode) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.code = code
}

// OverTCP is how many questions came over TCP.
func (d *DNS) OverTCP() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.overTCP
}

func (d *DNS) serveUDP(conn net.PacketConn) {
	buffer := make([]byte, 4096)
	for {
		n, from, err := conn.ReadFrom(buffer)
		if err != nil {
			return
		}
		reply := d.answer(buffer[:n])
		if len(reply) > 512 {
			reply = d.truncated(buffer[:n])
		}
		_, _ = conn.WriteTo(reply, from)
	}
}

func (d *DNS) serveTCP(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		var size [2]byte
		if _, err := io.ReadFull(conn, size[:]); err == nil {
			question := make([]byte, binary.BigEndian.Uint16(size[:]))
			if _, err := io.ReadFull(conn, question); err == nil {
				d.mu.Lock()
				d.overTCP++
				d.mu.Unlock()
				reply := d.answer(question)
				_, _ = conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...))
			}
		}
		conn.Close()
	}
}

func (d *DNS) truncated(question []byte) []byte {
	var message dnsmessage.Message
	if message.Unpack(question) != nil {
		return nil
	}
	reply, _ := (&dnsmessage.Message{Header: dnsmessage.Header{ID: message.ID, Response: true, Truncated: true}, Questions: message.Questions}).Pack()
	return reply
}

func (d *DNS) answer(text []byte) []byte {
	var asked dnsmessage.Message
	if asked.Unpack(text) != nil || len(asked.Questions) != 1 {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	question := asked.Questions[0]
	reply := dnsmessage.Message{Header: dnsmessage.Header{ID: asked.ID, Response: true, RCode: d.code, RecursionAvailable: true}, Questions: asked.Questions}
	header := dnsmessage.ResourceHeader{Name: question.Name, Type: question.Type, Class: dnsmessage.ClassINET, TTL: 1}
	name := strings.TrimSuffix(question.Name.String(), ".")
	hosts, isHost := d.hosts[name]
	records, isSRV := d.srv[name]
	switch {
	case d.code != dnsmessage.RCodeSuccess:
	case !isHost && !isSRV:
		reply.RCode = dnsmessage.RCodeNameError
	case question.Type == dnsmessage.TypeSRV:
		for _, record := range records {
			reply.Answers = append(reply.Answers, dnsmessage.Resource{Header: header, Body: &record})
		}
	default:
		for _, address := range hosts {
			switch {
			case address.Is4() && question.Type == dnsmessage.TypeA:
				reply.Answers = append(reply.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AResource{A: address.As4()}})
			case address.Is6() && question.Type == dnsmessage.TypeAAAA:
				reply.Answers = append(reply.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AAAAResource{AAAA: address.As16()}})
			}
		}
	}
	packed, _ := reply.Pack()
	return packed
}
