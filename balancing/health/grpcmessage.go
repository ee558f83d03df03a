package health

import (
	"encoding/binary"
	"errors"
)

// The messages of grpc.health.v1 have one field each, so they are made and read by hand:
// https://protobuf.dev/programming-guides/encoding/

// grpcPrefix is the length of what stands before each message: a flag that tells whether it is compressed, and its length.
const grpcPrefix = 5

// checkRequest is a HealthCheckRequest, whose field 1 is the name of the service, with its prefix.
func checkRequest(service string) []byte {
	var message []byte
	if service != "" {
		message = binary.AppendUvarint([]byte{1<<3 | wireBytes}, uint64(len(service)))
		message = append(message, service...)
	}
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))), message...)
}

// The wire types of protocol buffers.
const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
	wireFixed32 = 5
)

var errResponse = errors.New("answer is not one HealthCheckResponse")

// parseCheckResponse reads a HealthCheckResponse with its prefix: field 1 is the status, of which the last one holds. Fields that are not
// known are passed over.
func parseCheckResponse(body []byte) (status uint64, err error) {
	if len(body) < grpcPrefix || body[0] != 0 || uint64(binary.BigEndian.Uint32(body[1:])) != uint64(len(body)-grpcPrefix) {
		return 0, errResponse
	}
	for rest := body[grpcPrefix:]; len(rest) > 0; {
		tag, n := binary.Uvarint(rest)
		if n <= 0 {
			return 0, errResponse
		}
		rest = rest[n:]
		value, size, ok := field(tag&7, rest)
		if !ok {
			return 0, errResponse
		}
		if tag == 1<<3|wireVarint {
			status = value
		}
		rest = rest[size:]
	}
	return status, nil
}

// field is the length of a field's value, and the value itself if that is a varint.
func field(wire uint64, b []byte) (value uint64, size int, ok bool) {
	switch wire {
	case wireVarint:
		value, size = binary.Uvarint(b)
		return value, size, size > 0
	case wireFixed64:
		return 0, 8, len(b) >= 8
	case wireFixed32:
		return 0, 4, len(b) >= 4
	case wireBytes:
		length, n := binary.Uvarint(b)
		if n <= 0 || length > uint64(len(b)-n) {
			return 0, 0, false
		}
		return 0, n + int(length), true
	}
	return 0, 0, false
}
