package accesslog

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func fullEntry() *Entry {
	return &Entry{
		Time: time.Date(2026, 1, 2, 4, 4, 5, 6789, time.FixedZone("", 3600)), Service: "shop", Route: "/api/", Backend: "shop-3",
		Client: netip.MustParseAddrPort("192.0.2.1:51000"), Protocol: "HTTP/2.0", TLS: "1.3", SNI: "shop.example.com",
		Method: []byte("GET"), Scheme: "https", Host: []byte("shop.example.com"), Path: []byte("/api/cart?id=7"),
		UserAgent: []byte(`curl/8 "x"`), Referer: []byte("https://example.com/"), RequestID: []byte("0af7"),
		TraceID: []byte("4bf92f3577b34da6a3ce929d0e0e4736"),
		Status:  502, Outcome: "connectError", Failed: true, Why: "connect to 127.0.0.1:20003: connection refused", Attempts: 2,
		RequestBytes: 12, ResponseBytes: 345678, Duration: 12345678 * time.Nanosecond, FirstByte: 1007 * time.Microsecond, Connect: time.Minute,
	}
}

func TestLineTellsAllOfARequest(t *testing.T) {
	for name, c := range map[string]struct {
		entry *Entry
		want  string
	}{
		"all": {fullEntry(), `{"time":"2026-01-02T03:04:05.000006Z","service":"shop","route":"/api/","backend":"shop-3","client":"192.0.2.1",` +
			`"clientPort":51000,"protocol":"HTTP/2.0","tls":"1.3","sni":"shop.example.com","method":"GET","scheme":"https",` +
			`"host":"shop.example.com","path":"/api/cart?id=7","status":502,"outcome":"connectError",` +
			`"why":"connect to 127.0.0.1:20003: connection refused","attempts":2,"requestBytes":12,"responseBytes":345678,` +
			`"durationMs":12.345,"firstByteMs":1.007,"connectMs":60000.000,"requestId":"0af7","traceId":"4bf92f3577b34da6a3ce929d0e0e4736",` +
			`"userAgent":"curl/8 \"x\"","referer":"https://example.com/"}`},
		"nothing": {&Entry{},
			`{"time":"0001-01-01T00:00:00.000000Z","service":"","outcome":"","requestBytes":0,"responseBytes":0,"durationMs":0.000}`},
		"zone, and a duration below zero": {&Entry{Client: netip.MustParseAddrPort("[fe80::1%eth0]:1"), Duration: -time.Second,
			Time: time.Date(2026, 12, 31, 23, 59, 59, 999999999, time.UTC)},
			`{"time":"2026-12-31T23:59:59.999999Z","service":"","client":"fe80::1","clientPort":1,"outcome":"",` +
				`"requestBytes":0,"responseBytes":0,"durationMs":0.000}`},
		"years that RFC 3339 does not have": {&Entry{Time: time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC)},
			`{"time":"9999-01-01T00:00:00.000000Z","service":"","outcome":"","requestBytes":0,"responseBytes":0,"durationMs":0.000}`},
	} {
		if got := string(c.entry.AppendJSON([]byte("before "))); got != "before "+c.want+"\n" {
			t.Errorf("%s:\n got %s\nwant before %s", name, got, c.want)
		}
	}
}

func TestTextsAreValidJSONWhateverTheyHold(t *testing.T) {
	for text, want := range map[string]string{
		"":                                     `""`,
		`"\/`:                                  `"\"\\/"`,
		"a\x00b\n\x1f\x7f":                     `"a\u0000b\u000a\u001f\u007f"`,
		"é\u2028日\U0001F600":                   "\"é\u2028日\U0001F600\"",
		"\u0080\u009b31m\u00a0":                "\"\\u0080\\u009b31m\u00a0\"", // U+009B begins a command to a terminal, as ESC [ does
		"\xff\xc3":                             "\"\uFFFD\uFFFD\"",
		"\xed\xa0\x80":                         "\"\uFFFD\uFFFD\uFFFD\"", // a surrogate
		"\uFFFD":                               "\"\uFFFD\"",
		strings.Repeat("x", longestValue):      `"` + strings.Repeat("x", longestValue) + `"`,
		strings.Repeat("x", longestValue+1):    `"` + strings.Repeat("x", longestValue) + `…"`,
		strings.Repeat("x", 4095) + "é and so": `"` + strings.Repeat("x", 4095) + "\uFFFD…\"",
	} {
		if got := string(appendText(nil, []byte(text))); got != want {
			t.Errorf("%.20q: got %s, want %s", text, got, want)
		}
	}
}

func TestEachByteIsEscapedOrPlainWhereverItStands(t *testing.T) {
	for c := range 256 {
		for at := range 20 {
			text := []byte(strings.Repeat("x", 20))
			text[at] = byte(c)
			want := 20
			if c < ' ' || c > '~' || c == '"' || c == '\\' {
				want = at
			}
			if got := plainLength(text); got != want {
				t.Errorf("byte 0x%02x at %d: %d are plain, want %d", c, at, got, want)
			}
		}
	}
}

func TestLongestLineHasRoomInAChunk(t *testing.T) {
	worst := strings.Repeat("\x00", 10000)
	e := &Entry{
		Service: worst, Route: worst, Backend: worst, Protocol: worst, TLS: worst, SNI: worst, Scheme: worst, Outcome: worst, Why: worst,
		Method: []byte(worst), Host: []byte(worst), Path: []byte(worst), UserAgent: []byte(worst), Referer: []byte(worst),
		RequestID: []byte(worst), TraceID: []byte(worst), Client: netip.MustParseAddrPort("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"),
		Status: -1 << 63, Attempts: -1 << 63, RequestBytes: -1 << 63, ResponseBytes: -1 << 63, Duration: 1<<63 - 1,
		FirstByte: 1<<63 - 1, Connect: 1<<63 - 1,
	}
	line := e.AppendJSON(nil)
	if len(line) > e.most() || e.most() > chunkSize {
		t.Errorf("the line has %d bytes, the bound is %d, a chunk has %d", len(line), e.most(), chunkSize)
	}
}

func FuzzLineIsOneLineOfJSONThatTellsTheTexts(f *testing.F) {
	f.Add("shop", []byte("/a?b=\"c\""), []byte("curl/8"), int64(1), 200)
	f.Add("\x00\xff", []byte("\n\u2028\u009b"), []byte("\xc3("), int64(-1<<63), -1)
	f.Fuzz(func(t *testing.T, text string, path, agent []byte, number int64, status int) {
		e := &Entry{
			Time: time.Unix(number, number), Service: text, Path: path, UserAgent: agent, Why: text, Status: status, RequestBytes: number,
			Duration: time.Duration(number),
		}
		line := e.AppendJSON(nil)
		if len(line) > e.most() {
			t.Errorf("the line has %d bytes, more than its bound of %d", len(line), e.most())
		}
		if !utf8.Valid(line) || strings.IndexByte(string(line), '\n') != len(line)-1 {
			t.Fatalf("%q is not one line of UTF-8", line)
		}
		var told struct {
			Time                          time.Time
			Service, Why, Path, UserAgent string
			RequestBytes                  int64
			Status                        int
		}
		if err := json.Unmarshal(line, &told); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if len(text) <= longestValue && (told.Service != valid(text) || told.Why != valid(text)) {
			t.Errorf("%q became %q", text, told.Service)
		}
		if len(path) <= longestValue && told.Path != valid(string(path)) {
			t.Errorf("%q became %q", path, told.Path)
		}
		if told.RequestBytes != number || told.Status != status {
			t.Errorf("%d and %d became %d and %d", number, status, told.RequestBytes, told.Status)
		}
	})
}

// valid has U+FFFD for each byte that is not UTF-8, as encoding/json has.
func valid(text string) string { return string([]rune(text)) }

func BenchmarkAppendJSON(b *testing.B) {
	e, out := fullEntry(), make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		out = e.AppendJSON(out[:0])
	}
}
