package rule

import (
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
)

// Signals lists the signals that an expression names, as signal.NAME or signal["NAME"], in the order in which they stand; none of a text that is no expression.
func (c *Compiler) Signals(text string) []string {
	parsed, issues := c.environment.Parse(text)
	if issues.Err() != nil {
		return nil
	}
	var names []string
	ofSignal := func(e ast.Expr) bool { return e.Kind() == ast.IdentKind && e.AsIdent() == "signal" }
	ast.PreOrderVisit(parsed.NativeRep().Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		switch e.Kind() {
		case ast.SelectKind:
			if selected := e.AsSelect(); ofSignal(selected.Operand()) {
				names = append(names, selected.FieldName())
			}
		case ast.CallKind: // _[_], the index
			arguments := e.AsCall().Args()
			if len(arguments) != 2 || !ofSignal(arguments[0]) || arguments[1].Kind() != ast.LiteralKind {
				return
			}
			if name, isText := arguments[1].AsLiteral().(types.String); isText {
				names = append(names, string(name))
			}
		}
	}))
	return names
}
