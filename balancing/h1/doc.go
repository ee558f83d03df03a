// Package h1 is HTTP/1.1 on the wire, as a reverse proxy needs it: a strict parser for request and response heads, readers for
// the three kinds of body, and writers that build every head anew from what was understood.
//
// It follows RFC 9110 and RFC 9112 and, where they let a recipient be lenient, refuses instead: two programs that read the same bytes
// differently are how requests are smuggled, so whatever could be read in two ways is an [Error] and the connection ends. Nothing
// received is ever passed through raw.
//
// Parsed heads are offsets into the caller's buffer: no maps, no strings, no allocation once the slices of a reused [Request]
// or [Response] have grown. The package has no state of its own and starts no goroutines; its types are for one goroutine at a time.
package h1
