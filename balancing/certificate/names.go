package certificate

import "strings"

// names finds values by host names, exact ones and those whose first label is a star, which stands for exactly one label
// (RFC 6125 §6.4.3).
type names[T any] struct {
	exact    map[string][]T
	wildcard map[string][]T // by what follows the star: ".example.com"
}

func newNames[T any]() names[T] { return names[T]{map[string][]T{}, map[string][]T{}} }

// add adds a value for a name, after those that it has.
func (n names[T]) add(name string, value T) {
	name = normal(name)
	if suffix, ok := strings.CutPrefix(name, "*"); ok {
		n.wildcard[suffix] = append(n.wildcard[suffix], value)
		return
	}
	n.exact[name] = append(n.exact[name], value)
}

// find returns the values of the most specific name that fits, in the order in which they were added. It does not allocate for names
// in lower case.
func (n names[T]) find(host string) []T {
	host = normal(host)
	if values := n.exact[host]; len(values) > 0 {
		return values
	}
	dot := strings.IndexByte(host, '.')
	if dot <= 0 {
		return nil
	}
	return n.wildcard[host[dot:]]
}

// normal is a name as names are compared: names in the DNS have no case, and a dot at the end says only that they are complete.
func normal(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }
