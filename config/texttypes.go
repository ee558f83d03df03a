package config

import (
	"reflect"
	"regexp"

	"headroom.dev/headroom"
)

// The written forms of the types that are text with a meaning. The JSON Schema carries them, and the binder holds
// values to them as well, so that an editor and headroom never disagree.
var (
	durationPattern  = regexp.MustCompile(`^([0-9]+d|0|\+?(([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)$`)
	bytesPattern     = regexp.MustCompile(`^\s*([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?\s*(KiB|MiB|GiB|TiB|Ki|Mi|Gi|Ti|kB|KB|MB|GB|TB|k|M|G|T|B)?$`)
	cpuPattern       = regexp.MustCompile(`^([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?m?$`)
	moneyPattern     = regexp.MustCompile(`^\s*([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?\s+[A-Z]{3}\s*$`)
	portRangePattern = regexp.MustCompile(`^\s*\+?[0-9]+\s*-\s*\+?[0-9]+\s*$`)
)

func patternOf(t reflect.Type) *regexp.Regexp {
	switch t {
	case reflect.TypeFor[headroom.Duration]():
		return durationPattern
	case reflect.TypeFor[headroom.Bytes]():
		return bytesPattern
	case reflect.TypeFor[headroom.CPU]():
		return cpuPattern
	case reflect.TypeFor[headroom.Money]():
		return moneyPattern
	case reflect.TypeFor[headroom.PortRange]():
		return portRangePattern
	default:
		return nil
	}
}

// takesNumber tells whether a bare number has a meaning for the type: bytes, cores; of a duration only 0.
func takesNumber(t reflect.Type) (takes, onlyZero bool) {
	switch t {
	case reflect.TypeFor[headroom.Bytes](), reflect.TypeFor[headroom.CPU]():
		return true, false
	case reflect.TypeFor[headroom.Duration]():
		return true, true
	default:
		return false, false
	}
}
