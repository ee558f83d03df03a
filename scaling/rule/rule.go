// Package rule evaluates the conditions and formulas that users write, in CEL (cel.dev), over what a decision is made from.
//
// All numbers are floating-point, also those written without a point: in plain CEL `current + 2` would not be allowed for a number that may be a fraction. An
// expression cannot loop, has no side effects, and is bounded in what it costs, so that it may come from outside.
package rule

import (
	"fmt"
	"math"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/ext"
)

// mostCost bounds one evaluation, in CEL's units (about one per operation). Rules that people write cost less than 100.
const mostCost = 10_000

// longestText bounds an expression, in bytes.
const longestText = 10_000

// Variables are what an expression can use, by the names in the comments.
type Variables struct {
	// Signals by name: signal.NAME.total, .value (per replica), .fast and .fastTotal (of the last second), .age (seconds). An unknown signal is not
	// there: has(signal.NAME) is false, and using it makes the result unknown.
	Signals map[string]map[string]float64
	Current float64 // current: replicas wanted before
	Ready   float64 // ready; NaN where not known
	Start   float64 // starting; NaN where not known
	Min     float64 // minReplicas
	Max     float64 // maxReplicas
	Cost    float64 // cost: of one replica in an hour; 0 where none is given
	// Now in the time zone of the service: now, hour (0 to 23), minute, weekday (0 is Sunday), day, month.
	Now time.Time
	// SinceUp and SinceDown: seconds since the number last rose or fell; infinite where it never did.
	SinceUp, SinceDown float64
}

// Kind is what an expression gives.
type Kind string

// The kinds of expressions.
const (
	Condition Kind = "a condition"
	Number    Kind = "a number"
)

// Program is a compiled expression. It is safe for concurrent use.
type Program struct {
	text    string
	program cel.Program
}

// Compiler compiles expressions; making one takes milliseconds, so one is kept.
type Compiler struct{ environment *cel.Env }

// NewCompiler makes a Compiler.
func NewCompiler() (*Compiler, error) {
	number := func(name string) cel.EnvOption { return cel.Variable(name, cel.DoubleType) }
	environment, err := cel.NewEnv(
		cel.Variable("signal", cel.MapType(cel.StringType, cel.MapType(cel.StringType, cel.DoubleType))),
		number("current"), number("ready"), number("starting"), number("minReplicas"), number("maxReplicas"), number("cost"),
		number("hour"), number("minute"), number("weekday"), number("day"), number("month"), number("sinceUp"), number("sinceDown"),
		cel.Variable("now", cel.TimestampType),
		ext.Math(),
		cel.CrossTypeNumericComparisons(true),
		shortNames(),
	)
	if err != nil {
		return nil, fmt.Errorf("set up CEL: %w", err)
	}
	return &Compiler{environment}, nil
}

// shortNames are ceil, floor and round without "math.", as formulas elsewhere have them.
func shortNames() cel.EnvOption {
	unary := func(name string, f func(float64) float64) cel.EnvOption {
		return cel.Function(name, cel.Overload(name+"_double", []*cel.Type{cel.DoubleType}, cel.DoubleType,
			cel.UnaryBinding(func(value ref.Val) ref.Val { return types.Double(f(float64(value.(types.Double)))) })))
	}
	binary := func(name string, f func(a, b float64) float64) cel.EnvOption {
		return cel.Function(name, cel.Overload(name+"_double_double", []*cel.Type{cel.DoubleType, cel.DoubleType}, cel.DoubleType,
			cel.BinaryBinding(func(a, b ref.Val) ref.Val {
				return types.Double(f(float64(a.(types.Double)), float64(b.(types.Double))))
			})))
	}
	return cel.Lib(library{options: []cel.EnvOption{
		unary("ceil", math.Ceil), unary("floor", math.Floor), unary("round", math.Round), unary("abs", math.Abs),
		binary("min", math.Min), binary("max", math.Max), binary("mod", math.Mod),
	}})
}

type library struct{ options []cel.EnvOption }

func (l library) CompileOptions() []cel.EnvOption     { return l.options }
func (l library) ProgramOptions() []cel.ProgramOption { return nil }

// Compile reads an expression that has to give a kind of value. The error says where it is wrong.
func (c *Compiler) Compile(text string, kind Kind) (*Program, error) {
	if len(text) > longestText {
		return nil, fmt.Errorf("the expression has %d bytes, at most %d are read", len(text), longestText)
	}
	if strings.TrimSpace(text) == "" {
		return nil, fmt.Errorf("it is empty, and must give %s", kind)
	}
	parsed, issues := c.environment.Parse(text)
	if issues.Err() != nil {
		return nil, plain(issues)
	}
	floating(parsed)
	checked, issues := c.environment.Check(parsed)
	if issues.Err() != nil {
		return nil, plain(issues)
	}
	if got := checked.OutputType(); describe(got) != string(kind) {
		return nil, fmt.Errorf("it gives %s, and must give %s", describe(got), kind)
	}
	program, err := c.environment.Program(checked, cel.EvalOptions(cel.OptOptimize), cel.CostLimit(mostCost))
	if err != nil {
		return nil, fmt.Errorf("prepare the expression: %w", err)
	}
	return &Program{text, program}, nil
}

func describe(t *cel.Type) string {
	switch {
	case t.IsExactType(cel.BoolType):
		return "a condition"
	case t.IsExactType(cel.DoubleType), t.IsExactType(cel.IntType), t.IsExactType(cel.UintType):
		return "a number"
	case t.IsExactType(cel.StringType):
		return "a text"
	default:
		return "a " + t.String()
	}
}

// True evaluates a condition. The error says what is not known.
func (p *Program) True(v *Variables) (bool, error) {
	result, err := p.evaluate(v)
	if err != nil {
		return false, err
	}
	value, ok := result.(types.Bool)
	if !ok {
		return false, fmt.Errorf("%q gives %v, which is no condition", p.text, result)
	}
	return bool(value), nil
}

// Value evaluates a number; what is not a number or infinite is an error.
func (p *Program) Value(v *Variables) (float64, error) {
	result, err := p.evaluate(v)
	if err != nil {
		return 0, err
	}
	value, ok := result.ConvertToType(types.DoubleType).(types.Double)
	if !ok || math.IsNaN(float64(value)) || math.IsInf(float64(value), 0) {
		return 0, fmt.Errorf("%q gives %v, which is no number", p.text, result)
	}
	return float64(value), nil
}

func (p *Program) evaluate(v *Variables) (ref.Val, error) {
	result, _, err := p.program.Eval(v)
	if err != nil {
		return nil, missing(err)
	}
	return result, nil
}

// missing says what is not known in the words of who wrote the expression.
func missing(err error) error {
	if key, found := strings.CutPrefix(err.Error(), "no such key: "); found {
		switch key {
		case "total", "value", "age":
			return fmt.Errorf("%s of a signal is not known", key)
		case "fast", "fastTotal":
			return fmt.Errorf("%s of a signal, its last second, is not known", key)
		default:
			return fmt.Errorf("the signal %s is not known", key)
		}
	}
	if name, found := strings.CutPrefix(err.Error(), "no such attribute(s): "); found {
		return fmt.Errorf("%s is not known", name)
	}
	return err
}
