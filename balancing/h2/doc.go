// Package h2 is HTTP/2 on the wire (RFC 9113), both sides, as a reverse proxy needs it.
//
// The form of a head in memory is HTTP/1.1 text: what comes by HTTP/2 is written out as "GET /p HTTP/1.1\r\nhost: a\r\n…" and goes
// through the strict parser of package h1 as everything else does, and what is sent by HTTP/2 is made from the same composed head. So
// there is one place that decides what a head means, and CR, LF and NUL cannot come through by a second door.
//
// A [Server] serves one accepted connection, a [Client] sends over one dialed connection, and both speak through [Stream], one
// exchange. The life of a server's stream is its handler's call. The life of a client's stream is from [Client.Open] to [Stream.Close].
// Streams are used again: nothing may touch one after its end.
//
// A head that is larger than the limits, or has more fields, is cut off: it then has no blank line or one field too many, and
// h1.Request.Parse with the same limits refuses it with 431, so that it is answered and logged as any other refusal. Everything that
// RFC 9113 calls malformed is reset here. CONNECT and TRACE come as heads, which the parser refuses with 501.
//
// Writes of all streams of a connection are gathered and written together by one goroutine; nothing is sent before [Stream.Flush],
// the end of a stream's use, a wait for the peer, or 64 KB.
package h2
