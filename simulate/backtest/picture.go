package backtest

import (
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"strings"
	"time"
)

// Sizes of the picture, in pixels.
const (
	pictureMargin = 20
	pictureAxis   = 64 // for the numbers at the left
	rowHeight     = 130
	rowGap        = 46
)

// The colors: what is asked, what is there, and what is missing.
const (
	loadColor     = "#5b6b7b"
	capacityColor = "#0a6cff"
	shortageColor = "#d92d20"
)

// Picture draws the load and the capacity of each result below each other as SVG; seconds with less capacity than load are red. A column stands for a stretch of
// time: of the load its busiest second, of the capacity its mean, of the shortage its worst second.
func (r Report) Picture(out io.Writer) error {
	var b strings.Builder
	text := func(x, y float64, class, content string) {
		fmt.Fprintf(&b, `<text x="%.0f" y="%.0f" class="%s">`, x, y, class)
		_ = xml.EscapeText(&b, []byte(content)) // a builder takes everything
		b.WriteString("</text>\n")
	}
	y := float64(pictureMargin + 16)
	text(pictureMargin, y, "title", fmt.Sprintf("%s, %s to %s", r.Service, instant(r.From), instant(r.To)))
	y += 20
	text(pictureMargin, y, "name", "gray: requests/s; blue: capacity of the ready replicas; red: requests/s above capacity")
	most := r.LoadMost
	for _, result := range r.Results {
		for _, c := range result.columns {
			most = math.Max(most, c.capacity)
		}
	}
	left := float64(pictureMargin + pictureAxis)
	for _, result := range r.Results {
		y += rowGap
		text(pictureMargin, y-12, "group", result.Policy)
		text(left+90, y-12, "name", fmt.Sprintf("%.1f replica-hours, %d minutes outside the objective, shortage %.0f requests, %d scale events",
			result.ReplicaHours, result.OutsideMinutes, result.Shortage, result.ScaleEvents))
		text(pictureMargin, y+10, "name", fmt.Sprintf("%.4g", most))
		text(pictureMargin, y+rowHeight, "name", "0")
		row(&b, result.columns, left, y, most)
		y += rowHeight
	}
	width, height := left+columnCount+pictureMargin, y+pictureMargin
	_, err := fmt.Fprintf(out, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" viewBox="0 0 %.0f %.0f" role="img">
<style>text{font-family:system-ui,sans-serif;fill:#1b1f24}
.title{font-size:17px;font-weight:600}.group{font-size:14px;font-weight:600}.name{font-size:12px}</style>
<rect width="100%%" height="100%%" fill="#fff"/>
%s</svg>
`, width, height, width, height, b.String())
	return err
}

// row draws one result: an area for the load, a line for the capacity, and a red bar where it was not enough.
func row(b *strings.Builder, columns []column, left, top, most float64) {
	step := float64(columnCount) / float64(len(columns))
	at := func(value float64) float64 {
		if most == 0 {
			return top + rowHeight
		}
		return top + rowHeight*(1-value/most)
	}
	fmt.Fprintf(b, `<path fill="%s" fill-opacity="0.35" d="M%.1f %.1f`, loadColor, left, top+rowHeight)
	stairs(b, columns, left, func(c column) float64 { return at(c.load) })
	fmt.Fprintf(b, `V%.1fZ"/>`+"\n", top+rowHeight)
	for i, c := range columns {
		if c.shortage > 0 {
			// At least a pixel, or a shortage of a second would not be seen.
			fmt.Fprintf(b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>`+"\n",
				left+float64(i)*step, at(c.load), math.Max(step, 1), math.Max(at(c.load-c.shortage)-at(c.load), 1), shortageColor)
		}
	}
	fmt.Fprintf(b, `<path fill="none" stroke="%s" stroke-width="1.3" d="M%.1f %.1f`, capacityColor, left, at(columns[0].capacity))
	stairs(b, columns, left, func(c column) float64 { return at(c.capacity) })
	b.WriteString("\"/>\n")
	fmt.Fprintf(b, `<line x1="%.0f" y1="%.0f" x2="%.0f" y2="%.0f" stroke="#c9d1d9"/>`+"\n", left, top+rowHeight, left+columnCount, top+rowHeight)
}

// stairs goes on with a path in steps, from column to column; those of one height are one step.
func stairs(b *strings.Builder, columns []column, left float64, height func(column) float64) {
	step, before := float64(columnCount)/float64(len(columns)), ""
	for i, c := range columns {
		if y := fmt.Sprintf("%.1f", height(c)); y != before {
			fmt.Fprintf(b, "H%.1fV%s", left+float64(i)*step, y)
			before = y
		}
	}
	fmt.Fprintf(b, "H%.1f", left+columnCount)
}

func instant(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }
