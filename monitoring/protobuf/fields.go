// Package protobuf walks over messages of which a few fields are read, without generated code.
package protobuf

import "google.golang.org/protobuf/encoding/protowire"

// Field is what one field of a message holds: bytes, of texts and messages, or the bits of a number, varint or fixed.
type Field struct {
	Bytes []byte
	Bits  uint64
}

// Each calls with every field of a message, in their order; groups are passed over, with neither bytes nor bits. It ends with the first error, which is that the
// message is malformed where it is not of each. Bytes are part of the message.
func Each(message []byte, each func(protowire.Number, Field) error) error {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return protowire.ParseError(n)
		}
		message = message[n:]
		var field Field
		switch kind {
		case protowire.BytesType:
			field.Bytes, n = protowire.ConsumeBytes(message)
		case protowire.VarintType:
			field.Bits, n = protowire.ConsumeVarint(message)
		case protowire.Fixed64Type:
			field.Bits, n = protowire.ConsumeFixed64(message)
		case protowire.Fixed32Type:
			var bits uint32
			bits, n = protowire.ConsumeFixed32(message)
			field.Bits = uint64(bits)
		default:
			n = protowire.ConsumeFieldValue(number, kind, message)
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		message = message[n:]
		if err := each(number, field); err != nil {
			return err
		}
	}
	return nil
}
