// Package expression evaluates what users write of requests, in CEL (cel.dev): a condition, a number or a text. An expression cannot loop, has
// no side effects, and is bounded in what it costs. It allocates, unlike the rest of the path of a request.
package expression

import (
	"fmt"
	"math"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/ext"
	"cel.dev/cel-go/interpreter"
)

const (
	// mostCost bounds one evaluation, in CEL's units (about one per operation, and per ten bytes of a text that is looked at).
	mostCost = 100_000
	// longestText bounds an expression, in bytes.
	longestText = 10_000
)

// Request is what an expression can use. Each is asked for only where the expression uses it.
type Request interface {
	Method() string
	Path() string // without the query
	Query() string
	Host() string
	ClientIP() string
	Headers() map[string]string // by names in lower case, the first value of each
}

// Kind is what an expression has to give.
type Kind string

// The kinds of expressions.
const (
	Condition Kind = "a condition"
	Number    Kind = "a number"
	Text      Kind = "a text"
)

// Program is a compiled expression. It is safe for concurrent use.
type Program struct{ program cel.Program }

// environment is made once: setting CEL up takes milliseconds.
var environment = sync.OnceValues(func() (*cel.Env, error) {
	return cel.NewEnv(
		cel.Variable("request.method", cel.StringType), cel.Variable("request.path", cel.StringType), cel.Variable("request.query", cel.StringType),
		cel.Variable("request.host", cel.StringType), cel.Variable("request.headers", cel.MapType(cel.StringType, cel.StringType)),
		cel.Variable("client.ip", cel.StringType),
		ext.Strings(), cel.CrossTypeNumericComparisons(true),
	)
})

// Compile reads an expression that has to give a kind of value. The error says where it is wrong.
func Compile(text string, kind Kind) (*Program, error) {
	if len(text) > longestText {
		return nil, fmt.Errorf("the expression has %d bytes, at most %d are read", len(text), longestText)
	}
	env, err := environment()
	if err != nil {
		return nil, fmt.Errorf("set up CEL: %w", err)
	}
	checked, issues := env.Compile(text)
	if issues.Err() != nil {
		return nil, plain(issues)
	}
	if got := describe(checked.OutputType()); got != kind {
		return nil, fmt.Errorf("it gives %s, and must give %s", got, kind)
	}
	program, err := env.Program(checked, cel.EvalOptions(cel.OptOptimize), cel.CostLimit(mostCost))
	if err != nil {
		return nil, fmt.Errorf("prepare the expression: %w", err)
	}
	return &Program{program}, nil
}

func describe(t *cel.Type) Kind {
	switch {
	case t.IsExactType(cel.BoolType):
		return Condition
	case t.IsExactType(cel.DoubleType), t.IsExactType(cel.IntType), t.IsExactType(cel.UintType):
		return Number
	case t.IsExactType(cel.StringType):
		return Text
	}
	return Kind("a " + t.String())
}

// plain turns CEL's findings into one line with the column of each.
func plain(issues *cel.Issues) error {
	var found []string
	for _, issue := range issues.Errors() {
		message, _, _ := strings.Cut(issue.Message, " expecting {") // all tokens of the language
		message = strings.TrimSpace(strings.ReplaceAll(message, "(in container '')", ""))
		if name, undeclared := strings.CutPrefix(message, "undeclared reference to "); undeclared {
			message = "there is no " + name + "; there are request.method, .path, .query, .host and .headers, and client.ip"
		}
		found = append(found, fmt.Sprintf("column %d: %s", issue.Location.Column()+1, message))
	}
	return fmt.Errorf("%s", strings.Join(found, "; "))
}

// True evaluates a condition. One that cannot be evaluated, such as of a header that is not there, is false.
func (p *Program) True(r Request) bool {
	result, err := p.evaluate(r)
	value, is := result.(types.Bool)
	return err == nil && is && bool(value)
}

// Number evaluates a number; false where it cannot be evaluated or is none.
func (p *Program) Number(r Request) (float64, bool) {
	result, err := p.evaluate(r)
	if err != nil {
		return 0, false
	}
	switch value := result.(type) {
	case types.Double:
		return float64(value), !math.IsNaN(float64(value))
	case types.Int:
		return float64(value), true
	case types.Uint:
		return float64(value), true
	}
	return 0, false
}

// Text evaluates a text; empty where it cannot be evaluated.
func (p *Program) Text(r Request) string {
	result, err := p.evaluate(r)
	value, is := result.(types.String)
	if err != nil || !is {
		return ""
	}
	return string(value)
}

func (p *Program) evaluate(r Request) (ref.Val, error) {
	result, _, err := p.program.Eval(activation{r})
	return result, err
}

// activation gives CEL the values of variables.
type activation struct{ request Request }

func (a activation) ResolveName(name string) (any, bool) {
	switch name {
	case "request.method":
		return a.request.Method(), true
	case "request.path":
		return a.request.Path(), true
	case "request.query":
		return a.request.Query(), true
	case "request.host":
		return a.request.Host(), true
	case "request.headers":
		return a.request.Headers(), true
	case "client.ip":
		return a.request.ClientIP(), true
	}
	return nil, false
}

func (a activation) Parent() interpreter.Activation { return nil }
