package proxyprotocol

import (
	"encoding/binary"
	"hash/crc32"
	"net/netip"
)

// signature begins each header of version 2; no protocol that a client could speak begins so.
const signature = "\r\n\r\n\x00\r\nQUIT\n"

const (
	fixedV2 = 16 // bytes of signature, version and command, family, and length

	commandLocal = 0x20 // with the version in the high half
	commandProxy = 0x21

	streamV4 = 0x11
	streamV6 = 0x21

	typeCRC32C = 0x03
	tlvHead    = 3 // bytes of a TLV's type and length
)

// parseV2 reads the binary form (section 2.2 of the specification).
func parseV2(buf []byte) (Header, int, error) {
	if len(buf) < fixedV2 {
		return Header{}, 0, ErrIncomplete
	}
	command, family := buf[12], buf[13]
	if command != commandLocal && command != commandProxy {
		return Header{}, 0, refuse("version 2: version and command 0x%02x, expected 0x20 (LOCAL) or 0x21 (PROXY)", command)
	}
	n := fixedV2 + int(binary.BigEndian.Uint16(buf[14:]))
	if n > MaxV2 {
		return Header{}, 0, refuse("version 2: header of %d bytes, expected at most %d", n, MaxV2)
	}
	if len(buf) < n {
		return Header{}, 0, ErrIncomplete
	}
	if command == commandLocal {
		return Header{Local: true}, n, nil // "the receiver must ... discard the protocol block including the family which is ignored"
	}
	size, known := addressesSize(family)
	if !known {
		return Header{}, 0, refuse("version 2: family and transport 0x%02x, expected 0x00, 0x11, 0x12, 0x21, 0x22, 0x31 or 0x32", family)
	}
	if n < fixedV2+size {
		return Header{}, 0, refuse("version 2: %d bytes of addresses, expected %d for family 0x%02x", n-fixedV2, size, family)
	}
	if err := checkTLVs(buf[:n], fixedV2+size); err != nil {
		return Header{}, 0, err
	}
	return addresses(family, buf[fixedV2:fixedV2+size]), n, nil
}

// addressesSize is the length of the addresses of a family and transport. Addresses over UDP are taken as well: a proxy that took a
// request by HTTP/3 may say so of a client whose request it sends on by TCP.
func addressesSize(family byte) (size int, known bool) {
	switch family {
	case 0x00: // unspecified; what follows, if anything, are TLVs
		return 0, true
	case streamV4, 0x12:
		return 4 + 4 + 2 + 2, true
	case streamV6, 0x22:
		return 16 + 16 + 2 + 2, true
	case 0x31, 0x32: // unix sockets
		return 108 + 108, true
	}
	return 0, false
}

func addresses(family byte, b []byte) Header {
	width := 0
	switch family >> 4 {
	case 1:
		width = 4
	case 2:
		width = 16
	default:
		return Header{Local: true}
	}
	source, _ := netip.AddrFromSlice(b[:width])
	destination, _ := netip.AddrFromSlice(b[width : 2*width])
	ports := b[2*width:]
	return Header{
		Source:      netip.AddrPortFrom(source.Unmap(), binary.BigEndian.Uint16(ports)),
		Destination: netip.AddrPortFrom(destination.Unmap(), binary.BigEndian.Uint16(ports[2:])),
	}
}

// checkTLVs passes over the values from at on, and verifies the checksum if there is one. None of the others is of use here.
func checkTLVs(header []byte, at int) error {
	checked := false
	for at < len(header) {
		if len(header)-at < tlvHead {
			return refuse("version 2: %d bytes after the last TLV, expected none", len(header)-at)
		}
		value := at + tlvHead
		end := value + int(binary.BigEndian.Uint16(header[at+1:]))
		if end > len(header) {
			return refuse("version 2: TLV 0x%02x of %d bytes, expected at most the %d that are left", header[at], end-value, len(header)-value)
		}
		if header[at] == typeCRC32C {
			if checked || end-value != 4 {
				return refuse("version 2: checksum of %d bytes, expected one of 4", end-value)
			}
			checked = true
			if err := checkSum(header, value); err != nil {
				return err
			}
		}
		at = end
	}
	return nil
}

// checkSum verifies the CRC32c at an offset, which is of the whole header with zeros in its place (section 2.2.3).
func checkSum(header []byte, at int) error {
	table := crc32.MakeTable(crc32.Castagnoli) // made once per process
	sum := ^crc32.Update(0, table, header[:at])
	for range 4 { // four zeros; by Update, a slice of them would be allocated
		sum = table[byte(sum)] ^ sum>>8
	}
	sum = crc32.Update(^sum, table, header[at+4:])
	if given := binary.BigEndian.Uint32(header[at:]); given != sum {
		return refuse("version 2: checksum 0x%08x, expected 0x%08x", given, sum)
	}
	return nil
}

// AppendV2 appends a header of version 2 for a client's connection from source to destination; LOCAL, as health checks send, where
// one of them is not valid. Where only one is IPv4, both are written as IPv6. It appends up to 52 bytes.
func AppendV2(out []byte, source, destination netip.AddrPort) []byte {
	from, to, four := sameFamily(source.Addr(), destination.Addr())
	out = append(out, signature...)
	if !from.IsValid() {
		return append(out, commandLocal, 0x00, 0, 0)
	}
	if four {
		a, b := from.As4(), to.As4()
		out = append(out, commandProxy, streamV4, 0, 4+4+2+2)
		out = append(append(out, a[:]...), b[:]...)
	} else {
		a, b := from.As16(), to.As16()
		out = append(out, commandProxy, streamV6, 0, 16+16+2+2)
		out = append(append(out, a[:]...), b[:]...)
	}
	out = binary.BigEndian.AppendUint16(out, source.Port())
	return binary.BigEndian.AppendUint16(out, destination.Port())
}
