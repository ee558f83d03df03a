package record

import (
	"encoding/binary"
	"errors"
	"strconv"

	"headroom.dev/headroom"
)

var errTorn = errors.New("what these decisions were made from is damaged")

// reader reads the rows of Run.Inputs. It believes nothing: what is damaged is an error.
type reader struct {
	first *headroom.Decision
	columns
	in   []byte
	torn bool
}

func newReader(first *headroom.Decision, inputs []byte) (*reader, error) {
	r := &reader{first: first, in: inputs}
	if _, _, ok := numberOf(first.ID); !ok {
		return nil, errTorn
	}
	r.begin(first)
	return r, nil
}

// next reads a row: the ID and the inputs of the next decision.
func (r *reader) next() (string, headroom.Observation, error) {
	flags := r.byte()
	r.step += r.varint()
	r.at += r.step
	r.beyond += r.varint()
	if flags&flagReplicas != 0 {
		r.counts = headroom.ReplicaCounts{Synced: r.byte() != 0}
		r.ready, r.starts, r.counts.Warming = int(r.varint()), int(r.varint()), int(r.varint())
	}
	if flags&flagWaiting != 0 {
		r.waiting = int(r.varint())
	}
	if flags&flagSameHeaders == 0 {
		copy(r.headers, r.bytes(len(r.headers)))
	}
	for i, header := range r.headers {
		if header&headerFailures != 0 {
			r.signals[i].failures = int(r.varint())
		}
		r.nextReading(2*i, header)
		r.nextReading(2*i+1, header>>stableShift)
	}
	if r.torn {
		return "", headroom.Observation{}, errTorn
	}
	obs := r.observed(r.first)
	return r.prefix + strconv.FormatInt(obs.At.UnixMicro()+r.beyond, 36), obs, nil
}

func (r *reader) nextReading(number int, header byte) {
	column := r.reading(number)
	if header&headerRest != 0 {
		r.rest(number, column)
	}
	if header&headerValue != 0 {
		if column.decimals == raw {
			column.units = int64(r.eight())
		} else {
			column.units += r.varint()
		}
	}
	expected := r.expectedAge(number)
	if header&headerAge != 0 {
		expected += r.duration()
	}
	column.age = expected
}

func (r *reader) rest(number int, column *readingColumn) {
	written := shape(r.byte())
	column.shape = written &^ sameText
	decimals := int8(r.byte())
	if decimals != raw && (decimals < 0 || decimals > mostDecimals) {
		r.torn, decimals = true, 0
	}
	if decimals != column.decimals {
		column.decimals, column.units = decimals, 0
	}
	column.counted = [2]int{int(r.varint()), int(r.varint())}
	if column.shape&(hasTotal|hasShare|divided) == hasTotal|hasShare {
		column.share = r.eight()
	}
	if written&sameText != 0 && number > 0 {
		column.unknown = r.reading(number - 1).unknown
	}
	if length := r.uvarint(); length > 0 {
		column.unknown = string(r.bytes(int(min(length-1, 1<<20))))
	}
}

func (r *reader) byte() byte {
	if one := r.bytes(1); len(one) == 1 {
		return one[0]
	}
	return 0
}

func (r *reader) bytes(n int) []byte {
	if n > len(r.in) {
		r.torn, r.in = true, nil
		return nil
	}
	taken := r.in[:n]
	r.in = r.in[n:]
	return taken
}

func (r *reader) eight() uint64 {
	if all := r.bytes(8); all != nil {
		return binary.LittleEndian.Uint64(all)
	}
	return 0
}

func (r *reader) varint() int64 {
	value, n := binary.Varint(r.in)
	r.bytes(r.length(n))
	return value
}

func (r *reader) uvarint() uint64 {
	value, n := binary.Uvarint(r.in)
	r.bytes(r.length(n))
	return value
}

// length is that of a varint; one that ends too early or late is longer than what there is.
func (r *reader) length(n int) int {
	if n <= 0 {
		return len(r.in) + 1
	}
	return n
}

func (r *reader) duration() headroom.Duration {
	value := r.varint()
	if value&1 != 0 {
		return headroom.Duration(value >> 1)
	}
	return headroom.Duration(value>>1) * 1_000_000
}
