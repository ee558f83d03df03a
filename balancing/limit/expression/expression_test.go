package expression

import (
	"strings"
	"testing"
)

type request struct{}

func (request) Method() string   { return "POST" }
func (request) Path() string     { return "/tenants/blue/orders" }
func (request) Query() string    { return "dry=1" }
func (request) Host() string     { return "shop.example.com" }
func (request) ClientIP() string { return "203.0.113.7" }
func (request) Headers() map[string]string {
	return map[string]string{"x-plan": "gold"}
}

func TestExpressionsSeeTheRequest(t *testing.T) {
	for text, want := range map[string]bool{
		"request.method == 'POST' && request.path.startsWith('/tenants/')":               true,
		"request.headers['x-plan'] == 'gold'":                                            true,
		"'x-debug' in request.headers":                                                   false,
		"request.headers['x-debug'] == '1'":                                              false, // not there: no error
		"request.host.endsWith('.example.com') && request.query == 'dry=1'":              true,
		"client.ip.startsWith('203.') && request.path.matches('^/tenants/[a-z]+/ord.*')": true,
	} {
		p, err := Compile(text, Condition)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if got := p.True(request{}); got != want {
			t.Errorf("%s: got %v", text, got)
		}
	}
	for text, want := range map[string]float64{"10": 10, "request.path.size() > 5 ? 2.5 : 1.0": 2.5, "size(request.headers)": 1} {
		p, err := Compile(text, Number)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if got, ok := p.Number(request{}); !ok || got != want {
			t.Errorf("%s: got %v, %v", text, got, ok)
		}
	}
	p, err := Compile("request.path.split('/')[2]", Text)
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Text(request{}); got != "blue" {
		t.Errorf("got %q", got)
	}
	if p, err = Compile("request.path.split('/')[9]", Text); err != nil || p.Text(request{}) != "" {
		t.Errorf("beyond the end: %v", err)
	}
}

func TestWrongExpressionsSayWhere(t *testing.T) {
	for text, want := range map[string]string{
		"request.method = 'POST'":         "column 16: Syntax error",
		"request.methd == 'POST'":         "did you mean 'request.method'?",
		"request.path":                    "it gives a text, and must give a condition",
		"":                                "mismatched input",
		"1 +":                             "column 4",
		strings.Repeat("(", 200):          "column",
		strings.Repeat("true && ", 2000):  "at most 10000 are read",
		"request.path.split('/')[1] == 3": "no matching overload",
	} {
		if _, err := Compile(text, Condition); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.30s: got %v, want %q", text, err, want)
		}
	}
}

func FuzzNoExpressionPanics(f *testing.F) {
	for _, text := range []string{"request.path.split('/')[1]", "size(request.headers) > 3", "[1,2].all(x, x > 1)"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if p, err := Compile(text, Condition); err == nil {
			p.True(request{})
		}
		if p, err := Compile(text, Text); err == nil {
			p.Text(request{})
		}
	})
}

func BenchmarkCondition(b *testing.B) {
	p, err := Compile("request.method == 'POST' && request.path.startsWith('/tenants/')", Condition)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		p.True(request{})
	}
}
