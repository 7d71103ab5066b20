package archtest_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// module is the path in go.mod.
const module = "tocsin"

// A tree is the module's source, read without regard to build tags.
type tree struct {
	fsys     fs.FS
	fset     *token.FileSet
	packages []*pkg // by dir
}

// A pkg is one folder of Go files. Its dir is relative to the module: "." or "internal/store".
type pkg struct {
	dir   string
	files []*ast.File // shipped, in order of name
	tests []*ast.File
}

// readTree parses every Go file of the module in fsys. Folders that the go
// command passes over (testdata, vendor, names that begin with . or _) and
// nested modules are left out.
func readTree(fsys fs.FS) (*tree, error) {
	t := &tree{fsys: fsys, fset: token.NewFileSet()}
	byDir := map[string]*pkg{}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && foreign(fsys, name):
			return fs.SkipDir
		case d.IsDir() || path.Ext(name) != ".go":
			return nil
		}
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(t.fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		p := byDir[path.Dir(name)]
		if p == nil {
			p = &pkg{dir: path.Dir(name)}
			byDir[p.dir] = p
		}
		if strings.HasSuffix(name, "_test.go") {
			p.tests = append(p.tests, file)
		} else {
			p.files = append(p.files, file)
		}
		return nil
	})
	for _, dir := range slices.Sorted(maps.Keys(byDir)) {
		t.packages = append(t.packages, byDir[dir])
	}
	return t, err
}

// foreign reports whether the folder is no part of the module.
func foreign(fsys fs.FS, dir string) bool {
	base := path.Base(dir)
	if strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "testdata" || base == "vendor" {
		return true
	}
	_, err := fs.Stat(fsys, path.Join(dir, "go.mod"))
	return err == nil
}

// at returns the file and line of a place in the source.
func (t *tree) at(pos token.Pos) string {
	p := t.fset.Position(pos)
	return fmt.Sprintf("%s:%d", p.Filename, p.Line)
}

// find returns the package in the folder, or nil.
func (t *tree) find(dir string) *pkg {
	i, found := slices.BinarySearchFunc(t.packages, dir, func(p *pkg, dir string) int { return strings.Compare(p.dir, dir) })
	if !found {
		return nil
	}
	return t.packages[i]
}

// imports returns the distinct paths that the files import, sorted.
func imports(files []*ast.File) []string {
	set := map[string]bool{}
	for _, f := range files {
		for _, i := range f.Imports {
			set[strings.Trim(i.Path.Value, `"`)] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// own returns the folder of an import path of this module.
func own(importPath string) (dir string, ok bool) {
	if importPath == module {
		return ".", true
	}
	return strings.CutPrefix(importPath, module+"/")
}

// matches reports whether the path is one that the pattern means: itself, with
// "*" for one element, and with "/..." at its end for all that lies below too.
func matches(pattern, name string) bool {
	if prefix, deep := strings.CutSuffix(pattern, "/..."); deep {
		want, have := strings.Count(prefix, "/")+1, strings.SplitN(name, "/", strings.Count(prefix, "/")+2)
		return len(have) >= want && matches(prefix, strings.Join(have[:want], "/"))
	}
	ok, _ := path.Match(pattern, name)
	return ok || pattern == "..."
}

// matchesAny reports whether one of the patterns means the path.
func matchesAny(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, name) })
}

// theTree reads the module that this package is part of.
func theTree(t *testing.T) *tree {
	t.Helper()
	tree, err := readTree(os.DirFS("../.."))
	if err != nil {
		t.Fatalf("read the source tree: %v", err)
	}
	return tree
}

// fixture makes a tree of file names and contents.
func fixture(t *testing.T, files map[string]string) *tree {
	t.Helper()
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	tree, err := readTree(fsys)
	if err != nil {
		t.Fatalf("read the fixture: %v", err)
	}
	return tree
}

// report fails the test with each problem.
func report(t *testing.T, problems []string) {
	t.Helper()
	for _, p := range problems {
		t.Error(p)
	}
}

// wantProblems fails unless there is one problem for each text, in order, that contains it.
func wantProblems(t *testing.T, got []string, want ...string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("the rule found %d problems, should be %d:\n%s", len(got), len(want), strings.Join(got, "\n"))
	}
	for i := range want {
		if !strings.Contains(got[i], want[i]) {
			t.Errorf("problem %d should say %q:\n%s", i, want[i], got[i])
		}
	}
}

func TestPatternsMeanWhatTheySay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{".", ".", true},
		{".", "internal/store", false},
		{"internal/store", "internal/store", true},
		{"internal/store", "internal/store/sqlite", false},
		{"internal/store/...", "internal/store", true},
		{"internal/store/...", "internal/store/sqlite", true},
		{"internal/store/...", "internal/storefront", false},
		{"internal/dialect/*", "internal/dialect/soda", true},
		{"internal/dialect/*", "internal/dialect", false},
		{"internal/dialect/*", "internal/dialect/soda/wire", false},
		{"internal/dialect/*/...", "internal/dialect/soda/wire", true},
		{"net/http/...", "net/http/httptrace", true},
		{"...", "internal/store", true},
		{"...", ".", true},
	} {
		if got := matches(c.pattern, c.name); got != c.want {
			t.Errorf("matches(%q, %q) = %t, should be %t", c.pattern, c.name, got, c.want)
		}
	}
}

func TestTreeLeavesOutWhatTheGoCommandPassesOver(t *testing.T) {
	t.Parallel()
	tree := fixture(t, map[string]string{
		"go.mod":                   "module tocsin",
		"a.go":                     "package tocsin",
		"a_test.go":                "package tocsin_test",
		"internal/x/x.go":          "package x",
		"internal/x/testdata/t.go": "not Go",
		".hidden/h.go":             "not Go",
		"_old/o.go":                "not Go",
		"tools/go.mod":             "module tocsin/tools",
		"tools/t.go":               "not Go",
	})
	var dirs []string
	for _, p := range tree.packages {
		dirs = append(dirs, p.dir)
	}
	if want := []string{".", "internal/x"}; !slices.Equal(dirs, want) {
		t.Errorf("the tree holds %v, should hold %v", dirs, want)
	}
	if root := tree.find("."); len(root.files) != 1 || len(root.tests) != 1 {
		t.Errorf("the root should have 1 file and 1 test, has %d and %d", len(root.files), len(root.tests))
	}
}
