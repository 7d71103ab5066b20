package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"tocsin/internal/app"
)

type migrateCommand struct {
	storage
	DryRun bool `help:"Try it where nothing is changed, and say how long each step takes."`
	JSON   bool `help:"Print one JSON object."`
}

// Help returns the examples.
func (*migrateCommand) Help() string {
	return "Examples:\n\n" +
		"  tocsin migrate --dry-run --data /var/lib/tocsin\n" +
		"  tocsin migrate --database postgres://tocsin@db1/tocsin\n\n" +
		"A server does the same by itself when it starts. A dry run tries the steps on a copy in the data directory,\n" +
		"or in a PostgreSQL transaction that is rolled back; there changes may have to wait for it."
}

// Validate returns every mistake in the settings.
func (cmd *migrateCommand) Validate() error { return errors.Join(cmd.storage.problems()...) }

// The JSON forms of a report.
type (
	migrationsJSON struct {
		Have    int64           `json:"schema"`
		Known   int64           `json:"known"`
		DryRun  bool            `json:"dry_run"`
		Pending []string        `json:"pending"`
		Ran     []migrationJSON `json:"ran"`
	}
	migrationJSON struct {
		Name         string  `json:"name"`
		Milliseconds float64 `json:"duration_ms"`
	}
)

// Run migrates, or tries to, and says what ran.
func (cmd *migrateCommand) Run(c console) error {
	m, err := app.Migrate(c.ctx, cmd.database(false), cmd.DryRun, c.progress())
	if err == nil || len(m.Ran) > 0 {
		err = errors.Join(err, cmd.print(c, m))
	}
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

func (cmd *migrateCommand) print(c console, m app.MigrationReport) error {
	if cmd.JSON {
		j := migrationsJSON{Have: m.Have, Known: m.Known, DryRun: cmd.DryRun, Pending: []string{}, Ran: []migrationJSON{}}
		for _, p := range m.Pending {
			j.Pending = append(j.Pending, p.Name)
		}
		for _, r := range m.Ran {
			j.Ran = append(j.Ran, migrationJSON{r.Name, float64(r.Took.Microseconds()) / 1000})
		}
		return json.NewEncoder(c.stdout).Encode(j)
	}
	fmt.Fprintf(c.stdout, "schema version %d, this program knows %d\n", m.Have, m.Known)
	if len(m.Pending) == 0 {
		_, err := fmt.Fprintln(c.stdout, "nothing to do")
		return err
	}
	how := "ran"
	if cmd.DryRun {
		how = "tried"
	}
	for i, p := range m.Pending {
		line := p.Name + " did not run"
		if i < len(m.Ran) {
			line = fmt.Sprintf("%s %s in %s", p.Name, how, m.Ran[i].Took.Round(100*time.Microsecond))
		}
		if _, err := fmt.Fprintln(c.stdout, line); err != nil {
			return err
		}
	}
	return nil
}
