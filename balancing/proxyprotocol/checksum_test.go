package proxyprotocol

import (
	"encoding/binary"
	"strings"
	"testing"
)

// crc32c is CRC-32C bit by bit, by its definition in RFC 9260, appendix A: polynomial 0x1edc6f41, reflected.
func crc32c(data []byte) uint32 {
	sum := ^uint32(0)
	for _, b := range data {
		sum ^= uint32(b)
		for range 8 {
			sum = sum>>1 ^ 0x82f63b78&-(sum&1)
		}
	}
	return ^sum
}

// checksummed adds a checksum to a header of version 2 that has no TLVs.
func checksummed(header string) []byte {
	b := []byte(header + "\x03\x00\x04\x00\x00\x00\x00")
	binary.BigEndian.PutUint16(b[14:], uint16(len(b)-fixedV2))
	binary.BigEndian.PutUint32(b[len(b)-4:], crc32c(b))
	return b
}

func TestChecksumIsVerified(t *testing.T) {
	if got := crc32c([]byte("123456789")); got != 0xe3069283 { // the check value that is published with the polynomial
		t.Fatalf("the test's own checksum is wrong: %08x", got)
	}
	b := checksummed(v2tcp4)
	if header, n, err := Parse(b); header != told4 || n != len(b) || err != nil {
		t.Errorf("right checksum: %+v, %d, %v", header, n, err)
	}
	for i := 16; i < len(b); i++ {
		broken := []byte(string(b))
		broken[i] ^= 1
		// A broken type is another TLV, which nothing verifies; all else must be found.
		if _, _, err := Parse(broken); err == nil && i != 28 {
			t.Errorf("byte %d was broken unnoticed", i)
		}
	}
	twice := append(checksummed(v2tcp4), "\x03\x00\x04\x00\x00\x00\x00"...)
	binary.BigEndian.PutUint16(twice[14:], uint16(len(twice)-fixedV2))
	if _, _, err := Parse(twice); err == nil || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("two checksums: %v", err)
	}
}
