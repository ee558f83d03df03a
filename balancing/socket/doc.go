// Package socket is a TCP connection that costs a proxy fewer system calls than [net.TCPConn] does.
//
// Go's poller is edge-triggered: it wakes a reader once for all that came, and a reader has to read until nothing is left before it
// may wait again. [net.TCPConn] forgets what the poller said at the beginning of each Read, so each Read that has to wait costs two
// system calls: one that finds nothing, and after the wait one that finds something. A proxy of small requests makes four reads a
// request that way where two are enough. This package leaves out those that find nothing, where it is certain what they would find:
//
//   - [Conn.Ask] sends a request and waits for the answer. The read that finds nothing is made before the request is sent, where it
//     also shows whether the connection is still good.
//   - [Conn.Attend] waits for requests and never forgets what the poller said between two of them. While it waits there is no
//     buffer, and next to no stack.
//
// A [Listener] tells the poller nothing of the connections that it accepts. Only when something has to be waited for the first time does it
// learn of one; a connection whose one request is there and which ends with the answer costs neither that, nor what [net.TCPConn]
// allocates, nor the closing by the standard library, which wakes the runtime's monitor: a thread that then looks around each 20 µs.
//
// A [Splicer] moves bytes from one connection to another, of which neither needs a second descriptor for it nor a pipe while it waits.
//
// Other system calls are made without telling Go's scheduler, since the socket does not block: that saves some 50 ns each, and on a busy machine
// the scheduler does not take the processor away from a call that takes longer than 20 µs, as it else does.
package socket
