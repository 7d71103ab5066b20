package archtest_test

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A mention is a path that a document names, relative to the module.
type mention struct {
	line int
	// candidates are the paths it may stand for; one of them must exist.
	candidates []string
}

var (
	linkPattern    = regexp.MustCompile(`\]\(<?([^)\s>]+)`)
	codePattern    = regexp.MustCompile("`([^`]+)`")
	commandPattern = regexp.MustCompile(`\bgo (?:-C (\S+) )?(?:run|test|build|vet|install|generate|tool) [^|;&]*`)
	pathPattern    = regexp.MustCompile(`^(?:\.\.?/)*[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)*/?$`)
)

// mentions finds in a document: the targets of links, the arguments ./… of go
// commands, and whatever in code begins with a folder of the house.
// A text with a placeholder in it (<name>, {id}, *) names nothing in particular.
func mentions(file, text string) []mention {
	var found []mention
	fenced := false
	for i, line := range strings.Split(text, "\n") {
		add := func(candidates ...string) { found = append(found, mention{i + 1, candidates}) }
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			fenced = !fenced
			continue
		}
		code := []string{line}
		if !fenced {
			code = nil
			for _, span := range codePattern.FindAllStringSubmatch(line, -1) {
				code = append(code, span[1])
			}
			for _, link := range linkPattern.FindAllStringSubmatch(codePattern.ReplaceAllString(line, "code"), -1) {
				target, _, _ := strings.Cut(link[1], "#")
				if target != "" && !strings.Contains(target, ":") && !strings.HasPrefix(target, "/") {
					add(path.Join(path.Dir(file), target))
				}
			}
		}
		for _, c := range code {
			for _, p := range codePaths(c) {
				add(p, path.Join(path.Dir(file), p))
			}
		}
	}
	return found
}

// codePaths finds the paths in a piece of code, each once.
func codePaths(code string) []string {
	var found []string
	add := func(name string) {
		if name = path.Clean(name); !slices.Contains(found, name) {
			found = append(found, name)
		}
	}
	for _, command := range commandPattern.FindAllStringSubmatch(code, -1) {
		add(command[1])
		for _, word := range strings.Fields(command[0]) {
			if rest, ok := strings.CutPrefix(word, "./"); ok && named(rest) {
				add(path.Join(command[1], strings.TrimSuffix(rest, "...")))
			}
		}
	}
	for _, word := range strings.Fields(code) {
		word = strings.TrimRight(strings.TrimPrefix(word, "./"), ",;:.)")
		top, _, below := strings.Cut(word, "/")
		if below && strings.Contains(" .ci bench client cmd docs internal test tools ", " "+top+" ") && named(word) {
			add(word)
		}
	}
	return found
}

// named reports whether the text is a path without a placeholder.
func named(text string) bool {
	text = strings.TrimSuffix(strings.TrimSuffix(text, "..."), "/")
	return text == "" || pathPattern.MatchString(text)
}

// documents lists README.md, what lies in docs, and the README.md of each
// folder under internal.
func documents(t *tree) ([]string, error) {
	var found []string
	err := fs.WalkDir(t.fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && foreign(t.fsys, name):
			return fs.SkipDir
		case name == "README.md", matches("docs/*.md", name),
			strings.HasPrefix(name, "internal/") && path.Base(name) == "README.md":
			found = append(found, name)
		}
		return nil
	})
	return found, err
}

// deadMentions lists the paths in documents that do not exist.
func deadMentions(t *tree) ([]string, error) {
	files, err := documents(t)
	if err != nil {
		return nil, err
	}
	var problems []string
	for _, file := range files {
		text, err := fs.ReadFile(t.fsys, file)
		if err != nil {
			return nil, err
		}
		for _, m := range mentions(file, string(text)) {
			exists := false
			for _, c := range m.candidates {
				_, err := fs.Stat(t.fsys, c)
				exists = exists || err == nil
			}
			if !exists {
				problems = append(problems, fmt.Sprintf("%s:%d names %s, which does not exist: correct the document or add the file", file, m.line, m.candidates[0]))
			}
		}
	}
	return problems, nil
}

func TestDocumentsNameOnlyWhatExists(t *testing.T) {
	t.Parallel()
	problems, err := deadMentions(theTree(t))
	if err != nil {
		t.Fatal(err)
	}
	report(t, problems)
}

func TestDeadMentionsAreFound(t *testing.T) {
	t.Parallel()
	tree := fixture(t, map[string]string{
		"README.md": strings.Join([]string{
			"# A fixture",
			"See [the plan](docs/plan.md#part-2), [gone](docs/gone.md), [the web](https://example.org/a/b) and [below](#below).",
			"```sh",
			"go run ./cmd/tocsin demo",
			"go run ./cmd/gone demo   # starts nothing",
			"go test ./... && go test ./internal/gone/...",
			"curl -X PUT http://localhost/api/incidents/7",
			"```",
			"The store is `internal/store/store.go`, never `internal/gone.go`.",
			"A dialect is a folder `internal/dialect/<name>/` with `application/json` and `/api/incidents/{id}`.",
			"Lint with `go -C tools tool staticcheck` and `go -C utensils tool x`; run `.ci/run` or `.ci/walk`.",
		}, "\n"),
		"docs/plan.md":                  "[home](../README.md) and [gone](gone.md), see `internal/store/...`",
		"cmd/tocsin/main.go":            "package main",
		"internal/store/store.go":       "package store",
		"internal/store/README.md":      "`testdata/case.json`, `internal/store/testdata/`, `internal/nothing/...`",
		"internal/x/testdata/README.md": "`internal/gone.go`",
		"tools/go.mod":                  "module tocsin/tools",
		".ci/run":                       "#!/bin/bash",
	})
	problems, err := deadMentions(tree)
	if err != nil {
		t.Fatal(err)
	}
	wantProblems(t, problems,
		"README.md:2 names docs/gone.md",
		"README.md:5 names cmd/gone",
		"README.md:6 names internal/gone",
		"README.md:9 names internal/gone.go",
		"README.md:11 names utensils",
		"README.md:11 names .ci/walk",
		"docs/plan.md:1 names docs/gone.md",
		"internal/store/README.md:1 names internal/store/testdata",
		"internal/store/README.md:1 names internal/nothing",
	)
}
