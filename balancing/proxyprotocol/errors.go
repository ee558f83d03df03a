package proxyprotocol

import (
	"errors"
	"fmt"
)

// ErrIncomplete says that the bytes given so far are fine but end before the header does. Parse again with more of them.
var ErrIncomplete = errors.New("proxyprotocol: header is incomplete")

// Error is a header that was refused. Nothing after it can be trusted, so the connection ends.
type Error struct {
	Reason string // what came, and what was expected
}

// Error gives the reason in one line.
func (e *Error) Error() string { return "proxyprotocol: " + e.Reason }

func refuse(format string, args ...any) *Error { return &Error{Reason: fmt.Sprintf(format, args...)} }
