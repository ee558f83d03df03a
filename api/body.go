package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

const (
	// maxBody is far above any body of this API (a policy has 200 bytes).
	maxBody = 1 << 20
	// bodyTimeout bounds how long a client may take to send its body: 1 MiB at 1 Mbit/s takes 8 s.
	bodyTimeout = 10 * time.Second
)

// boundBody bounds the time that a body may take, also one that nobody reads: net/http reads the rest of it before it
// answers, and would wait for a client that never sends it.
func boundBody(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength != 0 {
		// Connections that cannot have deadlines (in tests) do without.
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout))
	}
}

// readBody reads the whole body, since the hash of an idempotent request needs it before anything is done, and puts it
// back for huma.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, *Problem) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return nil, newProblem("body-too-large", fmt.Sprintf("the body has more than %d bytes", tooLarge.Limit))
	}
	if err != nil {
		return nil, newProblem("malformed-body", "the body ended early: "+err.Error())
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	if given := r.Header.Get("Content-Type"); given != "" && len(body) > 0 {
		if media, _, err := mime.ParseMediaType(given); err != nil || media != "application/json" {
			return nil, newProblem("unsupported-media-type", "the body is declared as "+clip(given))
		}
		r.Header.Set("Content-Type", "application/json")
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.ContentLength = int64(len(body))
	return body, nil
}

// jsonFormat is how huma reads and writes bodies.
func jsonFormat() huma.Format {
	return huma.Format{
		Marshal: func(w io.Writer, value any) error {
			body, err := encode(value)
			if err != nil {
				return err
			}
			_, err = w.Write(body)
			return err
		},
		Unmarshal: decode,
	}
}

// encode writes a body as it is answered; recorded answers are made by it too, so that a replay is equal to the byte.
func encode(value any) ([]byte, error) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return buffer.Bytes(), err
}

// decode reads a body. A field that comes twice is refused: encoding/json would take the last, also where it differs in
// case only, and what was validated would not be what is used.
func decode(body []byte, into any) error {
	if err := refuseTwice(body); err != nil {
		return err
	}
	err := json.Unmarshal(body, into)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		before := body[:min(int(syntax.Offset), len(body))]
		line := bytes.Count(before, []byte("\n")) + 1
		column := len(before) - (bytes.LastIndexByte(before, '\n') + 1)
		return fmt.Errorf("line %d, column %d: %w", line, max(column, 1), err)
	}
	return err
}

func refuseTwice(body []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(body))
	// One entry for each open object or list; nil for a list.
	var open []map[string]bool
	name := true // the next string in an object is a name
	for {
		token, err := decoder.Token()
		if err != nil {
			return nil // not JSON or at its end: json.Unmarshal says it better
		}
		switch token := token.(type) {
		case json.Delim:
			switch token {
			case '{':
				open, name = append(open, map[string]bool{}), true
				continue
			case '[':
				open = append(open, nil)
				continue
			default:
				open = open[:len(open)-1]
			}
		case string:
			if len(open) == 0 || open[len(open)-1] == nil || !name {
				break
			}
			names, folded := open[len(open)-1], strings.ToLower(token)
			if names[folded] {
				return fmt.Errorf("the field %q comes twice", clip(token))
			}
			names[folded], name = true, false
			continue
		}
		name = true // a value has ended
	}
}
