package main

import (
	"io"
	"strings"
	"unicode/utf8"
)

// table is text in columns, each as wide as its widest cell.
type table struct {
	style style
	rows  [][]cell
}

// cell is the text of a cell and how it is painted. The paint is laid on after the width is known, so that the
// sequences do not count.
type cell struct {
	text  string
	paint func(string) string // nil leaves it
	right bool                // numbers are easier to compare flush right
}

func text(value string) cell   { return cell{text: value} }
func number(value string) cell { return cell{text: value, right: true} }

// newTable begins a table with its headings; one that starts with ">" is of a column of numbers.
func newTable(s style, headings ...string) *table {
	row := make([]cell, len(headings))
	for i, heading := range headings {
		name, right := strings.CutPrefix(heading, ">")
		row[i] = cell{text: name, paint: s.heading, right: right}
	}
	return &table{style: s, rows: [][]cell{row}}
}

// add appends a row; empty cells show a dash, so that none looks forgotten.
func (t *table) add(cells ...cell) {
	for i := range cells {
		if cells[i].text == "" {
			cells[i].text = "-"
		}
	}
	t.rows = append(t.rows, cells)
}

// mood is a cell painted by what its word means.
func (t *table) mood(word string) cell { return cell{text: word, paint: t.style.byMood} }

// columnGap is between two columns: two spaces, as kubectl and docker use three and one is hard to see.
const columnGap = "  "

func (t *table) write(w io.Writer) error {
	widths := make([]int, len(t.rows[0]))
	for _, row := range t.rows {
		for i, c := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(c.text))
		}
	}
	var b strings.Builder
	for _, row := range t.rows {
		for i, c := range row {
			if i > 0 {
				b.WriteString(columnGap)
			}
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c.text))
			if c.right {
				b.WriteString(pad)
			}
			painted := c.text
			if c.paint != nil {
				painted = c.paint(painted)
			}
			b.WriteString(painted)
			if !c.right && i < len(row)-1 { // no blanks at the end of a line
				b.WriteString(pad)
			}
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}
