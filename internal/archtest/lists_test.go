package archtest_test

import (
	"fmt"
	"slices"
	"testing"
)

// seams are the places where a new folder is a new plug.
func seams() []string {
	return []string{"internal/dialect/*", "internal/channel/*", "internal/probe/*", "internal/ingest/*"}
}

// unlisted lists the plugs that the wiring does not import: they would be
// compiled and tested, and never be heard of. A package for tests is no plug.
func unlisted(t *tree, seams []string) []string {
	app := t.find("internal/app")
	if app == nil {
		return nil
	}
	listed := imports(app.files)
	var problems []string
	for _, p := range t.packages {
		forTests := slices.Contains(imports(p.files), "testing")
		if len(p.files) > 0 && !forTests && matchesAny(seams, p.dir) && !slices.Contains(listed, module+"/"+p.dir) {
			problems = append(problems, fmt.Sprintf("%s is in no list: add one line to the list of its kind in internal/app", p.dir))
		}
	}
	return problems
}

func TestEveryPlugIsInItsList(t *testing.T) {
	t.Parallel()
	report(t, unlisted(theTree(t), seams()))
}

func TestMissingPlugsAreFound(t *testing.T) {
	t.Parallel()
	tree := fixture(t, map[string]string{
		"internal/app/lists.go":             "package app\nimport _ \"tocsin/internal/dialect/soda\"",
		"internal/app/app_test.go":          "package app_test\nimport _ \"tocsin/internal/dialect/uptimeio\"",
		"internal/dialect/dialect.go":       "package dialect",
		"internal/dialect/soda/s.go":        "package soda",
		"internal/dialect/uptimeio/u.go":    "package uptimeio",
		"internal/dialect/dialecttest/d.go": "package dialecttest\nimport _ \"testing\"",
		"internal/channel/mail/m.go":        "package mail",
		"internal/probe/dns/dns_test.go":    "package dns_test",
	})
	wantProblems(t, unlisted(tree, seams()),
		"internal/channel/mail is in no list",
		"internal/dialect/uptimeio is in no list",
	)
}
