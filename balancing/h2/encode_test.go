package h2

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"golang.org/x/net/http2/hpack"
)

// TestEncoderAgreesWithDecoder writes random heads with repeating and new values, while the peer changes its table's size, and reads
// them by another implementation of RFC 7541.
func TestEncoderAgreesWithDecoder(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	encoder := newEncoder()
	decoder := hpack.NewDecoder(mostTable, nil)
	var known []*fieldName
	for _, name := range fieldNames {
		known = append(known, name)
	}
	for round := range 3000 {
		if random.IntN(500) == 0 {
			limit := uint32(random.IntN(9000))
			decoder.SetAllowedMaxDynamicTableSize(limit) // and the encoder must say so
			encoder.setLimit(limit)
		}
		block := encoder.begin(nil)
		var want []string
		for range 1 + random.IntN(20) {
			value := fmt.Sprintf("%d%s", random.IntN(3), strings.Repeat("v", random.IntN(3)*random.IntN(600)))
			if random.IntN(8) == 0 {
				name := fmt.Sprintf("x-unknown-%d", random.IntN(5))
				block = encoder.unknown(block, []byte(name), []byte(value))
				want = append(want, name+": "+value)
				continue
			}
			name := known[random.IntN(len(known))]
			block = encoder.field(block, name, []byte(value))
			want = append(want, name.text+": "+value)
		}
		fields, err := decoder.DecodeFull(block)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		var got []string
		for _, f := range fields {
			got = append(got, f.Name+": "+f.Value)
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Fatalf("round %d: got %q, want %q", round, got, want)
		}
	}
}

// TestSecretsAreNeverIndexed: RFC 7541 section 7.1.3, so that no intermediary after us indexes them either.
func TestSecretsAreNeverIndexed(t *testing.T) {
	encoder := newEncoder()
	for _, name := range []string{"authorization", "cookie", "set-cookie", "x-request-id"} {
		for range 3 {
			fields, err := hpack.NewDecoder(mostTable, nil).DecodeFull(encoder.field(nil, fieldNames[name], []byte("secret")))
			if err != nil || !fields[0].Sensitive {
				t.Errorf("%s: %v, %v, want never indexed", name, fields, err)
			}
		}
	}
}

// TestRepeatedHeadTakesOneByteAField: the second sight puts a value in the table, the third finds it there.
func TestRepeatedHeadTakesOneByteAField(t *testing.T) {
	encoder := newEncoder()
	fields := []string{":path", ":authority", "content-type", "user-agent", "te", "grpc-timeout"}
	var block []byte
	for range 3 {
		block = block[:0]
		for _, name := range fields {
			block = encoder.field(block, fieldNames[name], []byte("value of "+name))
		}
	}
	if len(block) != len(fields) {
		t.Fatalf("%d fields took %d bytes: %x", len(fields), len(block), block)
	}
}

// TestStaticIndicesAreThoseOfRFC7541 holds our indices against those of the other implementation.
func TestStaticIndicesAreThoseOfRFC7541(t *testing.T) {
	for _, name := range fieldNames {
		if name.static == 0 {
			continue
		}
		fields, err := hpack.NewDecoder(0, nil).DecodeFull(appendInteger(nil, representKnown, 7, int(name.static)))
		if err != nil || fields[0].Name != name.text {
			t.Errorf("%s has index %d, which is %v, %v", name.text, name.static, fields, err)
		}
	}
	encoder := newEncoder()
	c := conn{encoder: encoder, names: findPseudoNames()}
	for status := 100; status < 600; status++ {
		text := fmt.Sprint(status)
		fields, err := hpack.NewDecoder(0, nil).DecodeFull(c.encodeStatus(nil, []byte(text)))
		if err != nil || fields[0].Name != ":status" || fields[0].Value != text {
			t.Errorf("status %d came as %v, %v", status, fields, err)
		}
	}
	for _, scheme := range []string{"http", "https", "odd"} {
		for _, method := range []string{"GET", "POST", "PATCH"} {
			for _, target := range []string{"/", "/x"} {
				c := conn{encoder: newEncoder(), names: findPseudoNames(), scheme: scheme}
				block := c.encodeRequest(nil, startLine{method: []byte(method), target: []byte(target)}, []byte("h"))
				fields, err := hpack.NewDecoder(0, nil).DecodeFull(block)
				want := fmt.Sprintf("%s %s %s h", method, scheme, target)
				if err != nil || len(fields) != 4 {
					t.Fatalf("%s: %v, %v", want, fields, err)
				}
				got := fmt.Sprintf("%s %s %s %s", fields[0].Value, fields[1].Value, fields[2].Value, fields[3].Value)
				if got != want || fields[0].Name+fields[1].Name+fields[2].Name+fields[3].Name != ":method:scheme:path:authority" {
					t.Errorf("got %v, want %s", fields, want)
				}
			}
		}
	}
}
