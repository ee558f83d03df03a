package headroom

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Validate says which limits would let nothing through or bound nothing. A head of 4 KiB holds what browsers send with some cookies; 1 MiB
// for each connection is the most that one client should make the balancer keep.
func (l Limits) Validate(path string) []error {
	const least, most = Bytes(4 << 10), Bytes(1 << 20)
	found := &findings{}
	if l.Header < least || l.Header > most {
		found.add(&InvalidError{Field: path + ".header", Value: strconv.Quote(l.Header.String()),
			Expected: fmt.Sprintf(`must be from %s to %s, such as "64KiB"`, least, most)})
	}
	found.add(checkTags(path, l)...)
	return found.errors
}

// Validate says what is wrong with how responses are compressed.
func (c Compression) Validate(path string) []error {
	found := &findings{}
	seen := map[string]bool{}
	for i, algorithm := range c.Algorithms {
		at := fmt.Sprintf("%s.algorithms[%d]", path, i)
		if err := checkEnum(at, "zstd,br,gzip", algorithm); err != nil {
			found.add(err)
			continue
		}
		if seen[algorithm] {
			found.add(&InvalidError{Field: at, Value: strconv.Quote(algorithm), Expected: "is given twice"})
		}
		seen[algorithm] = true
	}
	for i, mediaType := range c.Types {
		kind, subtype, ok := strings.Cut(mediaType, "/")
		if !ok || !isToken(kind) || !isToken(subtype) || strings.Contains(kind, "*") {
			found.add(&InvalidError{Field: fmt.Sprintf("%s.types[%d]", path, i), Value: strconv.Quote(mediaType),
				Expected: `must be a media type without parameters, such as "application/json", or all of a kind, such as "text/*"`})
		}
	}
	return found.errors
}

// answered are the statuses that headroom answers with itself, so that a page for them can be given.
const answered = "400, 404, 408, 413, 414, 417, 421, 431, 500, 501, 502, 503, 504, 505"

func validateErrorPages(path string, pages map[string]string) []error {
	found := &findings{}
	for _, status := range slices.Sorted(maps.Keys(pages)) {
		at := joinPath(path, status)
		if status != "4xx" && status != "5xx" && !slices.Contains(strings.Split(answered, ", "), status) {
			found.add(&InvalidError{Field: at, Value: strconv.Quote(status),
				Expected: "must be 4xx, 5xx or one of the statuses that headroom answers with itself: " + answered})
		}
		if strings.TrimSpace(pages[status]) == "" {
			found.add(&InvalidError{Field: at, Expected: `must name a file, such as "/srv/busy.html"`})
		}
	}
	return found.errors
}

func validateTrustedProxies(path string, networks []string) []error {
	found := &findings{}
	for i, network := range networks {
		_, errNetwork := netip.ParsePrefix(network)
		address, errAddress := netip.ParseAddr(network)
		if errNetwork != nil && (errAddress != nil || address.Zone() != "") {
			found.add(&InvalidError{Field: fmt.Sprintf("%s[%d]", path, i), Value: strconv.Quote(network),
				Expected: `must be an address or a network, such as "10.0.0.0/8" or "::1"`})
		}
	}
	return found.errors
}
