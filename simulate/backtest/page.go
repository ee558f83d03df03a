package backtest

import (
	"fmt"
	"html/template"
	"io"
	"strings"

	"headroom.dev/headroom"
)

// Headings are those of Row.
func Headings() []string {
	return []string{"POLICY", ">REPLICA-HOURS", ">COST", ">OUTSIDE", ">REQUESTS OUTSIDE", ">SHORTAGE", ">EVENTS", ">WORST RECOVERY", ">P95", ">P99"}
}

// Row is a result in words, for tables; a column of numbers begins with > in Headings.
func (r Result) Row() []string {
	cost := ""
	if r.Cost != nil {
		cost = amount(r.Cost.Units()) + " " + r.Cost.Currency
	}
	return []string{
		r.Policy, amount(r.ReplicaHours), cost, fmt.Sprintf("%dm", r.OutsideMinutes),
		fmt.Sprintf("%.0f (%s)", r.OutsideRequests, share(r.OutsideRequests, r.Requests)), fmt.Sprintf("%.0f", r.Shortage),
		fmt.Sprint(r.ScaleEvents), r.WorstRecovery.String(), latencyText(r.P95), latencyText(r.P99),
	}
}

// amount has three decimals of what is small, and one of what is not.
func amount(value float64) string {
	if value < 10 {
		return fmt.Sprintf("%.3f", value)
	}
	return fmt.Sprintf("%.1f", value)
}

func share(part, whole float64) string { return fmt.Sprintf("%.3f%%", percent(part, whole)) }

// latencyText has the two digits that a bucket of 4.4 % is good for.
func latencyText(d headroom.Duration) string {
	if d == 0 {
		return ""
	}
	return fmt.Sprintf("%.2gs", d.Seconds())
}

// Assumed says in sentences what the numbers rest on.
func (r Report) Assumed() []string {
	m := r.Model
	model := fmt.Sprintf("A replica answers %.4g requests/s at most and takes %s for one; it is ready %s after its start, which comes %s after the order.",
		m.Capacity, headroom.Duration(rounded(m.ServiceTime)), headroom.Duration(rounded(m.Boot)), headroom.Duration(rounded(m.PlatformDelay)))
	if m.StartFailures > 0 {
		model += fmt.Sprintf(" Of the starts %.4g %% fail.", 100*m.StartFailures)
	}
	promised := fmt.Sprintf("The objective is that %.6g %% of the requests do not fail", r.Objective.Availability)
	if r.Objective.Latency > 0 {
		promised += fmt.Sprintf(" and %.6g %% of those answered take at most %s", r.Objective.LatencyShare, r.Objective.Latency)
	}
	return append([]string{model, promised + ", minute by minute."}, r.Notes...)
}

const pageText = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Backtest of {{.Report.Service}}</title>
<style>body{font-family:system-ui,sans-serif;color:#1b1f24;margin:2rem auto;max-width:1020px}
table{border-collapse:collapse;font-size:14px}th,td{padding:4px 10px;border-bottom:1px solid #c9d1d9;text-align:right}
th:first-child,td:first-child{text-align:left}svg{max-width:100%;height:auto}</style></head><body>
<h1>Backtest of {{.Report.Service}}</h1>
<p>{{.Summary}}</p>
<table><tr>{{range .Headings}}<th>{{.}}</th>{{end}}</tr>
{{range .Rows}}<tr>{{range .}}<td>{{.}}</td>{{end}}</tr>
{{end}}</table>
<ul>{{range .Assumed}}<li>{{.}}</li>
{{end}}</ul>
{{.Picture}}
</body></html>
`

// Page writes one HTML file that holds all of the report.
func (r Report) Page(out io.Writer) error {
	var picture strings.Builder
	if err := r.Picture(&picture); err != nil {
		return err
	}
	headings := Headings()
	for i, h := range headings {
		h = strings.ToLower(strings.TrimPrefix(h, ">"))
		headings[i] = strings.ToUpper(h[:1]) + h[1:]
	}
	rows := make([][]string, len(r.Results))
	for i, result := range r.Results {
		rows[i] = result.Row()
	}
	page, err := template.New("page").Parse(pageText)
	if err != nil {
		return err
	}
	return page.Execute(out, struct {
		Report   Report
		Summary  string
		Headings []string
		Rows     [][]string
		Assumed  []string
		Picture  template.HTML
	}{r, r.Summary(), headings, rows, r.Assumed(), template.HTML(picture.String())}) // all text in it is escaped
}

// Summary is what was tried, in a sentence.
func (r Report) Summary() string {
	return fmt.Sprintf("%s from %s to %s: %.4g requests/s on average, %.4g in the busiest second.", r.Service, instant(r.From), instant(r.To), r.LoadMean, r.LoadMost)
}
