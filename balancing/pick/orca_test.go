package pick

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"testing"
)

func double(number byte, v float64) []byte {
	return binary.LittleEndian.AppendUint64([]byte{number<<3 | 1}, math.Float64bits(v))
}

func TestReportsAreReadInAllTheirForms(t *testing.T) {
	var message []byte
	message = append(message, double(1, 0.3)...)
	message = append(message, 3<<3, 20)                             // rps, which is deprecated
	message = append(message, 4<<3|2, 5, 1<<3|2, 1, 'a', 2<<3|5, 0) // request_cost, whatever is in it
	message = append(append(message, double(6, 20)...), double(7, 1)...)
	binaryForm := base64.StdEncoding.EncodeToString(message)
	want := Report{Rate: 20, Errors: 1, Utilization: 0.3}
	for _, c := range []struct {
		value string
		want  Report
		ok    bool
	}{
		{"TEXT cpu_utilization=0.3, mem_utilization=0.8,rps_fractional=20.0,eps=1,named_metrics.foo=3", want, true},
		{`JSON {"cpu_utilization": 0.3, "rps_fractional": 20, "eps": 1, "named_metrics": {"foo": 3}}`, want, true},
		{`JSON {"cpuUtilization": 0.3, "rpsFractional": 20, "eps": 1}`, want, true},
		{"BIN " + binaryForm, want, true},
		{"TEXT cpu_utilization=0.3,application_utilization=0.6,rps_fractional=20", Report{Rate: 20, Utilization: 0.6}, true},
		{"TEXT cpu_utilization=x", Report{}, false}, {`JSON {"eps": "1"}`, Report{}, false}, {"BIN !", Report{}, false}, {"BIN " + binaryForm[:6], Report{}, false},
		{"", Report{}, false}, {"XML <a/>", Report{}, false},
	} {
		if got, ok := ParseReport([]byte(c.value)); got != c.want || ok != c.ok {
			t.Errorf("%q: got %+v (%v), want %+v (%v)", c.value, got, ok, c.want, c.ok)
		}
	}
}

// Whatever a backend sends: no panic, and no weight that is not a positive number.
func FuzzReport(f *testing.F) {
	f.Add([]byte("TEXT cpu_utilization=0.3,rps_fractional=20,eps=1"))
	f.Add([]byte(`JSON {"cpu_utilization": 0.3, "rps_fractional": 1e308}`))
	f.Add([]byte("BIN CQAAAAAAAPA/"))
	f.Fuzz(func(t *testing.T, value []byte) {
		r, ok := ParseReport(value)
		if !ok {
			return
		}
		var l Load
		l.Report(1, r)
		l.Report(1+second(11), r)
		if got := l.capacity(1 + second(12)); got < 0 || math.IsNaN(got) || math.IsInf(got, 0) {
			t.Errorf("%q makes the capacity %v", value, got)
		}
	})
}
