package proxyprotocol

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
)

var (
	client4 = netip.MustParseAddrPort("192.0.2.1:51000")
	server4 = netip.MustParseAddrPort("198.51.100.7:443")
	client6 = netip.MustParseAddrPort("[2001:db8::1]:51000")
	server6 = netip.MustParseAddrPort("[2001:db8::2]:443")
	told4   = Header{Source: client4, Destination: server4}
	told6   = Header{Source: client6, Destination: server6}
	local   = Header{Local: true}
)

// Headers written by hand from sections 2.1 and 2.2 of the specification.
const (
	v1tcp4 = "PROXY TCP4 192.0.2.1 198.51.100.7 51000 443\r\n"
	v1tcp6 = "PROXY TCP6 2001:db8::1 2001:db8::2 51000 443\r\n"
	v2tcp4 = signature + "\x21\x11\x00\x0c" + "\xc0\x00\x02\x01" + "\xc6\x33\x64\x07" + "\xc7\x38\x01\xbb"
	v2tcp6 = signature + "\x21\x21\x00\x24" + "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01" +
		"\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02" + "\xc7\x38\x01\xbb"
	v2local = signature + "\x20\x00\x00\x00"
)

// longer is the header over IPv4 with another length than its 12 bytes, for TLVs that follow.
func longer(length string) string { return strings.Replace(v2tcp4, "\x00\x0c", length, 1) }

func TestHeaderTellsWhoTheClientIs(t *testing.T) {
	// "worst case" lines of section 2.1, and one more of each kind.
	portless := netip.AddrPortFrom(client4.Addr(), 0)
	longest := "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"
	if len(longest) != MaxV1 {
		t.Fatalf("the longest line has %d bytes", len(longest))
	}
	most := netip.MustParseAddrPort("255.255.255.255:65535")
	most6 := netip.MustParseAddrPort("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535")
	for name, c := range map[string]struct {
		header string
		want   Header
	}{
		"TCP4":                      {v1tcp4, told4},
		"TCP6":                      {v1tcp6, told6},
		"longest TCP4":              {"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", Header{Source: most, Destination: most}},
		"longest TCP6":              {strings.Replace(longest, "UNKNOWN", "TCP6", 1), Header{Source: most6, Destination: most6}},
		"TCP6 in capitals":          {"PROXY TCP6 2001:DB8::1 2001:DB8::2 51000 443\r\n", told6},
		"mapped IPv4 is IPv4":       {"PROXY TCP6 ::ffff:192.0.2.1 ::ffff:198.51.100.7 51000 443\r\n", told4},
		"port 0":                    {"PROXY TCP4 192.0.2.1 198.51.100.7 0 443\r\n", Header{Source: portless, Destination: server4}},
		"UNKNOWN":                   {"PROXY UNKNOWN\r\n", local},
		"UNKNOWN with whatever":     {longest, local},
		"v2 TCP4":                   {v2tcp4, told4},
		"v2 TCP6":                   {v2tcp6, told6},
		"v2 UDP4":                   {strings.Replace(v2tcp4, "\x21\x11", "\x21\x12", 1), told4},
		"v2 UDP6":                   {strings.Replace(v2tcp6, "\x21\x21", "\x21\x22", 1), told6},
		"v2 LOCAL":                  {v2local, local},
		"v2 LOCAL, addresses given": {strings.Replace(v2tcp4, "\x21\x11", "\x20\x11", 1), local},
		"v2 LOCAL, family ignored":  {signature + "\x20\xff\x00\x03abc", local},
		"v2 unspecified":            {signature + "\x21\x00\x00\x00", local},
		"v2 unix":                   {signature + "\x21\x31\x00\xd8" + strings.Repeat("/", 216), local},
		"v2 mapped IPv4 is IPv4": {signature + "\x21\x21\x00\x24" + strings.Repeat("\x00", 10) + "\xff\xff\xc0\x00\x02\x01" +
			strings.Repeat("\x00", 10) + "\xff\xff\xc6\x33\x64\x07" + "\xc7\x38\x01\xbb", told4},
		"v2 with TLVs": {longer("\x00\x17") + "\x01\x00\x02h2" + "\x04\x00\x00" + "\xea\x00\x00", told4},
	} {
		t.Run(name, func(t *testing.T) {
			got, n, err := Parse([]byte(c.header + "GET / HTTP/1.1\r\n"))
			if err != nil || n != len(c.header) || got != c.want {
				t.Errorf("got %+v of %d bytes, %v; want %+v of %d", got, n, err, c.want, len(c.header))
			}
			for cut := range len(c.header) {
				if _, _, err := Parse([]byte(c.header[:cut])); err != ErrIncomplete {
					t.Fatalf("after %d bytes: %v, want ErrIncomplete", cut, err)
				}
			}
		})
	}
}

func TestHeaderThatCouldBeReadInTwoWaysIsRefused(t *testing.T) {
	for name, c := range map[string]struct{ header, want string }{
		"no header":              {"GET / HTTP/1.1\r\n", `begins with "GET / HTTP/1", expected a PROXY header`},
		"small letters":          {"proxy TCP4 192.0.2.1 198.51.100.7 1 2\r\n", "begins with"},
		"wrong sixth byte":       {"PROXY\tTCP4", "begins with"},
		"broken signature":       {"\r\n\r\n\x00\r\nQUIX", "begins with"},
		"LF alone":               {"PROXY TCP4 192.0.2.1 198.51.100.7 51000 443\n", "expected CR LF"},
		"CR alone":               {"PROXY TCP4 192.0.2.1 198.51.100.7 51000 443\rG", "CR without LF"},
		"CR within":              {"PROXY UNKNOWN\r GET\r\n", "CR without LF"},
		"two CRs":                {"PROXY UNKNOWN\r\r\n", "CR without LF"},
		"no end":                 {"PROXY UNKNOWN " + strings.Repeat("x", MaxV1), "no end within 107 bytes"},
		"one byte too long":      {"PROXY UNKNOWN " + strings.Repeat("x", MaxV1-15) + "\r\n", "no end within 107 bytes"},
		"family":                 {"PROXY TCP5 192.0.2.1 198.51.100.7 51000 443\r\n", `family "TCP5", expected TCP4, TCP6 or UNKNOWN`},
		"no family":              {"PROXY \r\n", `family ""`},
		"two spaces":             {"PROXY TCP4  192.0.2.1 198.51.100.7 51000 443\r\n", "each after one space"},
		"space at the end":       {"PROXY TCP4 192.0.2.1 198.51.100.7 51000 443 \r\n", "each after one space"},
		"port left out":          {"PROXY TCP4 192.0.2.1 198.51.100.7 51000\r\n", "each after one space"},
		"tab":                    {"PROXY TCP4\t192.0.2.1 198.51.100.7 51000 443\r\n", "family"},
		"IPv6 as TCP4":           {"PROXY TCP4 2001:db8::1 198.51.100.7 51000 443\r\n", `source address "2001:db8::1", expected one of the`},
		"IPv4 as TCP6":           {"PROXY TCP6 2001:db8::1 198.51.100.7 51000 443\r\n", `destination address "198.51.100.7"`},
		"leading zero":           {"PROXY TCP4 192.0.2.01 198.51.100.7 51000 443\r\n", `source address "192.0.2.01"`},
		"short address":          {"PROXY TCP4 192.0.2 198.51.100.7 51000 443\r\n", "source address"},
		"zone":                   {"PROXY TCP6 fe80::1%eth0 2001:db8::2 51000 443\r\n", "without a zone"},
		"no source":              {"PROXY TCP4 nobody 198.51.100.7 51000 443\r\n", "source address"},
		"large port":             {"PROXY TCP4 192.0.2.1 198.51.100.7 65536 443\r\n", `source port "65536", expected 0 to 65535`},
		"port with leading zero": {"PROXY TCP4 192.0.2.1 198.51.100.7 51000 0443\r\n", `destination port "0443"`},
		"signed port":            {"PROXY TCP4 192.0.2.1 198.51.100.7 +1 443\r\n", "source port"},
		"long port":              {"PROXY TCP4 192.0.2.1 198.51.100.7 000001 443\r\n", "source port"},
		"v2 version":             {signature + "\x11\x11\x00\x00", "version and command 0x11, expected 0x20 (LOCAL) or 0x21 (PROXY)"},
		"v2 command":             {signature + "\x22\x11\x00\x00", "version and command 0x22"},
		"v2 family":              {signature + "\x21\x41\x00\x0c123456789012", "family and transport 0x41"},
		"v2 transport":           {signature + "\x21\x13\x00\x0c123456789012", "family and transport 0x13"},
		"v2 transport alone":     {signature + "\x21\x01\x00\x00", "family and transport 0x01"},
		"v2 short addresses":     {signature + "\x21\x11\x00\x0b12345678901", "11 bytes of addresses, expected 12"},
		"v2 too long":            {signature + "\x21\x11\x0f\xf1", "header of 4097 bytes, expected at most 4096"},
		"v2 TLV head cut":        {longer("\x00\x0e") + "\x04\x00", "2 bytes after the last TLV"},
		"v2 TLV cut":             {longer("\x00\x10") + "\x04\x00\x02x", "TLV 0x04 of 2 bytes, expected at most the 1"},
		"v2 wrong checksum":      {longer("\x00\x13") + "\x03\x00\x04\x00\x00\x00\x00", "checksum 0x00000000, expected 0x"},
		"v2 short checksum":      {longer("\x00\x11") + "\x03\x00\x02\x00\x00", "checksum of 2 bytes, expected one of 4"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := Parse([]byte(c.header))
			var refused *Error
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestAppendedHeadersAreThoseOfTheSpecification(t *testing.T) {
	nobody := netip.AddrPort{}
	zoned := netip.MustParseAddrPort("[2001:db8::1%eth0]:51000")
	mapped := netip.AddrPortFrom(netip.AddrFrom16(client4.Addr().As16()), 51000)
	for name, c := range map[string]struct {
		source, destination netip.AddrPort
		v1, v2              string
	}{
		"IPv4":        {client4, server4, v1tcp4, v2tcp4},
		"IPv6":        {client6, server6, v1tcp6, v2tcp6},
		"mapped IPv4": {mapped, server4, v1tcp4, v2tcp4},
		"zone":        {zoned, server6, v1tcp6, v2tcp6},
		"mixed": {client4, server6, "PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 51000 443\r\n",
			signature + "\x21\x21\x00\x24" + strings.Repeat("\x00", 10) + "\xff\xff\xc0\x00\x02\x01" + v2tcp6[32:]},
		"health check":   {nobody, nobody, "PROXY UNKNOWN\r\n", v2local},
		"no destination": {client4, nobody, "PROXY UNKNOWN\r\n", v2local},
	} {
		if got := string(AppendV1([]byte("x"), c.source, c.destination)); got != "x"+c.v1 {
			t.Errorf("%s: version 1 is %q, want %q", name, got, c.v1)
		}
		if got := string(AppendV2([]byte("x"), c.source, c.destination)); got != "x"+c.v2 {
			t.Errorf("%s: version 2 is %q, want %q", name, got, c.v2)
		}
	}
}

func FuzzParseTakesOnlyWhatItUnderstandsWhole(f *testing.F) {
	for _, seed := range []string{v1tcp4, v1tcp6, v2tcp4, v2tcp6, v2local, "PROXY UNKNOWN\r\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		header, n, err := Parse(b)
		if err == ErrIncomplete {
			if len(b) >= MaxV2 {
				t.Fatalf("incomplete after %d bytes", len(b))
			}
			return
		}
		if err != nil {
			return
		}
		if n > len(b) || header.Local != !header.Source.IsValid() || header.Local != !header.Destination.IsValid() {
			t.Fatalf("%+v of %d bytes of %q", header, n, b)
		}
		for _, again := range [][]byte{
			AppendV1(nil, header.Source, header.Destination), AppendV2(nil, header.Source, header.Destination),
		} {
			if back, m, err := Parse(again); back != header || m != len(again) || err != nil {
				t.Fatalf("%q became %+v, %v; want %+v", again, back, err, header)
			}
		}
		for cut := range n {
			if _, _, err := Parse(b[:cut]); err != ErrIncomplete {
				t.Fatalf("%q is taken, and %q gives %v", b, b[:cut], err)
			}
		}
	})
}

func BenchmarkParse(b *testing.B) {
	for name, header := range map[string]string{"v1": v1tcp6, "v2": v2tcp6} {
		b.Run(name, func(b *testing.B) {
			buf := []byte(header)
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := Parse(buf); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestReadingAndWritingDoesNotAllocate(t *testing.T) {
	text, withSum := []byte(v1tcp6), checksummed(v2tcp4)
	out := make([]byte, 0, 128)
	for name, work := range map[string]func(){
		"v1":       func() { Parse(text) },
		"v2":       func() { Parse(withSum) },
		"write v1": func() { out = AppendV1(out[:0], client6, server6) },
		"write v2": func() { out = AppendV2(out[:0], client6, server6) },
	} {
		if n := testing.AllocsPerRun(100, work); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
