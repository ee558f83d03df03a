package headroom

import "encoding/json"

// PolicyMemory is what one policy remembers from one decision to the next. Its form is the policy's own business: in memory it is a value that nobody
// changes any more, in a record it is JSON, which is read when it is asked for.
type PolicyMemory struct {
	value any
	text  json.RawMessage
}

// Remember wraps a value; it must not be changed afterwards.
func Remember(value any) PolicyMemory { return PolicyMemory{value: value} }

// Recall returns what was remembered; the zero value where there is nothing, or something of another form.
func Recall[T any](m PolicyMemory) T {
	if value, ok := m.value.(T); ok {
		return value
	}
	var value T
	if len(m.text) > 0 && json.Unmarshal(m.text, &value) != nil {
		var none T
		return none
	}
	return value
}

// MarshalJSON implements json.Marshaler.
func (m PolicyMemory) MarshalJSON() ([]byte, error) {
	if m.value == nil && len(m.text) > 0 {
		return m.text, nil
	}
	return json.Marshal(m.value)
}

// UnmarshalJSON implements json.Unmarshaler.
func (m *PolicyMemory) UnmarshalJSON(text []byte) error {
	*m = PolicyMemory{text: append(json.RawMessage(nil), text...)}
	return nil
}
