package receive

import (
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

const (
	// mostMessages of a request in protobuf: its resources, scopes, metrics and points. An empty one takes two bytes of a body and 200 in memory.
	mostMessages = 4 * mostPoints
	// mostNested messages are far above the ten of any metric with plain attributes. Those that are read call each other, so that 4 MiB with attributes within
	// attributes would take hundreds of MiB of stack. Text cannot be taken for more: its bytes are lengths below 128, and each level takes two of them.
	mostNested = 100
)

var errNested = errors.New("its attributes are nested too deeply")

// weigh refuses a request that would take far more memory than its body has.
func weigh(body []byte) error {
	left := mostMessages
	if err := weighLevel(body, 0, &left); err != nil {
		return err
	}
	if tooDeep(body, mostNested) {
		return errNested
	}
	return nil
}

// weighLevel counts the messages on the way to the points: ExportMetricsServiceRequest.resource_metrics, .scope_metrics, .metrics, the five kinds of
// data, .data_points.
func weighLevel(message []byte, level int, left *int) error {
	way := [...][]protowire.Number{{1}, {2}, {2}, {5, 7, 9, 10, 11}, {1}}
	if level == len(way) {
		return nil
	}
	return eachField(message, func(number protowire.Number, field field) error {
		if !slices.Contains(way[level], number) {
			return nil
		}
		if *left--; *left < 0 {
			return fmt.Errorf("it has more than %d resources, scopes, metrics and points", mostMessages)
		}
		return weighLevel(field.bytes, level+1, left)
	})
}

// tooDeep takes every field of bytes for a message as far as it can be read as one, since that is how far a decoder would get.
func tooDeep(message []byte, levels int) bool {
	if levels == 0 {
		return true
	}
	err := eachField(message, func(_ protowire.Number, field field) error {
		if len(field.bytes) > 0 && tooDeep(field.bytes, levels-1) {
			return errNested
		}
		return nil
	})
	return errors.Is(err, errNested)
}
