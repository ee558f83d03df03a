package pick

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"strconv"
)

// ParseReport reads the value of the field endpoint-load-metrics, as backends of Envoy and gRPC send it: "TEXT cpu_utilization=0.3,rps_fractional=20",
// "JSON {…}" or "BIN base64". What it does not know it passes over; ok is false where it is no report.
func ParseReport(value []byte) (r Report, ok bool) {
	format, rest, _ := bytes.Cut(value, []byte(" "))
	switch string(format) {
	case "TEXT":
		return parseText(rest)
	case "JSON":
		return parseJSON(rest)
	case "BIN":
		return ParseBinaryReport(rest)
	}
	return Report{}, false
}

// parsed is what of a report counts. The utilization of the application goes before that of the processor (gRFC A58).
type parsed struct {
	cpu, application, rate, errors float64
}

func (p parsed) report() (Report, bool) {
	r := Report{Rate: p.rate, Errors: p.errors, Utilization: p.application}
	if !(p.application > 0) {
		r.Utilization = p.cpu
	}
	return r, true
}

func parseText(list []byte) (Report, bool) {
	var p parsed
	for len(list) > 0 {
		var pair []byte
		pair, list, _ = bytes.Cut(list, []byte(","))
		name, text, _ := bytes.Cut(bytes.TrimSpace(pair), []byte("="))
		at := p.field(string(bytes.TrimSpace(name)))
		if at == nil {
			continue
		}
		value, err := strconv.ParseFloat(string(bytes.TrimSpace(text)), 64)
		if err != nil {
			return Report{}, false
		}
		*at = value
	}
	return p.report()
}

// field is where the value of a name belongs; nil for those that do not count.
func (p *parsed) field(name string) *float64 {
	switch name {
	case "cpu_utilization", "cpuUtilization":
		return &p.cpu
	case "application_utilization", "applicationUtilization":
		return &p.application
	case "rps_fractional", "rpsFractional":
		return &p.rate
	case "eps":
		return &p.errors
	}
	return nil
}

func parseJSON(data []byte) (Report, bool) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(data, &fields) != nil {
		return Report{}, false
	}
	var p parsed
	for name, raw := range fields {
		if at := p.field(name); at != nil && json.Unmarshal(raw, at) != nil {
			return Report{}, false
		}
	}
	return p.report()
}

// mostReport bounds a binary report, whose named metrics may be many.
const mostReport = 4096

// ParseBinaryReport reads the value of the field endpoint-load-metrics-bin: base64 of the protocol buffer OrcaLoadReport, whose doubles 1, 6, 7 and 9
// are cpu_utilization, rps_fractional, eps and application_utilization.
func ParseBinaryReport(value []byte) (Report, bool) {
	var room [mostReport]byte
	value = bytes.TrimRight(value, "=") // padded or not
	if base64.RawStdEncoding.DecodedLen(len(value)) > len(room) {
		return Report{}, false
	}
	n, err := base64.RawStdEncoding.Decode(room[:], value)
	if err != nil {
		return Report{}, false
	}
	var p parsed
	for data := room[:n]; len(data) > 0; {
		tag, k := binary.Uvarint(data)
		if k <= 0 {
			return Report{}, false
		}
		data = data[k:]
		size, whole := sizeOf(tag&7, data)
		if !whole {
			return Report{}, false
		}
		if at := p.numbered(tag >> 3); at != nil && tag&7 == 1 {
			*at = math.Float64frombits(binary.LittleEndian.Uint64(data))
		}
		data = data[size:]
	}
	return p.report()
}

func (p *parsed) numbered(number uint64) *float64 {
	switch number {
	case 1:
		return &p.cpu
	case 6:
		return &p.rate
	case 7:
		return &p.errors
	case 9:
		return &p.application
	}
	return nil
}

// sizeOf is how many bytes a value of a wire type takes; whole is false where they are not there.
func sizeOf(kind uint64, data []byte) (size int, whole bool) {
	switch kind {
	case 0:
		_, k := binary.Uvarint(data)
		return k, k > 0
	case 1:
		return 8, len(data) >= 8
	case 2:
		length, k := binary.Uvarint(data)
		return k + int(min(length, mostReport)), k > 0 && length <= uint64(len(data)-k)
	case 5:
		return 4, len(data) >= 4
	}
	return 0, false
}
