package rule

import (
	"errors"
	"fmt"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
)

// floating makes every whole number of an expression a floating-point one.
func floating(parsed *cel.Ast) {
	factory := ast.NewExprFactory()
	ast.PostOrderVisit(parsed.NativeRep().Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.LiteralKind {
			return
		}
		if whole, ok := e.AsLiteral().(types.Int); ok {
			e.SetKindCase(factory.NewLiteral(e.ID(), types.Double(whole)))
		}
	}))
}

// plain turns CEL's findings into one line each, with the column.
func plain(issues *cel.Issues) error {
	var lines []string
	for _, found := range issues.Errors() {
		message := readable(found.Message)
		where := fmt.Sprintf("column %d", found.Location.Column()+1)
		if line := found.Location.Line(); line > 1 {
			where = fmt.Sprintf("line %d, %s", line, where)
		}
		lines = append(lines, where+": "+strings.TrimSpace(message))
	}
	return errors.New(strings.Join(lines, "; "))
}

// readable leaves out of one of CEL's messages what only its authors can use.
func readable(message string) string {
	message = strings.TrimSpace(strings.ReplaceAll(message, "(in container '')", ""))
	message, _, _ = strings.Cut(message, " expecting {") // all tokens of the language
	message = strings.ReplaceAll(message, "input '<EOF>'", "end of the expression")
	if name, undeclared := strings.CutPrefix(message, "undeclared reference to "); undeclared {
		return "there is no " + name + "; signals are written as signal.NAME.total"
	}
	return message
}
