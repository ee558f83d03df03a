package h2

import "encoding/binary"

// preface is what a client sends first (RFC 9113 section 3.4).
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// frameType is the type of a frame (RFC 9113 section 6).
type frameType uint8

const (
	frameData         frameType = 0x0
	frameHeaders      frameType = 0x1
	framePriority     frameType = 0x2
	frameRSTStream    frameType = 0x3
	frameSettings     frameType = 0x4
	framePushPromise  frameType = 0x5
	framePing         frameType = 0x6
	frameGoAway       frameType = 0x7
	frameWindowUpdate frameType = 0x8
	frameContinuation frameType = 0x9
)

const (
	flagEndStream  = 0x01 // DATA, HEADERS
	flagAck        = 0x01 // SETTINGS, PING
	flagEndHeaders = 0x04 // HEADERS, CONTINUATION
	flagPadded     = 0x08 // DATA, HEADERS
	flagPriority   = 0x20 // HEADERS
)

const (
	frameHead = 9
	// maxFrame is the most payload of one frame, both ways: the least that SETTINGS_MAX_FRAME_SIZE may be, and its default. Larger
	// ones save little and let one stream hold up the others.
	maxFrame = 16384
	// maxStreamID is the last number that a stream can have (RFC 9113 section 5.1.1).
	maxStreamID = 1<<31 - 1
	// maxWindow is the most that a flow-control window may reach (RFC 9113 section 6.9.1).
	maxWindow = 1<<31 - 1
	// startWindow is every window before SETTINGS and WINDOW_UPDATE (RFC 9113 section 6.9.2).
	startWindow = 65535
)

// frame is the header of a frame.
type frame struct {
	length int
	stream uint32
	kind   frameType
	flags  uint8
}

// parseFrame reads the header from at least frameHead bytes.
func parseFrame(b []byte) frame {
	_ = b[frameHead-1]
	return frame{
		length: int(b[0])<<16 | int(b[1])<<8 | int(b[2]),
		kind:   frameType(b[3]),
		flags:  b[4],
		stream: binary.BigEndian.Uint32(b[5:]) & maxStreamID,
	}
}

func appendFrame(dst []byte, kind frameType, flags uint8, stream uint32, length int) []byte {
	dst = append(dst, byte(length>>16), byte(length>>8), byte(length), byte(kind), flags)
	return binary.BigEndian.AppendUint32(dst, stream)
}

// putLength corrects the length in the header of a frame that has been written already.
func putLength(header []byte, length int) {
	header[0], header[1], header[2] = byte(length>>16), byte(length>>8), byte(length)
}

func appendReset(dst []byte, stream uint32, code ErrorCode) []byte {
	dst = appendFrame(dst, frameRSTStream, 0, stream, 4)
	return binary.BigEndian.AppendUint32(dst, uint32(code))
}

func appendWindowUpdate(dst []byte, stream uint32, increment int) []byte {
	dst = appendFrame(dst, frameWindowUpdate, 0, stream, 4)
	return binary.BigEndian.AppendUint32(dst, uint32(increment))
}

func appendPing(dst []byte, flags uint8, payload uint64) []byte {
	dst = appendFrame(dst, framePing, flags, 0, 8)
	return binary.BigEndian.AppendUint64(dst, payload)
}

func appendGoAway(dst []byte, last uint32, code ErrorCode, reason string) []byte {
	dst = appendFrame(dst, frameGoAway, 0, 0, 8+len(reason))
	dst = binary.BigEndian.AppendUint32(dst, last)
	dst = binary.BigEndian.AppendUint32(dst, uint32(code))
	return append(dst, reason...)
}

// unpad takes the padding off a payload of DATA or HEADERS; false if there is more padding than payload (RFC 9113 section 6.1).
func unpad(f frame, payload []byte) ([]byte, bool) {
	if f.flags&flagPadded == 0 {
		return payload, true
	}
	if len(payload) == 0 || int(payload[0]) >= len(payload) {
		return nil, false
	}
	return payload[1 : len(payload)-int(payload[0])], true
}
