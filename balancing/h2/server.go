package h2

import "net"

// Server is the server's side of one connection.
type Server struct{}

// NewServer makes the server's side of a connection whose client has chosen HTTP/2, by ALPN or by prior knowledge. The preface is
// unread, but for options.Early.
func NewServer(conn net.Conn, options ServerOptions) *Server { return &Server{} }

// Serve reads until the connection ends and closes it. handle is called for each request on a goroutine of its own; when it returns,
// a response that it has not ended is reset. Serve returns after every handle has returned: nil if the connection ended in order.
func (s *Server) Serve(handle func(*Stream)) error { return ErrClosed }

// Shutdown ends the connection gracefully: no new streams soon, and the connection ends with the last stream. Safe from other goroutines.
func (s *Server) Shutdown() {}

// Close ends the connection at once. Safe from other goroutines.
func (s *Server) Close() {}

// Streams is how many requests are open now, in the sense of ServerOptions.MaxStreams.
func (s *Server) Streams() int { return 0 }
