package archtest_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// rowPattern is a row of the tables in docs/dependencies.md: | `path` | version | …
var rowPattern = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (v[^ ]+) \\|")

// A requirement is one library of go.mod.
type requirement struct {
	Path, Version string
	Indirect      bool
}

// unexplained compares what go.mod requires directly with the rows of the document.
func unexplained(required []requirement, document string) []string {
	rows := map[string]string{}
	for _, row := range rowPattern.FindAllStringSubmatch(document, -1) {
		rows[row[1]] = row[2]
	}
	var problems []string
	for _, r := range required {
		if r.Indirect {
			continue
		}
		switch version, ok := rows[r.Path]; {
		case !ok:
			problems = append(problems, fmt.Sprintf("docs/dependencies.md lacks a row for %s %s: say what it is for and why it and not the runner-up", r.Path, r.Version))
		case version != r.Version:
			problems = append(problems, fmt.Sprintf("docs/dependencies.md says %s %s, go.mod says %s: check the reasons and correct the row", r.Path, version, r.Version))
		}
		delete(rows, r.Path)
	}
	for path := range rows {
		problems = append(problems, fmt.Sprintf("docs/dependencies.md has a row for %s, which go.mod does not require: remove it", path))
	}
	return problems
}

func TestEveryDependencyIsExplained(t *testing.T) {
	t.Parallel()
	edit := exec.CommandContext(t.Context(), "go", "mod", "edit", "-json")
	edit.Dir = "../.."
	out, err := edit.Output()
	if err != nil {
		t.Fatalf("read go.mod: %v", err)
	}
	var mod struct{ Require []requirement }
	if err := json.Unmarshal(out, &mod); err != nil {
		t.Fatalf("read go.mod: %v", err)
	}
	document, err := fs.ReadFile(theTree(t).fsys, "docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	report(t, unexplained(mod.Require, string(document)))
}

func TestUnexplainedDependenciesAreFound(t *testing.T) {
	t.Parallel()
	document := strings.Join([]string{
		"| Library | Version | For |",
		"|---|---|---|",
		"| `example.org/right` | v1.0.0 | … |",
		"| `example.org/stale` | v1.0.0 | … |",
		"| `example.org/removed` | v1.0.0 | … |",
	}, "\n")
	wantProblems(t, unexplained([]requirement{
		{Path: "example.org/right", Version: "v1.0.0"},
		{Path: "example.org/stale", Version: "v1.1.0"},
		{Path: "example.org/new", Version: "v2.0.0"},
		{Path: "example.org/deep", Version: "v3.0.0", Indirect: true},
	}, document),
		"says example.org/stale v1.0.0, go.mod says v1.1.0",
		"lacks a row for example.org/new v2.0.0",
		"has a row for example.org/removed",
	)
}
