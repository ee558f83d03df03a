package link

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"headroom.dev/headroom"
)

// Step is how far a handover from one process to its successor has come.
type Step string

// The steps of a handover, in their order. A successor that fails ends instead, at any step before Serving.
const (
	Prepared Step = "prepared" // successor: its configuration is valid and its addresses are open
	Released Step = "released" // predecessor: locks and state are free; it still takes the traffic
	Serving  Step = "serving"  // successor: it has locks and state, and takes traffic
)

// Message is what the two processes of a handover tell each other. One of its parts is set.
type Message struct {
	Step Step `json:"step,omitempty"`
	// Version and StateDir are the successor's, with Prepared.
	Version  string `json:"version,omitempty"`
	StateDir string `json:"stateDir,omitempty"`
	Failure  string `json:"failure,omitempty"` // of the successor, which ends
	// Endpoints are for a predecessor that drains: requests on its old connections need backends too.
	Endpoints *headroom.Endpoints `json:"endpoints,omitempty"`
	// Measurement is what a predecessor that drains still serves.
	Measurement *headroom.Measurement `json:"measurement,omitempty"`
}

// Handover is the connection between a process and its successor. It lasts until the predecessor has drained.
type Handover struct {
	// Messages are what the other one says; closed when it has ended.
	Messages <-chan Message

	conn net.Conn
	mu   sync.Mutex // guards writing
}

func newHandover(file *os.File) (*Handover, error) {
	defer file.Close()
	conn, err := net.FileConn(file)
	if err != nil {
		return nil, err
	}
	messages := make(chan Message, 16)
	go func() {
		defer close(messages)
		decoder := json.NewDecoder(conn)
		for {
			var message Message
			if decoder.Decode(&message) != nil {
				return
			}
			messages <- message
		}
	}()
	return &Handover{Messages: messages, conn: conn}, nil
}

// sendLimit bounds how long the other process may take to read. It has nothing else to do with the connection.
const sendLimit = 5 * time.Second

// Send tells the other process something. After an error it is of no use any more.
func (h *Handover) Send(message Message) error {
	line, err := json.Marshal(message)
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	_ = h.conn.SetWriteDeadline(time.Now().Add(sendLimit))
	if _, err := h.conn.Write(append(line, '\n')); err != nil {
		h.conn.Close() // perhaps in the middle of a line
		return err
	}
	return nil
}

// Leave tells the other process that this one says no more: a predecessor ends soon. It may still speak.
func (h *Handover) Leave() {
	if conn, ok := h.conn.(*net.UnixConn); ok {
		_ = conn.CloseWrite() // where that fails, the other one has ended
	}
}

// Close ends the connection; the messages end.
func (h *Handover) Close() {
	h.conn.Close()
	for range h.Messages {
	}
}

// The variables by which a process is told what it was started with.
const (
	handoverVariable = "HEADROOM_HANDOVER" // number of listening sockets, from firstSocket on
	systemdPID       = "LISTEN_PID"
	systemdSockets   = "LISTEN_FDS" // from firstSystemd on, see sd_listen_fds(3)
	systemdNames     = "LISTEN_FDNAMES"
)

func variables() []string {
	return []string{handoverVariable, systemdPID, systemdSockets, systemdNames}
}

// Environment leaves out of an environment what is for one process alone, which Inherited has taken.
func Environment(all []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return slices.Contains(variables(), name)
	})
}

// The descriptors of a successor.
const (
	handoverFile = 3
	keeperFile   = 4
	firstSocket  = 5
	firstSystemd = 3
)

// Inheritance is what a process was started with.
type Inheritance struct {
	Sockets *Sockets
	// Handover leads to the process that this one takes over from; nil where it was started by anyone else.
	Handover *Handover
	// Keeper gets the process id of each successor, see Successor; nil where Handover is.
	Keeper *os.File
}

// Inherited takes what this process was started with, once, and hides it from the programs that it starts.
func Inherited() (Inheritance, error) {
	handed, pid, given := os.Getenv(handoverVariable), os.Getenv(systemdPID), os.Getenv(systemdSockets)
	for _, name := range variables() {
		os.Unsetenv(name)
	}
	switch {
	case handed != "":
		return fromPredecessor(handed)
	case given != "" && pid == strconv.Itoa(os.Getpid()):
		count, err := strconv.Atoi(given)
		if err != nil || count < 0 {
			return Inheritance{}, fmt.Errorf("%s is %q: expected the number of sockets, as systemd sets it", systemdSockets, given)
		}
		sockets, err := Inherit(firstSystemd, count)
		return Inheritance{Sockets: sockets}, err
	default:
		return Inheritance{Sockets: &Sockets{}}, nil
	}
}

func fromPredecessor(handed string) (Inheritance, error) {
	count, err := strconv.Atoi(handed)
	if err != nil || count < 0 {
		return Inheritance{}, fmt.Errorf("%s is %q: expected the number of sockets; do not set it, headroom upgrade does", handoverVariable, handed)
	}
	unix.CloseOnExec(handoverFile)
	unix.CloseOnExec(keeperFile)
	handover, err := newHandover(os.NewFile(handoverFile, "handover"))
	if err != nil {
		return Inheritance{}, fmt.Errorf("take over from another headroom: %w", err)
	}
	sockets, err := Inherit(firstSocket, count)
	return Inheritance{Sockets: sockets, Handover: handover, Keeper: os.NewFile(keeperFile, "keeper")}, err
}
