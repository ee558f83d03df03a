package scaling

import (
	"fmt"
	"time"

	"headroom.dev/headroom"
)

// cause is why a value is not known. It is written out only where someone reads it: most services do not measure everything, and decide each second.
type cause struct {
	kind               causeKind
	metric             headroom.Metric
	text               string
	age                time.Duration
	value              float64
	measured, replicas int
}

type causeKind int

const (
	neverMeasured causeKind = iota
	unknownValue
	staleValue
	impossibleValue
	impossibleCounts
)

func (c cause) String() string {
	switch c.kind {
	case neverMeasured:
		return fmt.Sprintf("%s has not been measured", c.metric)
	case staleValue:
		return fmt.Sprintf("%s is not known: its newest sample is %s old", c.metric, span(c.age))
	case impossibleValue:
		return fmt.Sprintf("%s is not known: it was read as %v", c.metric, c.value)
	case impossibleCounts:
		return fmt.Sprintf("%s is not known: it was read from %d of %d replicas", c.metric, c.measured, c.replicas)
	default:
		if c.text == "" {
			return fmt.Sprintf("%s is not known", c.metric)
		}
		return fmt.Sprintf("%s is not known: %s", c.metric, c.text)
	}
}

func unknown(c cause) measured { return measured{cause: c} }

// why says why a value is not known, where sentences are wanted.
func (s *situation) why(m measured) string {
	if s.quiet {
		return ""
	}
	return m.cause.String()
}
