package protobuf

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

func TestEachFieldComesWithWhatItHolds(t *testing.T) {
	t.Parallel()
	message := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), "orders")
	message = protowire.AppendVarint(protowire.AppendTag(message, 2, protowire.VarintType), 300)
	message = protowire.AppendTag(protowire.AppendTag(message, 9, protowire.StartGroupType), 9, protowire.EndGroupType)
	message = protowire.AppendFixed64(protowire.AppendTag(message, 3, protowire.Fixed64Type), 1<<40)
	message = protowire.AppendFixed32(protowire.AppendTag(message, 2, protowire.Fixed32Type), 7)
	var got strings.Builder
	err := Each(message, func(number protowire.Number, field Field) error {
		fmt.Fprintf(&got, "%d %q %d, ", number, field.Bytes, field.Bits)
		return nil
	})
	if want := `1 "orders" 0, 2 "" 300, 9 "" 0, 3 "" 1099511627776, 2 "" 7, `; err != nil || got.String() != want {
		t.Errorf("%s, %v; want %s", got.String(), err, want)
	}
}

func TestEachEndsWithTheFirstError(t *testing.T) {
	t.Parallel()
	enough := errors.New("enough")
	calls := 0
	err := Each([]byte{8, 1, 8, 2}, func(protowire.Number, Field) error { calls++; return enough })
	if !errors.Is(err, enough) || calls != 1 {
		t.Errorf("%v after %d calls, want the error after one", err, calls)
	}
}

func FuzzEachTakesAnyBytes(f *testing.F) {
	f.Add([]byte{10, 200, 1})
	f.Add([]byte{8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1})
	f.Add([]byte{75, 76, 13, 1, 2})
	f.Fuzz(func(t *testing.T, message []byte) {
		held := 0
		err := Each(message, func(_ protowire.Number, field Field) error {
			held += len(field.Bytes)
			return nil
		})
		if held > len(message) {
			t.Errorf("%d bytes are in fields of a message of %d, %v", held, len(message), err)
		}
	})
}
