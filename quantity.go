package headroom

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Bytes is an amount of memory or disk. Users write "512MiB", "2GiB", "500MB" or a plain number of bytes.
type Bytes int64

var byteUnits = []struct {
	suffix string
	factor float64
}{
	// Longest suffix first, so that "MiB" is not read as "B". Kubernetes' short forms (Mi, M) are accepted as well.
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"Ki", 1 << 10}, {"Mi", 1 << 20}, {"Gi", 1 << 30}, {"Ti", 1 << 40},
	{"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12},
	{"k", 1e3}, {"M", 1e6}, {"G", 1e9}, {"T", 1e12}, {"B", 1},
}

// String writes the largest binary unit that divides the amount, or plain bytes.
func (b Bytes) String() string {
	for _, unit := range []struct {
		suffix string
		factor Bytes
	}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if b >= unit.factor && b%unit.factor == 0 {
			return strconv.FormatInt(int64(b/unit.factor), 10) + unit.suffix
		}
	}
	return strconv.FormatInt(int64(b), 10)
}

// MarshalText implements encoding.TextMarshaler.
func (b Bytes) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// UnmarshalText reads "512MiB", "500MB" or a number of bytes.
func (b *Bytes) UnmarshalText(text []byte) error {
	number, factor := strings.TrimSpace(string(text)), 1.0
	for _, unit := range byteUnits {
		if rest, ok := strings.CutSuffix(number, unit.suffix); ok {
			number, factor = strings.TrimSpace(rest), unit.factor
			break
		}
	}
	value, err := strconv.ParseFloat(number, 64)
	if err != nil || math.IsNaN(value) || value < 0 || value*factor > math.MaxInt64/2 {
		return fmt.Errorf(`%q is not a size: write a number with a unit, such as "512MiB" or "2GiB"`, text)
	}
	*b = Bytes(math.Round(value * factor))
	return nil
}

// CPU is a share of processor time in thousandths of a core (millicores). Users write "500m" for half a core, "2" or
// "1.5" for whole cores, as on Kubernetes.
type CPU int64

// Cores returns the share in cores.
func (c CPU) Cores() float64 { return float64(c) / 1000 }

// String writes whole cores as "2" and the rest as millicores, "1500m".
func (c CPU) String() string {
	if c%1000 == 0 {
		return strconv.FormatInt(int64(c/1000), 10)
	}
	return strconv.FormatInt(int64(c), 10) + "m"
}

// MarshalText implements encoding.TextMarshaler.
func (c CPU) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads "500m", "2" or "1.5".
func (c *CPU) UnmarshalText(text []byte) error {
	number, factor := string(text), 1000.0
	if rest, ok := strings.CutSuffix(number, "m"); ok {
		number, factor = rest, 1
	}
	value, err := strconv.ParseFloat(number, 64)
	if err != nil || math.IsNaN(value) || value < 0 || value*factor > 1e9 {
		return fmt.Errorf(`%q is not a processor share: write cores such as "2" or "0.5", or millicores such as "500m"`, text)
	}
	*c = CPU(math.Round(value * factor))
	return nil
}

// PortRange is a range of TCP ports, both ends included, written "20000-29999".
type PortRange struct{ First, Last int }

// String writes the range as users do.
func (p PortRange) String() string { return fmt.Sprintf("%d-%d", p.First, p.Last) }

// MarshalText implements encoding.TextMarshaler.
func (p PortRange) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads "20000-29999".
func (p *PortRange) UnmarshalText(text []byte) error {
	first, last, found := strings.Cut(string(text), "-")
	a, errA := strconv.Atoi(strings.TrimSpace(first))
	b, errB := strconv.Atoi(strings.TrimSpace(last))
	if !found || errA != nil || errB != nil || a < 1 || b > 65535 || a > b {
		return fmt.Errorf(`%q is not a port range: write two ports of 1 to 65535, the lower first, such as "20000-29999"`, text)
	}
	*p = PortRange{First: a, Last: b}
	return nil
}
