package accesslog

import (
	"strconv"
	"time"
)

const (
	// longestValue bounds each text of a line, bytes: as long as addresses of pages get, and short enough that nobody can fill the disk by
	// a few requests. What is longer ends with "…".
	longestValue = 4096
	// longestEscape is how many bytes one byte of a text may become: \u0000.
	longestEscape = 6
	// restOfLine is the most that a line has beside its texts, bytes: 28 names of up to 15 bytes with their punctuation, and 12 numbers
	// of up to 20 digits.
	restOfLine = 1024
)

// most is a bound of the entry's line, bytes, that costs little to find.
func (e *Entry) most() int {
	most := restOfLine
	for _, n := range [...]int{
		len(e.Service), len(e.Route), len(e.Backend), len(e.Protocol), len(e.TLS), len(e.SNI), len(e.Method), len(e.Scheme), len(e.Host),
		len(e.Path), len(e.UserAgent), len(e.Referer), len(e.RequestID), len(e.TraceID), len(e.Outcome), len(e.Why),
	} {
		most += longestEscape * (min(n, longestValue) + len("…"))
	}
	return most
}

// AppendJSON appends the entry as one line of JSON. It is valid whatever bytes the entry holds: controls are escaped, so that a line
// cannot be ended early and a terminal that shows it cannot be steered, and what is not UTF-8 becomes U+FFFD. It does not allocate where
// out has room.
func (e *Entry) AppendJSON(out []byte) []byte {
	out = append(out, `{"time":"`...)
	out = appendTime(out, e.Time)
	out = append(out, '"')
	out = appendText(append(out, `,"service":`...), bytesOf(e.Service))
	out = appendField(out, `,"route":`, bytesOf(e.Route))
	out = appendField(out, `,"backend":`, bytesOf(e.Backend))
	if e.Client.IsValid() {
		out = append(out, `,"client":"`...)
		out = e.Client.Addr().WithZone("").AppendTo(out)
		out = append(out, `","clientPort":`...)
		out = strconv.AppendUint(out, uint64(e.Client.Port()), 10)
	}
	out = appendField(out, `,"protocol":`, bytesOf(e.Protocol))
	out = appendField(out, `,"tls":`, bytesOf(e.TLS))
	out = appendField(out, `,"sni":`, bytesOf(e.SNI))
	out = appendField(out, `,"method":`, e.Method)
	out = appendField(out, `,"scheme":`, bytesOf(e.Scheme))
	out = appendField(out, `,"host":`, e.Host)
	out = appendField(out, `,"path":`, e.Path)
	out = appendCount(out, `,"status":`, e.Status)
	out = appendText(append(out, `,"outcome":`...), bytesOf(e.Outcome))
	out = appendField(out, `,"why":`, bytesOf(e.Why))
	out = appendCount(out, `,"attempts":`, e.Attempts)
	out = strconv.AppendInt(append(out, `,"requestBytes":`...), e.RequestBytes, 10)
	out = strconv.AppendInt(append(out, `,"responseBytes":`...), e.ResponseBytes, 10)
	out = appendMilliseconds(append(out, `,"durationMs":`...), e.Duration)
	if e.FirstByte > 0 {
		out = appendMilliseconds(append(out, `,"firstByteMs":`...), e.FirstByte)
	}
	if e.Connect > 0 {
		out = appendMilliseconds(append(out, `,"connectMs":`...), e.Connect)
	}
	out = appendField(out, `,"requestId":`, e.RequestID)
	out = appendField(out, `,"traceId":`, e.TraceID)
	out = appendField(out, `,"userAgent":`, e.UserAgent)
	out = appendField(out, `,"referer":`, e.Referer)
	return append(out, "}\n"...)
}

// appendField appends a name and a text, unless that is empty.
func appendField(out []byte, name string, text []byte) []byte {
	if len(text) == 0 {
		return out
	}
	return appendText(append(out, name...), text)
}

func appendCount(out []byte, name string, n int) []byte {
	if n == 0 {
		return out
	}
	return strconv.AppendInt(append(out, name...), int64(n), 10)
}

// appendTime appends a time of the years 0 to 9999 in UTC, by RFC 3339, in microseconds: 2026-01-02T15:04:05.000006Z. It is written
// out since time.AppendFormat takes 100 ns, a fifth of what a line may take.
func appendTime(out []byte, t time.Time) []byte {
	t = t.UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	year = min(max(year, 0), 9999)
	out = appendDigits(out, year, 4)
	out = appendDigits(append(out, '-'), int(month), 2)
	out = appendDigits(append(out, '-'), day, 2)
	out = appendDigits(append(out, 'T'), hour, 2)
	out = appendDigits(append(out, ':'), minute, 2)
	out = appendDigits(append(out, ':'), second, 2)
	out = appendDigits(append(out, '.'), t.Nanosecond()/1000, 6)
	return append(out, 'Z')
}

// appendMilliseconds appends a duration in milliseconds with three decimals: 12.345.
func appendMilliseconds(out []byte, d time.Duration) []byte {
	us := max(d, 0).Microseconds()
	out = strconv.AppendInt(out, us/1000, 10)
	return appendDigits(append(out, '.'), int(us%1000), 3)
}

// appendDigits appends a number with leading zeros.
func appendDigits(out []byte, n, width int) []byte {
	start := len(out)
	out = append(out, "000000"[:width]...)
	for i := start + width - 1; n > 0 && i >= start; i-- {
		out[i] = byte('0' + n%10)
		n /= 10
	}
	return out
}
