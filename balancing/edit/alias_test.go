package edit

import (
	"testing"

	"headroom.dev/headroom"
)

// CGI and WSGI read underscores as dashes: a client must not get past an edit by spelling a name that way.
func TestFieldsWithUnderscoresAreThoseWithDashes(t *testing.T) {
	f := NewFields(headroom.HeaderEdits{Remove: []string{"X-Internal-User"}, Set: map[string]string{"X_Odd-Name": "1"}})
	for name, want := range map[string]bool{
		"X_Internal_User": true, "x-internal_user": true, "X-Internal-User": true, "X.Internal.User": false,
		"X_Odd-Name": true, "x-odd_name": true, "XXOdd-Name": false,
	} {
		if f.Removes([]byte(name)) != want {
			t.Errorf("%s: removed %v, want %v", name, !want, want)
		}
	}
}
