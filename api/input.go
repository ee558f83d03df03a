package api

import (
	"encoding/json"
	"reflect"
)

// input is a body that is read as the config is: what is left out gets the default of the config. It is described as a T of which nothing is required;
// what is missing nevertheless is said when it is read.
type input[T any] struct{ text json.RawMessage }

// UnmarshalJSON keeps the body for read.
func (in *input[T]) UnmarshalJSON(text []byte) error {
	in.text = append(json.RawMessage(nil), text...)
	return nil
}

func (input[T]) describes() reflect.Type { return reflect.TypeFor[T]() }

// read sets a T from the body.
func (in input[T]) read(s *server) (T, error) {
	var value T
	err := s.read("body", "body", in.text, &value)
	return value, err
}
