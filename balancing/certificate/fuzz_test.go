package certificate

import "testing"

// FuzzPair holds that no content of files makes us panic, and that what is taken is whole.
func FuzzPair(f *testing.F) {
	a := newAuthority(f, "ca")
	certificate, key := a.issue(newKey(f), "shop.test")
	f.Add(certificate, key)
	f.Add(key, certificate)
	f.Add([]byte("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"), key)
	f.Fuzz(func(t *testing.T, certificate, key []byte) {
		made, index, err := parsePair(trimmed(certificate), trimmed(key), pairFiles{"a", "b"})
		switch {
		case err != nil && (made != nil || index < certificateFile || index > keyFile):
			t.Errorf("got %v, %d and %v", made, index, err)
		case err == nil && (made.Leaf == nil || made.PrivateKey == nil || len(subjects(made.Leaf)) == 0):
			t.Errorf("got %+v", made)
		}
	})
}
