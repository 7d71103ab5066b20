package script_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"tocsin/internal/cli"
	"tocsin/internal/pgtest"
)

// TestMain makes the test binary answer to the name tocsin, so that scripts run
// the program as a process of its own.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"tocsin": func() { os.Exit(cli.Run(os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr)) },
	})
}

// TestStories runs the stories of the embedded database.
func TestStories(t *testing.T) {
	t.Parallel()
	testscript.Run(t, params(t, "testdata/*.txtar"))
}

// TestStoriesOnPostgreSQL runs the stories that need a PostgreSQL, whose URL
// they find in $DATABASE.
func TestStoriesOnPostgreSQL(t *testing.T) {
	if os.Getenv(pgtest.AdminVariable) == "" {
		t.Setenv(pgtest.AdminVariable, pgtest.NewServer(t).URL)
	}
	for _, file := range files(t, "testdata/postgres/*.txtar") {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			p := params(t, file)
			setup, url := p.Setup, pgtest.URL(t)
			p.Setup = func(env *testscript.Env) error {
				env.Setenv("DATABASE", url)
				return setup(env)
			}
			testscript.Run(t, p)
		})
	}
}

func params(t *testing.T, pattern string) testscript.Params {
	t.Helper()
	return testscript.Params{
		Files:              files(t, pattern),
		RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			w := &world{running: map[string]*process{}, held: map[string]*heldRequest{}}
			env.Values[worldKey{}] = w
			env.Defer(func() { w.end(env.T()) })
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"start":        start,
			"stop":         stop,
			"terminate":    terminate,
			"ended":        ended,
			"refused":      refused,
			"http":         request,
			"hold":         hold,
			"release":      release,
			"capture":      capture,
			"find":         find,
			"keys":         keys,
			"scrub":        scrub,
			"absent":       absent,
			"newer-schema": newerSchema,
		},
	}
}

func files(t *testing.T, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) == 0 {
		t.Fatalf("no stories match %s: %v", pattern, err)
	}
	return found
}
