package h1

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// readAll reads a body to its end.
func readAll(b *Body) ([]byte, error) {
	var all []byte
	for {
		data, err := b.Next()
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		all = append(all, data...)
	}
}

func readChunked(src io.Reader) (string, *Body, *Reader, error) {
	r := &Reader{}
	r.Reset(src, make([]byte, MinBuffer), Limits{})
	b := &Body{}
	b.Reset(r, Framing{Kind: ChunkedBody})
	got, err := readAll(b)
	return string(got), b, r, err
}

func TestChunkedBodiesAreDecoded(t *testing.T) {
	for wire, want := range map[string]string{
		"0\r\n\r\n":                                          "",
		"3\r\nabc\r\n0\r\n\r\n":                              "abc",
		"3\r\nabc\r\n2\r\nde\r\n000\r\n\r\n":                 "abcde",
		"000000000000000A\r\n0123456789\r\n0\r\n\r\n":        "0123456789",
		"a;x=\"y\"\r\n0123456789\r\n0;last\r\n\r\n":          "0123456789",
		"1;a ; b=c;d=\"e;\\\"\tf\"\r\nx\r\n0; z = 1\r\n\r\n": "x",
		"2\r\n\r\n\r\n0\r\n\r\n":                             "\r\n",
	} {
		for name, src := range map[string]io.Reader{"whole": strings.NewReader(wire + "next"), "by byte": iotest.OneByteReader(strings.NewReader(wire + "next"))} {
			got, _, r, err := readChunked(src)
			if err != nil || got != want {
				t.Errorf("%q %s: got %q, %v, want %q", wire, name, got, err, want)
			}
			if rest := string(r.Buffered()); !strings.HasPrefix("next", rest) {
				t.Errorf("%q %s: %q is left", wire, name, rest)
			}
		}
	}
}

func TestBadChunksAreRefused(t *testing.T) {
	for name, wire := range map[string]string{
		"no size":                     "\r\nabc\r\n0\r\n\r\n",
		"sign":                        "+3\r\nabc\r\n0\r\n\r\n",
		"negative":                    "-3\r\nabc\r\n0\r\n\r\n",
		"0x":                          "0x3\r\nabc\r\n0\r\n\r\n",
		"space before":                " 3\r\nabc\r\n0\r\n\r\n",
		"space after":                 "3 \r\nabc\r\n0\r\n\r\n",
		"underscore":                  "1_0\r\nabc\r\n0\r\n\r\n",
		"17 digits":                   "00000000000000003\r\nabc\r\n0\r\n\r\n",
		"2^63":                        "8000000000000000\r\nabc",
		"bare LF after size":          "3\nabc\r\n0\r\n\r\n",
		"bare CR after size":          "3\rabc\r\n0\r\n\r\n",
		"bare LF in extension":        "3;a\nabc\r\n0\r\n\r\n",
		"bare CR in extension":        "3;a\rb\r\nabc\r\n0\r\n\r\n",
		"NUL in extension":            "3;\x00\r\nabc\r\n0\r\n\r\n",
		"extension without a name":    "3;\r\nabc\r\n0\r\n\r\n",
		"extension without a value":   "3;a=\r\nabc\r\n0\r\n\r\n",
		"extension that is no token":  "3;a[b\r\nabc\r\n0\r\n\r\n",
		"value that is no token":      "3;a=b/c\r\nabc\r\n0\r\n\r\n",
		"two extensions as one":       "3;a b\r\nabc\r\n0\r\n\r\n",
		"open quotes":                 "3;a=\"b\r\nabc\r\n0\r\n\r\n",
		"quotes open by an escape":    "3;a=\"b\\\"\r\nabc\r\n0\r\n\r\n",
		"space behind an extension":   "3;a \r\nabc\r\n0\r\n\r\n",
		"long extension":              "3;" + strings.Repeat("a", 600) + "\r\nabc\r\n0\r\n\r\n",
		"data longer than size":       "3\r\nabcd\r\n0\r\n\r\n",
		"data ends with LF":           "3\r\nabc\n0\r\n\r\n",
		"data ends with CR":           "3\r\nabc\r0\r\n\r\n",
		"bare LF ends the trailers":   "0\r\n\n",
		"bad trailer":                 "0\r\nX Y: a\r\n\r\n",
		"folded trailer":              "0\r\nX: a\r\n b\r\n\r\n",
		"large trailers":              "0\r\nX: " + strings.Repeat("a", 4<<10) + "\r\n\r\n",
		"many trailers":               "0\r\n" + strings.Repeat("X: a\r\n", 33) + "\r\n",
		"nothing but framing":         strings.Repeat("1;"+strings.Repeat("a", 400)+"\r\na\r\n", 100) + "0\r\n\r\n",
		"extension instead of a size": ";a\r\nabc\r\n0\r\n\r\n",
	} {
		_, _, _, err := readChunked(strings.NewReader(wire))
		if _, refused := err.(*Error); !refused {
			t.Errorf("%s: got %v, want a refusal", name, err)
		}
	}
}

func TestBodiesThatEndEarlyAreUnexpectedEOF(t *testing.T) {
	wire := "3\r\nabc\r\n0\r\nX: y\r\n\r\n"
	for n := range len(wire) {
		if _, _, _, err := readChunked(strings.NewReader(wire[:n])); err != io.ErrUnexpectedEOF {
			t.Errorf("chunked, after %q: got %v, want io.ErrUnexpectedEOF", wire[:n], err)
		}
	}
	var r Reader
	var b Body
	r.Reset(strings.NewReader("abc"), make([]byte, MinBuffer), Limits{})
	b.Reset(&r, Framing{LengthBody, 4})
	if _, err := readAll(&b); err != io.ErrUnexpectedEOF {
		t.Errorf("length: got %v, want io.ErrUnexpectedEOF", err)
	}
}

func TestTrailersAreForwardedExceptThoseThatMayNotBeThere(t *testing.T) {
	wire := "1\r\na\r\n0\r\nX-Checksum: 42\r\nHost: evil\r\nX-Forwarded-For: evil\r\nAuthorization: evil\r\nX_Forwarded_For: evil\r\ngrpc-status: 0\r\n\r\n"
	for name, src := range map[string]io.Reader{"whole": strings.NewReader(wire), "by byte": iotest.OneByteReader(strings.NewReader(wire))} {
		_, b, _, err := readChunked(src)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := string(b.AppendTrailers(nil)), "X-Checksum: 42\r\ngrpc-status: 0\r\n"; got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func TestChunksWrittenAreReadBack(t *testing.T) {
	var wire []byte
	want := ""
	for _, part := range []string{"a", strings.Repeat("b", 255), strings.Repeat("c", 70000)} {
		wire = AppendChunkStart(wire, len(part))
		wire = append(append(wire, part...), "\r\n"...)
		want += part
	}
	wire = append(wire, "0\r\n\r\n"...)
	got, _, _, err := readChunked(strings.NewReader(string(wire)))
	if err != nil || got != want {
		t.Errorf("got %d bytes, %v, want %d", len(got), err, len(want))
	}
}

func TestPollNeverReadsWhereOnlyFramingIsLeft(t *testing.T) {
	pr, pw := io.Pipe()
	defer pw.Close()
	go io.WriteString(pw, "3\r\nabc\r\n")
	var r Reader
	var b Body
	r.Reset(pr, make([]byte, MinBuffer), Limits{})
	b.Reset(&r, Framing{Kind: ChunkedBody})
	if data, err := b.Next(); err != nil || string(data) != "abc" {
		t.Fatalf("got %q, %v", data, err)
	}
	if _, err := b.Poll(); err != ErrIncomplete {
		t.Fatalf("got %v, want ErrIncomplete: the CR LF behind a chunk is no data", err)
	}
	go io.WriteString(pw, "0\r\n\r\n")
	if _, err := b.Next(); err != io.EOF {
		t.Fatalf("got %v, want io.EOF", err)
	}
}
