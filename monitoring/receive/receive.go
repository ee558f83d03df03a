// Package receive reads the metrics that other programs send: OTLP and Prometheus remote write. It is pure: bytes in, values out.
//
// Whatever is sent, decoding ends with values or with an error in words, in memory that the size of the body bounds.
package receive

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"headroom.dev/headroom"
)

const (
	// MostBytes of a body, packed or not: a collector's default batch of 8192 points has about 1.5 MiB, and a request of Prometheus with its 2000
	// samples 0.3 MiB.
	MostBytes = 4 << 20
	// mostPoints of one request: as many series as are kept at all.
	mostPoints = 10_000
	// mostLabels of a series; resources of collectors in Kubernetes have about 30 attributes.
	mostLabels = 64
	// mostName and mostText are the bytes of a name, and of a label's value, as of values that are sent as JSON.
	mostName = 200
	mostText = 200
)

// Batch is what a request has brought.
type Batch struct {
	Values []headroom.PushedValue
	// Rejected counts the numbers that cannot be taken, and Reason says why the first of them cannot.
	Rejected int
	Reason   string
}

// add takes a number, or says why not.
func (b *Batch) add(value headroom.PushedValue, now time.Time) {
	if err := acceptable(value); err != nil {
		b.reject(err)
		return
	}
	if value.At.After(now) {
		value.At = now // a sender with a fast clock; as it stands its value would never be old
	}
	b.Values = append(b.Values, value)
}

func (b *Batch) reject(err error) {
	b.Rejected++
	if b.Reason == "" {
		b.Reason = err.Error()
	}
}

func acceptable(value headroom.PushedValue) error {
	switch {
	case value.Name == "":
		return errors.New("a metric has no name")
	case len(value.Name) > mostName:
		return fmt.Errorf("the name of the metric %.40q has %d bytes: expected at most %d", value.Name, len(value.Name), mostName)
	case math.IsNaN(value.Value) || math.IsInf(value.Value, 0):
		return fmt.Errorf("%s is %v: expected a finite number", value.Name, value.Value)
	case len(value.Labels) > mostLabels:
		return fmt.Errorf("%s has %d labels: expected at most %d", value.Name, len(value.Labels), mostLabels)
	}
	for name, text := range value.Labels {
		if name == "" || len(name) > mostName {
			return fmt.Errorf("%s: the name of its label %.40q has %d bytes: expected 1 to %d", value.Name, name, len(name), mostName)
		}
		if len(text) > mostText {
			return fmt.Errorf("%s: its label %s has %d bytes: expected at most %d", value.Name, name, len(text), mostText)
		}
	}
	return nil
}

// Unzip unpacks a body that was sent with Content-Encoding: gzip.
func Unzip(packed []byte) ([]byte, error) {
	reader, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("the body is not gzip: %w", err)
	}
	body, err := io.ReadAll(io.LimitReader(reader, MostBytes+1))
	if err != nil {
		return nil, fmt.Errorf("the body is not gzip: %w", err)
	}
	if len(body) > MostBytes {
		return nil, fmt.Errorf("the body has more than %d MiB when it is unpacked", MostBytes>>20)
	}
	return body, nil
}
