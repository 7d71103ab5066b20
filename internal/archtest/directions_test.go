package archtest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// A direction says which packages of ours a package may import.
type direction struct {
	from string // a pattern, as in matches
	to   []string
}

// directions is the plan of the house: the first line that means a package is
// its rule. Use cases stand on the vocabulary and the storage contract and meet
// through the log; transports reach them through interfaces of their own; only
// the wiring knows everybody. Tests may import what they need.
func directions() []direction {
	useCases := []string{
		"internal/incident", "internal/access", "internal/directory", "internal/audit",
		"internal/check", "internal/notify", "internal/statuspage",
	}
	plan := []direction{
		{".", nil},
		{"cmd/tocsin", []string{"internal/cli"}},
		{"client", []string{"."}},

		{"internal/store", []string{"."}},
		{"internal/store/sqlstore", []string{".", "internal/store"}},
		{"internal/store/sqlite", []string{".", "internal/store", "internal/store/sqlstore", "internal/failpoint", "internal/secret"}},
		{"internal/store/postgres", []string{".", "internal/store", "internal/store/sqlstore", "internal/failpoint", "internal/secret"}},
		{"internal/store/storetest", []string{".", "internal/store"}},
		{"internal/pgtest", nil},

		{"internal/httpkit", []string{"."}},
		{"internal/strictjson", []string{"."}},
		{"internal/secret", []string{"."}},
		{"internal/failpoint", nil},

		{"internal/api", []string{".", "internal/httpkit", "internal/strictjson", "internal/secret"}},
		{"internal/api/apitest", []string{"..."}},
		{"internal/api/*", []string{".", "internal/api", "internal/httpkit"}},
		{"internal/web", []string{".", "internal/httpkit", "internal/secret"}},
		{"internal/dialect", []string{".", "internal/httpkit"}},
		{"internal/dialect/dialecttest", []string{
			".", "internal/httpkit", "internal/dialect", "internal/access", "internal/directory", "internal/incident",
			"internal/store", "internal/store/sqlite",
		}},
		{"internal/dialect/*", []string{".", "internal/httpkit", "internal/strictjson", "internal/secret", "internal/dialect"}},
		{"internal/ingest", []string{"."}},
		{"internal/ingest/*", []string{".", "internal/strictjson", "internal/ingest"}},
		{"internal/probe", []string{"."}},
		{"internal/probe/*", []string{".", "internal/secret", "internal/probe"}},
		{"internal/channel", []string{"."}},
		{"internal/channel/*", []string{".", "internal/secret", "internal/channel"}},

		{"internal/audit", []string{".", "internal/store", "internal/audit/proof"}},
		{"internal/audit/proof", []string{".", "internal/store"}},
		{"internal/audit/verify", []string{".", "internal/store", "internal/audit/proof"}},
		{"internal/operate", []string{".", "internal/store", "internal/store/...", "internal/secret"}},

		{"internal/metrics", []string{".", "internal/store"}},
		{"internal/audit", []string{".", "internal/store", "internal/audit/*"}},
		{"internal/audit/*", []string{".", "internal/store", "internal/audit/*"}},
		{"internal/demo", append([]string{"."}, useCases...)},
		{"internal/cli", []string{".", "client", "internal/app", "internal/audit/verify", "internal/secret", "internal/demo"}},
		{"internal/app", []string{"..."}},

		{"internal/archtest", nil},
		{"test/...", []string{"..."}},
		{"bench/...", []string{"..."}},
	}
	for _, noun := range useCases {
		plan = append(plan, direction{noun, []string{".", "internal/store"}})
	}
	return plan
}

// A fence keeps packages of others to the parts of the house that need them.
type fence struct {
	imports []string
	only    []string
	why     string
}

func fences() []fence {
	return []fence{
		{
			[]string{"database/sql/...", "github.com/jackc/pgx/v5/...", "modernc.org/...", "github.com/pressly/goose/v3/..."},
			[]string{"internal/store/...", "internal/pgtest", "test/...", "bench/..."},
			"SQL stays under internal/store: add a read or a command to the storage contract",
		},
		{
			[]string{"net/http/..."},
			[]string{
				"internal/httpkit", "internal/dialect/...", "internal/api/...", "internal/web/...", "internal/app", "internal/cli",
				"internal/metrics", "client", "internal/channel/...", "internal/probe/...", "test/...", "bench/...",
			},
			"HTTP stays at the edge: return a value or a tocsin.Error and let a transport translate it",
		},
		{
			[]string{"log"},
			nil,
			"log through an injected *slog.Logger",
		},
		{
			[]string{"testing/..."},
			[]string{"internal/store/storetest", "internal/dialect/dialecttest", "internal/api/apitest", "internal/pgtest", "test/...", "bench/..."},
			"the product must not link the testing package: move the helper to a _test.go file or a test helper package",
		},
	}
}

// wrongDirections lists the imports of our own packages that no rule allows,
// and the packages without a rule.
func wrongDirections(t *tree, plan []direction) []string {
	var problems []string
	for _, p := range t.packages {
		i := slices.IndexFunc(plan, func(d direction) bool { return matches(d.from, p.dir) })
		if i < 0 {
			problems = append(problems, fmt.Sprintf("%s has no rule: add {%q, []string{…}} with what it may import to directions in internal/archtest", p.dir, p.dir))
			continue
		}
		for _, imported := range imports(p.files) {
			dir, ours := own(imported)
			if ours && !matchesAny(plan[i].to, dir) {
				problems = append(problems, fmt.Sprintf("%s must not import %s; it may import %s: declare an interface where it is used and let internal/app connect them",
					p.dir, imported, allowed(plan[i].to)))
			}
		}
	}
	return problems
}

func allowed(to []string) string {
	if len(to) == 0 {
		return "nothing of ours"
	}
	return "only " + strings.Join(to, ", ")
}

// brokenFences lists imports of others' packages outside the places for them,
// and any outside the standard library in the root package.
func brokenFences(t *tree, fences []fence) []string {
	var problems []string
	for _, p := range t.packages {
		for _, imported := range imports(p.files) {
			if first, _, _ := strings.Cut(imported, "/"); p.dir == "." && strings.Contains(first, ".") {
				problems = append(problems, fmt.Sprintf("%s must not import %s: the vocabulary stands on the standard library alone", p.dir, imported))
			}
			for _, f := range fences {
				if matchesAny(f.imports, imported) && !matchesAny(f.only, p.dir) {
					problems = append(problems, fmt.Sprintf("%s must not import %s: %s", p.dir, imported, f.why))
				}
			}
		}
	}
	return problems
}

func TestImportsFollowThePlan(t *testing.T) {
	t.Parallel()
	report(t, wrongDirections(theTree(t), directions()))
}

func TestOthersPackagesStayWhereTheyBelong(t *testing.T) {
	t.Parallel()
	report(t, brokenFences(theTree(t), fences()))
}

func TestWrongDirectionsAreFound(t *testing.T) {
	t.Parallel()
	tree := fixture(t, map[string]string{
		"tocsin.go":                      "package tocsin\nimport _ \"tocsin/internal/secret\"",
		"cmd/tocsin/main.go":             "package main\nimport _ \"tocsin/internal/cli\"",
		"internal/dialect/soda/soda.go":  "package soda\nimport (_ \"tocsin\"; _ \"tocsin/internal/dialect/uptimeio\"; _ \"tocsin/internal/store\")",
		"internal/dialect/soda/x/x.go":   "package x",
		"internal/incident/i.go":         "package incident\nimport (_ \"tocsin/internal/store\"; _ \"tocsin/internal/access\")",
		"internal/incident/i_test.go":    "package incident_test\nimport _ \"tocsin/internal/store/sqlite\"",
		"internal/app/app.go":            "package app\nimport (_ \"tocsin/internal/store/sqlite\"; _ \"tocsin/internal/dialect/soda\")",
		"internal/store/sqlite/armed.go": "//go:build failpoint\n\npackage sqlite\nimport _ \"tocsin/internal/httpkit\"",
	})
	wantProblems(t, wrongDirections(tree, directions()),
		". must not import tocsin/internal/secret; it may import nothing of ours",
		"internal/dialect/soda must not import tocsin/internal/dialect/uptimeio",
		"internal/dialect/soda must not import tocsin/internal/store",
		`internal/dialect/soda/x has no rule: add {"internal/dialect/soda/x"`,
		"internal/incident must not import tocsin/internal/access; it may import only ., internal/store",
		"internal/store/sqlite must not import tocsin/internal/httpkit",
	)
}

func TestBrokenFencesAreFound(t *testing.T) {
	t.Parallel()
	tree := fixture(t, map[string]string{
		"tocsin.go":                  "package tocsin\nimport (_ \"strings\"; _ \"golang.org/x/text/cases\")",
		"internal/incident/i.go":     "package incident\nimport (_ \"database/sql\"; _ \"net/http/httptrace\"; _ \"log/slog\"; _ \"testing/synctest\")",
		"internal/store/pg/pg.go":    "package pg\nimport (_ \"database/sql\"; _ \"github.com/jackc/pgx/v5/pgxpool\")",
		"internal/httpkit/kit.go":    "package httpkit\nimport (_ \"net/http\"; _ \"log\")",
		"internal/httpkit/a_test.go": "package httpkit_test\nimport _ \"testing\"",
	})
	wantProblems(t, brokenFences(tree, fences()),
		". must not import golang.org/x/text/cases",
		"internal/httpkit must not import log: log through an injected *slog.Logger",
		"internal/incident must not import database/sql: SQL stays under internal/store",
		"internal/incident must not import net/http/httptrace: HTTP stays at the edge",
		"internal/incident must not import testing/synctest: the product must not link",
	)
}
