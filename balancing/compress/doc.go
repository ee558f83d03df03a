// Package compress decides which responses are compressed and with what, and compresses them piece by piece.
//
// What is compressed: a whole 200 response to another method than HEAD, of a media type that shrinks, that the backend sent plain and of at least
// MinSize bytes, as far as that is known, unless it says Cache-Control: no-transform. gRPC never is: its messages are compressed by
// themselves. Server-sent events are where the settings name text/event-stream, since a stream of events holds its encoder for as long as
// it is open; each event must be flushed.
//
// The levels are those where more time stops to buy much (docs/compression.md has the table): gzip 5, Brotli 5, zstd 3.
package compress
