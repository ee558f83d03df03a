package proxy

import (
	"fmt"
	"mime"
	"os"
	"path/filepath"
	"strconv"

	"headroom.dev/headroom"
)

// page is what a user wants sent in place of an error answer of ours.
type page struct {
	contentType string
	body        []byte
}

// pages are those of a service, by status, or by its class: 5 is 5xx.
type pages map[int]page

// find returns the page of a status, else that of its class.
func (p pages) find(status int) (page, bool) {
	if found, ok := p[status]; ok {
		return found, true
	}
	found, ok := p[status/100]
	return found, ok
}

// largestPage bounds the memory that a wrong path could cost.
const largestPage = 1 << 20

// readPages reads the files of a service's error pages.
func readPages(service string, files map[string]string) (pages, error) {
	if len(files) == 0 {
		return nil, nil
	}
	read := pages{}
	for key, path := range files {
		field := "services." + service + ".loadBalancing.errorPages." + key
		status, err := strconv.Atoi(key)
		if len(key) == 3 && key[1:] == "xx" {
			status, err = int(key[0]-'0'), nil
		}
		if err != nil {
			return nil, &headroom.InvalidError{Field: field, Value: key, Expected: `expected a status, such as 503, or a class, 4xx or 5xx`}
		}
		body, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", field, err)
		}
		if len(body) > largestPage {
			return nil, &headroom.InvalidError{Field: field, Value: path, Expected: fmt.Sprintf("expected a file of at most 1 MiB; it has %d bytes", len(body))}
		}
		kind := mime.TypeByExtension(filepath.Ext(path))
		if kind == "" {
			kind = "text/html; charset=utf-8"
		}
		read[status] = page{contentType: kind, body: body}
	}
	return read, nil
}
