package archtest_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"testing"
)

// hiddenState lists what makes a program's behaviour depend on more than its
// parameters: functions named init, package variables that a function changes,
// and package variables made to be changed (of sync and sync/atomic).
//
// failpoint is exempt: in builds that are never shipped its counter must
// outlive everything. A sync.Pool is too: it only saves allocations.
func hiddenState(t *tree) []string {
	var problems []string
	for _, p := range t.packages {
		if p.dir == "internal/failpoint" {
			continue
		}
		checked := checkTypes(t, p)
		for _, f := range p.files {
			for _, decl := range f.Decls {
				switch d := decl.(type) {
				case *ast.FuncDecl:
					if d.Recv == nil && d.Name.Name == "init" {
						problems = append(problems, t.at(d.Pos())+": no init functions: make it a constructor that internal/app calls")
					}
					problems = append(problems, changedVariables(t, checked, d)...)
				case *ast.GenDecl:
					problems = append(problems, guardedVariables(t, d)...)
				}
			}
		}
	}
	return problems
}

// checkTypes finds out which declaration each name means. It needs no imports:
// a name of this package means the same whatever they hold.
func checkTypes(t *tree, p *pkg) *types.Info {
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	config := types.Config{Importer: noImports{}, Error: func(error) {}}
	_, _ = config.Check(p.dir, t.fset, p.files, info)
	return info
}

type noImports struct{}

func (noImports) Import(string) (*types.Package, error) { return nil, errors.New("not read") }

// changedVariables lists the statements of a function that change a package variable.
func changedVariables(t *tree, info *types.Info, f *ast.FuncDecl) []string {
	var problems []string
	change := func(target ast.Expr) {
		name := base(target)
		if name == nil {
			return
		}
		v, ok := info.Uses[name].(*types.Var)
		if ok && v.Pkg() != nil && v.Parent() == v.Pkg().Scope() {
			problems = append(problems, fmt.Sprintf("%s: %s changes the package variable %s: make it a field or a parameter", t.at(target.Pos()), f.Name.Name, name.Name))
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch s := n.(type) {
		case *ast.AssignStmt:
			if s.Tok != token.DEFINE {
				for _, target := range s.Lhs {
					change(target)
				}
			}
		case *ast.IncDecStmt:
			change(s.X)
		case *ast.RangeStmt:
			if s.Tok == token.ASSIGN {
				change(s.Key)
				change(s.Value)
			}
		}
		return true
	})
	return problems
}

// base returns the variable at the root of v.f[i], or nil.
func base(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.SelectorExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return nil
		}
	}
}

// guardedVariables lists package variables of a type of sync or sync/atomic.
func guardedVariables(t *tree, d *ast.GenDecl) []string {
	var problems []string
	for _, spec := range d.Specs {
		v, ok := spec.(*ast.ValueSpec)
		if !ok {
			continue
		}
		for _, e := range append([]ast.Expr{v.Type}, v.Values...) {
			if lit, ok := e.(*ast.CompositeLit); ok {
				e = lit.Type
			}
			sel, ok := e.(*ast.SelectorExpr)
			if !ok {
				continue
			}
			if from, ok := sel.X.(*ast.Ident); ok && (from.Name == "sync" || from.Name == "atomic") && sel.Sel.Name != "Pool" {
				problems = append(problems, fmt.Sprintf("%s: the package variable %s is shared state: make it a field of what uses it", t.at(v.Pos()), v.Names[0].Name))
			}
		}
	}
	return problems
}

func TestThereIsNoHiddenState(t *testing.T) {
	t.Parallel()
	report(t, hiddenState(theTree(t)))
}

func TestHiddenStateIsFound(t *testing.T) {
	t.Parallel()
	tree := fixture(t, map[string]string{
		"internal/x/a.go": `package x

import (
	"embed"
	"errors"
	"sync"
)

var files embed.FS
var errGone = errors.New("gone")
var count int
var names = map[string]int{}
var current struct{ n int }
var mu sync.Mutex
var pool = sync.Pool{}

func init() {}

type T struct{}

func (T) init() {}
`,
		"internal/x/b.go": `package x

func changes() {
	count = 1
	count++
	names["a"] = 1
	current.n += 2
	for count = range 3 {
	}
}

func leaves(names map[string]int) error {
	count := 0
	count++
	names["a"] = count
	var current struct{ n int }
	current.n = 2
	_ = files
	return errGone
}
`,
		"internal/x/x_test.go": "package x\nfunc init() { count = 2 }",
	})
	wantProblems(t, hiddenState(tree),
		"internal/x/a.go:14: the package variable mu is shared state",
		"internal/x/a.go:17: no init functions",
		"internal/x/b.go:4: changes changes the package variable count",
		"internal/x/b.go:5: changes changes the package variable count",
		"internal/x/b.go:6: changes changes the package variable names",
		"internal/x/b.go:7: changes changes the package variable current",
		"internal/x/b.go:8: changes changes the package variable count",
	)
}
