package report

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestBarsAreAsLongAsTheirValuesAndThePictureIsXML(t *testing.T) {
	var out strings.Builder
	err := Bars(&out, "a < b & c", []Group{
		{Title: "one", Bars: []Bar{{"x", "10", 10, 0}, {"y", "5", 5, 1}}},
		{Title: "nothing", Bars: []Bar{{"z", "0", 0, 0}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	decoder := xml.NewDecoder(strings.NewReader(out.String()))
	widths := []string{}
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if start, ok := token.(xml.StartElement); ok && start.Name.Local == "rect" {
			for _, attribute := range start.Attr {
				if attribute.Name.Local == "width" {
					widths = append(widths, attribute.Value)
				}
			}
		}
	}
	// The background, then the longest bar at its full 360, one half as long, and one of nothing.
	if got := strings.Join(widths, " "); got != "100% 360.0 180.0 0.0" {
		t.Errorf("the widths are %s", got)
	}
}
