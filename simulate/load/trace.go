package load

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// traceHeader is the first line of a trace.
const traceHeader = "unix_seconds,value"

// TraceOptions say how the rows of a trace become requests per second. Zero values mean 1, 1 and one second.
type TraceOptions struct {
	// Speed compresses time: at 60 an hour of the trace takes a minute. Rates are not changed by it.
	Speed float64
	// Scale multiplies every rate.
	Scale float64
	// Per is the time that a value counts requests over: a minute for requests per minute.
	Per time.Duration
}

// ReadTrace reads a shape from CSV with the header unix_seconds,value: each row is the value from its time until the
// next row's; the last one lasts as long as the one before it. Missing rows thus prolong the row before the gap. Errors
// name the line, the value and what was expected.
func ReadTrace(r io.Reader, o TraceOptions) (Shape, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	rows := csv.NewReader(r)
	rows.FieldsPerRecord = -1 // counted here, for a message of our own
	rows.ReuseRecord = true
	header, err := rows.Read()
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("trace: %w", err)
	}
	if got := strings.TrimPrefix(strings.Join(header, ","), "\ufeff"); got != traceHeader {
		return nil, fmt.Errorf("trace line 1: header is %q: expected %q", got, traceHeader)
	}

	var shape pieces
	var held row
	for n := 0; ; n++ {
		fields, err := rows.Read()
		if errors.Is(err, io.EOF) {
			if n < 2 {
				return nil, fmt.Errorf("trace has %d rows: expected at least 2, since a row lasts until the next", n)
			}
			if shape, err = shape.then(shape[len(shape)-1].length, o.rate(held.value), o.rate(held.value)); err != nil {
				return nil, fmt.Errorf("trace: %w", err)
			}
			return shape, nil
		}
		if err != nil {
			return nil, fmt.Errorf("trace: %w", err) // csv names the line itself
		}
		line, _ := rows.FieldPos(0)
		next, err := parseRow(fields)
		if err != nil {
			return nil, fmt.Errorf("trace line %d: %w", line, err)
		}
		if n > 0 {
			if !(next.at > held.at) {
				return nil, fmt.Errorf("trace line %d: unix_seconds is %s: expected more than the row before, %.0f",
					line, fields[0], held.at)
			}
			length := (next.at - held.at) / o.Speed * float64(time.Second)
			if length < 1 || length > float64(forever) {
				return nil, fmt.Errorf("trace line %d: at speed %v the row before lasts %v s: expected 1 ns to 36 years",
					line, o.Speed, length/float64(time.Second))
			}
			if shape, err = shape.then(time.Duration(length), o.rate(held.value), o.rate(held.value)); err != nil {
				return nil, fmt.Errorf("trace line %d: %w", line, err)
			}
		}
		held = next
		if err := checkRate(o.rate(held.value)); err != nil {
			return nil, fmt.Errorf("trace line %d: %w: give a smaller scale, which is %v", line, err, o.Scale)
		}
	}
}

// row is one line of a trace.
type row struct{ at, value float64 }

// maxUnixSeconds bounds a time, 2^53: beyond it a float64 cannot tell one second from the next.
const maxUnixSeconds = 1 << 53

func parseRow(fields []string) (row, error) {
	if len(fields) != 2 {
		return row{}, fmt.Errorf("%d fields: expected 2, %s", len(fields), traceHeader)
	}
	at, err := strconv.ParseFloat(strings.TrimSpace(fields[0]), 64)
	if err != nil || !(math.Abs(at) <= maxUnixSeconds) {
		return row{}, fmt.Errorf("unix_seconds is %q: expected seconds since 1970, such as 804556800", fields[0])
	}
	value, err := strconv.ParseFloat(strings.TrimSpace(fields[1]), 64)
	if err != nil || !(value >= 0) || math.IsInf(value, 1) {
		return row{}, fmt.Errorf("value is %q: expected a number, 0 or more", fields[1])
	}
	return row{at, value}, nil
}

// rate turns a value of the trace into requests per second.
func (o TraceOptions) rate(value float64) float64 {
	return value * o.Scale / o.Per.Seconds()
}

func (o TraceOptions) withDefaults() (TraceOptions, error) {
	if o.Speed == 0 {
		o.Speed = 1
	}
	if o.Scale == 0 {
		o.Scale = 1
	}
	if o.Per == 0 {
		o.Per = time.Second
	}
	if !(o.Speed > 0) || math.IsInf(o.Speed, 1) {
		return o, fmt.Errorf("trace speed is %v: expected a number above 0, such as 60", o.Speed)
	}
	if !(o.Scale > 0) || math.IsInf(o.Scale, 1) {
		return o, fmt.Errorf("trace scale is %v: expected a number above 0, such as 0.5", o.Scale)
	}
	if o.Per < 0 {
		return o, fmt.Errorf("trace unit is per %v: expected a duration above 0, such as 1m", o.Per)
	}
	return o, nil
}
