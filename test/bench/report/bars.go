package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// Group is some bars with a scale of their own, under a title.
type Group struct {
	Title string
	Bars  []Bar
}

// Bar is one value, 0 or more, and how it is written. Bars of one color, 0 to 4, are of the same thing in all groups.
type Bar struct {
	Name, Label string
	Value       float64
	Color       int
}

// Sizes of the picture, in pixels.
const (
	barHeight  = 18
	barGap     = 4
	groupGap   = 34
	nameWidth  = 130
	barWidth   = 360
	labelWidth = 190
	margin     = 20
)

// palette has the colors; the first is ours.
func palette() []string { return []string{"#0a6cff", "#5b6b7b", "#8594a3", "#a9b5c1", "#c9d1d9"} }

// Bars draws groups of horizontal bars below each other as SVG.
func Bars(out io.Writer, title string, groups []Group) error {
	var body strings.Builder
	y := margin + 16
	text := func(x, y int, class, content string) {
		fmt.Fprintf(&body, `<text x="%d" y="%d" class="%s">`, x, y, class)
		_ = xml.EscapeText(&body, []byte(content)) // a builder takes everything
		body.WriteString("</text>\n")
	}
	text(margin, y, "title", title)
	for _, group := range groups {
		y += groupGap
		text(margin, y, "group", group.Title)
		y += 8
		most := 0.0
		for _, bar := range group.Bars {
			most = max(most, bar.Value)
		}
		for _, bar := range group.Bars {
			text(margin, y+13, "name", bar.Name)
			width := 0.0
			if most > 0 {
				width = barWidth * bar.Value / most
			}
			fmt.Fprintf(&body, `<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>`+"\n",
				margin+nameWidth, y, width, barHeight, palette()[bar.Color%len(palette())])
			text(margin+nameWidth+int(width)+6, y+13, "name", bar.Label)
			y += barHeight + barGap
		}
	}
	width, height := 2*margin+nameWidth+barWidth+labelWidth, y+margin
	_, err := fmt.Fprintf(out, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img">
<style>text{font-family:system-ui,sans-serif;fill:#1b1f24}
.title{font-size:17px;font-weight:600}.group{font-size:14px;font-weight:600}.name{font-size:12px}</style>
<rect width="100%%" height="100%%" fill="#fff"/>
%s</svg>
`, width, height, width, height, body.String())
	return err
}
