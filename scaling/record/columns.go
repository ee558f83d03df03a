package record

import (
	"encoding/binary"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"headroom.dev/headroom"
)

// Run.Inputs has a row for each decision after the first, of what differs from the row before:
//
//	flags   bit 0: the replicas; bit 1: the headers are those of the row before; bit 2: how many requests wait
//	at      change of the time since the row before, nanoseconds
//	id      change of what the ID's microseconds are beyond those of at
//	replicas, where the flag says so: bits of what is unknown, ready, starting, warming
//	waiting, where the flag says so: how many requests wait for a first replica
//	headers  of each signal in the order of their names, see header*
//	signals  of each what its header says
//
// Numbers are varints. A value that is a decimal of few digits is counted in its last digit, so that the difference
// takes two bytes or three; others take eight.
type columns struct {
	names   []headroom.Metric
	signals []signalColumn
	headers []byte // of the row before
	changed []byte // of this row
	plain   bool   // the signals of the first are named as in their map
	prefix  string // of IDs
	at      int64  // nanoseconds since 1970
	step    int64  // from the row before
	beyond  int64  // of the ID's microseconds those of at
	counts  headroom.ReplicaCounts
	ready   int
	starts  int
	waiting int
	out     []byte
}

type signalColumn struct {
	failures int
	readings [2]readingColumn // fast, stable
}

// readingColumn is one reading as of the row before.
type readingColumn struct {
	shape    shape
	decimals int8  // of units; raw where the value is not a decimal of few digits
	units    int64 // the value, or the bits of it
	share    uint64
	age      headroom.Duration
	like     int // the first reading in the row with the same age, at the first row; itself where it is the first
	counted  [2]int
	unknown  string
}

// shape says which values of a reading there are.
type shape byte

const (
	hasTotal shape = 1 << iota
	hasShare
	divided // the share is the total, divided by the measured replicas
)

// sameText goes with a shape in a row: why the value is unknown is what the reading before it in the row says. One balancer
// that is silent makes most of a service's values unknown, with a text that has its age and so is another each second.
const sameText shape = 1 << 7

// The headers of a signal. Each reading has three bits, the stable one those above the fast one's.
const (
	headerValue    = 1 << iota // the value changed
	headerAge                  // the age is not that of the reading it is like, or before
	headerRest                 // shape, counts or text changed
	headerFailures = 1 << 6
	stableShift    = 3
)

const (
	flagReplicas = 1 << iota
	flagSameHeaders
	flagWaiting
)

// raw marks a value that is kept as its bits; mostDecimals is the most digits after the point that are tried.
const (
	raw          = int8(127)
	mostDecimals = 9
)

func (c *columns) begin(first *headroom.Decision) {
	c.names = c.names[:0]
	for name := range first.Observation.Signals {
		c.names = append(c.names, name)
	}
	slices.Sort(c.names)
	c.signals = slices.Grow(c.signals[:0], len(c.names))[:len(c.names)]
	c.headers = slices.Grow(c.headers[:0], len(c.names))[:len(c.names)]
	c.changed = slices.Grow(c.changed[:0], len(c.names))[:len(c.names)]
	clear(c.headers)
	c.out = c.out[:0]
	micros, prefix, _ := numberOf(first.ID)
	c.prefix = prefix
	c.at, c.step = first.At.UnixNano(), int64(time.Second)
	c.beyond = micros - first.At.UnixMicro()
	c.keep(first.Observation.Replicas)
	c.waiting = first.Observation.Waiting
	c.plain = true
	for i, name := range c.names {
		signal := first.Observation.Signals[name]
		c.plain = c.plain && signal.Metric == name
		c.signals[i] = signalColumn{failures: signal.Failures}
		for j, r := range [...]*headroom.Reading{&signal.Fast, &signal.Stable} {
			column := &c.signals[i].readings[j]
			*column = readingColumn{shape: shapeOf(r), age: r.Age, counted: [2]int{r.Measured, r.Replicas}, unknown: r.Unknown, like: 2*i + j}
			value := mainOf(r, column.shape)
			column.decimals = decimalsOf(value)
			column.units = unitsOf(value, column.decimals)
			if column.shape&hasShare != 0 {
				column.share = math.Float64bits(*r.PerReplica)
			}
			for k := range column.like {
				if c.signals[k/2].readings[k%2].age == r.Age {
					column.like = k
					break
				}
			}
		}
	}
}

func (c *columns) keep(counts headroom.ReplicaCounts) {
	c.counts = counts
	c.ready, c.starts = -1, -1
	if counts.Ready != nil {
		c.ready = *counts.Ready
	}
	if counts.Starting != nil {
		c.starts = *counts.Starting
	}
	c.counts.Ready, c.counts.Starting = nil, nil
}

// fits reports whether the inputs of a decision can be a row: its signals are those of the first, and so are the order by
// hand and the form of the ID.
func (c *columns) fits(first, d *headroom.Decision) bool {
	obs := &d.Observation
	_, prefix, ok := numberOf(d.ID)
	if !ok || prefix != c.prefix || !c.plain || len(obs.Signals) != len(c.names) || !obs.At.Equal(d.At) || obs.Service != first.Observation.Service ||
		d.Service != first.Service || (obs.Manual == nil) != (first.Observation.Manual == nil) ||
		obs.Manual != nil && *obs.Manual != *first.Observation.Manual {
		return false
	}
	for _, name := range c.names {
		if obs.Signals[name].Metric != name { // as none is that is not there
			return false
		}
	}
	return true
}

// add writes a row.
func (c *columns) add(d *headroom.Decision) {
	start := len(c.out)
	c.out = append(c.out, 0)
	at := d.At.UnixNano()
	step := at - c.at
	micros, _, _ := numberOf(d.ID)
	beyond := micros - d.At.UnixMicro()
	c.out = binary.AppendVarint(c.out, step-c.step)
	c.out = binary.AppendVarint(c.out, beyond-c.beyond)
	c.at, c.step, c.beyond = at, step, beyond
	flags := c.addReplicas(d.Observation.Replicas)
	if waiting := d.Observation.Waiting; waiting != c.waiting {
		flags |= flagWaiting
		c.out = binary.AppendVarint(c.out, int64(waiting))
		c.waiting = waiting
	}

	headersAt := len(c.out)
	c.out = append(c.out, c.headers...) // room for them
	for i, name := range c.names {
		signal := d.Observation.Signals[name]
		column := &c.signals[i]
		header := byte(0)
		if signal.Failures != column.failures {
			header |= headerFailures
			c.out = binary.AppendVarint(c.out, int64(signal.Failures))
			column.failures = signal.Failures
		}
		header |= c.addReading(2*i, &signal.Fast)
		header |= c.addReading(2*i+1, &signal.Stable) << stableShift
		c.changed[i] = header
	}
	if slices.Equal(c.changed, c.headers) {
		flags |= flagSameHeaders
		c.out = slices.Delete(c.out, headersAt, headersAt+len(c.headers))
	} else {
		copy(c.out[headersAt:], c.changed)
		copy(c.headers, c.changed)
	}
	c.out[start] = flags
}

func (c *columns) addReplicas(counts headroom.ReplicaCounts) byte {
	before, ready, starts := c.counts, c.ready, c.starts
	c.keep(counts)
	if c.counts == before && c.ready == ready && c.starts == starts {
		return 0
	}
	synced := byte(0)
	if counts.Synced {
		synced = 1
	}
	c.out = append(c.out, synced)
	for _, n := range [...]int{c.ready, c.starts, counts.Warming} {
		c.out = binary.AppendVarint(c.out, int64(n))
	}
	return flagReplicas
}

// reading is the column with a number, fast and stable of one signal after the other.
func (c *columns) reading(number int) *readingColumn { return &c.signals[number/2].readings[number%2] }

// expectedAge is the age of the reading of the row that it was like, or its own of the row before.
func (c *columns) expectedAge(number int) headroom.Duration {
	return c.reading(c.reading(number).like).age // which has this row's already, if it is another one
}

func (c *columns) addReading(number int, r *headroom.Reading) (header byte) {
	column := c.reading(number)
	shape := shapeOf(r)
	value := mainOf(r, shape)
	decimals := column.decimals
	if !exact(value, decimals) {
		decimals = decimalsOf(value)
	}
	share := uint64(0)
	if shape&hasShare != 0 {
		share = math.Float64bits(*r.PerReplica)
	}
	ownShare := shape&(hasTotal|hasShare|divided) == hasTotal|hasShare // a share of its own beside the total
	if shape != column.shape || decimals != column.decimals || r.Measured != column.counted[0] || r.Replicas != column.counted[1] ||
		r.Unknown != column.unknown || ownShare {
		header |= headerRest
		again := shape
		if r.Unknown != column.unknown && number > 0 && r.Unknown == c.reading(number-1).unknown {
			again |= sameText
		}
		c.out = append(c.out, byte(again), byte(decimals))
		c.out = binary.AppendVarint(c.out, int64(r.Measured))
		c.out = binary.AppendVarint(c.out, int64(r.Replicas))
		if ownShare {
			c.out = binary.LittleEndian.AppendUint64(c.out, share)
		}
		length := uint64(0) // of a new text, and one more
		if r.Unknown != column.unknown && again&sameText == 0 {
			length = uint64(len(r.Unknown)) + 1
		}
		c.out = binary.AppendUvarint(c.out, length)
		if length > 0 {
			c.out = append(c.out, r.Unknown...)
		}
		if decimals != column.decimals {
			column.units = 0
		}
		column.shape, column.decimals, column.counted = shape, decimals, [2]int{r.Measured, r.Replicas}
		if again&sameText != 0 {
			column.unknown = c.reading(number - 1).unknown
		} else if length > 0 {
			column.unknown = strings.Clone(r.Unknown)
		}
	}
	column.share = share
	if units := unitsOf(value, decimals); units != column.units {
		header |= headerValue
		if decimals == raw {
			c.out = binary.LittleEndian.AppendUint64(c.out, uint64(units))
		} else {
			c.out = binary.AppendVarint(c.out, units-column.units)
		}
		column.units = units
	}
	if expected := c.expectedAge(number); r.Age != expected {
		header |= headerAge
		c.out = appendDuration(c.out, r.Age-expected)
	}
	column.age = r.Age
	return header
}

func shapeOf(r *headroom.Reading) (s shape) {
	if r.Total != nil {
		s |= hasTotal
	}
	if r.PerReplica != nil {
		s |= hasShare
	}
	if s == hasTotal|hasShare && r.Measured > 0 && math.Float64bits(*r.PerReplica) == math.Float64bits(shareOf(*r.Total, r.Measured)) {
		s |= divided
	}
	return s
}

// shareOf is what signals say one replica has of a total.
func shareOf(total float64, measured int) float64 { return total / float64(measured) }

// mainOf is the value of a reading that is counted in units: the total, or what there is instead.
func mainOf(r *headroom.Reading, s shape) float64 {
	switch {
	case s&hasTotal != 0:
		return *r.Total
	case s&hasShare != 0:
		return *r.PerReplica
	default:
		return 0
	}
}

// powers are exact: 10^22 is the last that a float64 can be.
var powers = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9}

// exact reports whether a value is a decimal with so many digits after the point, and of less than 50 bits in all.
func exact(value float64, decimals int8) bool {
	if decimals == raw {
		return false // look for fewer bytes each time
	}
	units := math.Round(value * powers[decimals])
	return math.Abs(units) < 1<<50 && math.Float64bits(float64(int64(units))/powers[decimals]) == math.Float64bits(value)
}

func decimalsOf(value float64) int8 {
	for d := int8(0); d <= mostDecimals; d++ {
		if exact(value, d) {
			return d
		}
	}
	return raw
}

func unitsOf(value float64, decimals int8) int64 {
	if decimals == raw {
		return int64(math.Float64bits(value))
	}
	return int64(math.Round(value * powers[decimals]))
}

func valueOf(units int64, decimals int8) float64 {
	if decimals == raw {
		return math.Float64frombits(uint64(units))
	}
	return float64(units) / powers[decimals]
}

// appendDuration writes whole milliseconds in fewer bytes than others; the last bit says which.
func appendDuration(out []byte, d headroom.Duration) []byte {
	if d%headroom.Duration(time.Millisecond) == 0 {
		return binary.AppendVarint(out, int64(d/headroom.Duration(time.Millisecond))<<1)
	}
	return binary.AppendVarint(out, int64(d)<<1|1)
}

// numberOf splits an ID in its number, which sorts by time, and what is before it; false where it is not of that form.
func numberOf(id string) (micros int64, prefix string, ok bool) {
	cut := strings.LastIndex(id, "-d")
	if cut < 0 {
		return 0, "", false
	}
	prefix = id[:cut+2]
	micros, err := strconv.ParseInt(id[cut+2:], 36, 64)
	var again [16]byte
	return micros, prefix, err == nil && micros > 0 && string(strconv.AppendInt(again[:0], micros, 36)) == id[cut+2:]
}

// observed is what the row before was made of, as new memory.
func (c *columns) observed(first *headroom.Decision) headroom.Observation {
	obs := first.Observation
	obs.At = first.At.Add(time.Duration(c.at - first.At.UnixNano()))
	obs.Replicas = c.counts
	if ready := c.ready; ready >= 0 {
		obs.Replicas.Ready = &ready
	}
	if starting := c.starts; starting >= 0 {
		obs.Replicas.Starting = &starting
	}
	obs.Waiting = c.waiting
	obs.Signals = maps.Clone(first.Observation.Signals)
	for i, name := range c.names {
		column := &c.signals[i]
		signal := headroom.Signal{Metric: name, Failures: column.failures}
		signal.Fast, signal.Stable = column.readings[0].observed(), column.readings[1].observed()
		obs.Signals[name] = signal
	}
	return obs
}

func (c *readingColumn) observed() headroom.Reading {
	r := headroom.Reading{Age: c.age, Measured: c.counted[0], Replicas: c.counted[1], Unknown: c.unknown}
	value := valueOf(c.units, c.decimals)
	if c.shape&hasTotal != 0 {
		r.Total = &value
	}
	switch {
	case c.shape&divided != 0:
		share := shareOf(value, c.counted[0])
		r.PerReplica = &share
	case c.shape&hasTotal != 0 && c.shape&hasShare != 0:
		share := math.Float64frombits(c.share)
		r.PerReplica = &share
	case c.shape&hasShare != 0:
		r.PerReplica = &value
	}
	return r
}
