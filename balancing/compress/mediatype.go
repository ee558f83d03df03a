package compress

import (
	"bytes"
	"strings"
)

// mediaTypes are the media types that are compressed.
type mediaTypes struct {
	whole    map[string]bool // application/json
	kinds    map[string]bool // text, of text/*
	suffixes bool            // everything that ends in +json or +xml
}

// maxType is longer than any registered media type (application/vnd.openxmlformats-officedocument.… is 80).
const maxType = 128

// standardTypes are those where nothing is named: text, and what is text by another name. Pictures, films, fonts and archives are compressed
// by themselves.
func standardTypes() mediaTypes {
	t := newMediaTypes([]string{"text/*", "application/json", "application/javascript", "application/x-javascript", "application/ecmascript",
		"application/xml", "application/wasm", "application/x-ndjson", "application/x-www-form-urlencoded", "image/svg+xml"})
	t.suffixes = true
	return t
}

func newMediaTypes(names []string) mediaTypes {
	if len(names) == 0 {
		return standardTypes()
	}
	t := mediaTypes{whole: map[string]bool{}, kinds: map[string]bool{}}
	for _, name := range names {
		name = strings.ToLower(name)
		if kind, ok := strings.CutSuffix(name, "/*"); ok {
			t.kinds[kind] = true
			continue
		}
		t.whole[name] = true
	}
	return t
}

// fit reports whether the type in a Content-Type is one of these.
func (t mediaTypes) fit(contentType []byte) bool {
	name, _, _ := bytes.Cut(contentType, []byte(";"))
	name = trim(name)
	if len(name) > maxType {
		return false
	}
	var room [maxType]byte
	lower := room[:len(name)]
	for i, c := range name {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		lower[i] = c
	}
	if bytes.HasPrefix(lower, []byte("application/grpc")) {
		return false
	}
	if t.whole[string(lower)] {
		return true
	}
	if string(lower) == "text/event-stream" {
		return false
	}
	kind, _, ok := bytes.Cut(lower, []byte("/"))
	if ok && t.kinds[string(kind)] {
		return true
	}
	return t.suffixes && (bytes.HasSuffix(lower, []byte("+json")) || bytes.HasSuffix(lower, []byte("+xml")))
}
