// Package discover finds the backends that names stand for, in DNS, and finds them again as long as they are wanted.
package discover

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"

	"headroom.dev/headroom"
)

// lookup asks DNS once for what a backend's name stands for, in the order of the addresses; none and no error is that the name, or every target of
// its SRV records, has no address. Go's own resolver is asked, which repeats over TCP what was truncated (RFC 7766).
func lookup(ctx context.Context, backend headroom.StaticBackend) ([]headroom.Resolved, error) {
	resolver := &net.Resolver{PreferGo: true, StrictErrors: true}
	if server := backend.DNS.Resolver; server != "" {
		resolver.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, server)
		}
	}
	name, port, srv := backend.Lookup()
	if !srv {
		return addresses(ctx, resolver, name, port)
	}
	_, records, err := resolver.LookupSRV(ctx, "", "", name)
	if err != nil && !isNotFound(err) {
		return nil, err
	}
	var all []headroom.Resolved
	for _, record := range records {
		if record.Target == "." {
			continue // the service is decidedly not there (RFC 2782)
		}
		found, err := addresses(ctx, resolver, record.Target, fmt.Sprint(record.Port))
		if err != nil {
			return nil, err
		}
		for _, one := range found {
			one.Weight, one.Priority = int(record.Weight), int(record.Priority)
			all = append(all, one)
		}
	}
	return headroom.FromSRV(all), nil
}

// addresses are those of a host, A and AAAA. Where one of the two cannot be asked for, the answer is not known: half of it would take the rest away.
func addresses(ctx context.Context, resolver *net.Resolver, host, port string) ([]headroom.Resolved, error) {
	var all []headroom.Resolved
	for _, network := range []string{"ip4", "ip6"} {
		found, err := resolver.LookupNetIP(ctx, network, host)
		if err != nil && !isNotFound(err) {
			return nil, err
		}
		for _, address := range found {
			all = append(all, headroom.Resolved{Address: net.JoinHostPort(address.Unmap().String(), port)})
		}
	}
	slices.SortFunc(all, func(a, b headroom.Resolved) int { return cmp.Compare(a.Address, b.Address) })
	return slices.Compact(all), nil
}

func isNotFound(err error) bool {
	var failure *net.DNSError
	return errors.As(err, &failure) && failure.IsNotFound
}
