// Package proxy is the engine of the balancer: it accepts connections, routes each request to a service, picks a backend, attempts it,
// and accounts for it.
//
// One goroutine owns a client connection and, while it serves a request, the backend's connection as well: it writes the request and reads
// the response itself, so a small request costs two reads and two writes, no hand-over and no allocation. Only a body that is too large to
// be held whole gets a goroutine of its own, which sends it while the response is awaited.
//
// Routes are an immutable snapshot that Apply swaps. Backends live on from one snapshot to the next, with their
// connections, counts and breakers.
package proxy
