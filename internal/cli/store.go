package cli

import (
	"errors"
	"fmt"
	"strings"

	"tocsin/internal/app"
	"tocsin/internal/secret"
)

// storeCommand is about the database as a whole.
type storeCommand struct {
	Copy storeCopyCommand `cmd:"" help:"Move to the other engine: copy everything into an empty database, and compare."`
}

type storeCopyCommand struct {
	From secret.Secret `arg:"" help:"Data directory, or PostgreSQL URL, to copy from."`
	To   secret.Secret `arg:"" help:"PostgreSQL URL, or data directory, to copy to; it must be empty."`
	JSON bool          `help:"Print one JSON object."`
}

// Help returns the examples.
func (*storeCopyCommand) Help() string {
	return "Examples:\n\n" +
		"  tocsin store copy /var/lib/tocsin postgres://tocsin@db1/tocsin\n" +
		"  tocsin store copy postgres://tocsin@db1/tocsin /var/lib/tocsin\n\n" +
		"Stop the servers first: what they commit meanwhile would stay in the old place. Every table and the audit\n" +
		"root of every organisation's log are computed on both sides; any difference undoes the copy."
}

// Validate returns every mistake in the arguments.
func (cmd *storeCopyCommand) Validate() error {
	if cmd.From == "" || cmd.To == "" {
		return errors.New("neither FROM nor TO may be empty")
	}
	return nil
}

// Run copies the database and says what was copied.
func (cmd *storeCopyCommand) Run(c console) error {
	report, err := app.CopyStore(c.ctx, databaseAt(cmd.From), databaseAt(cmd.To), c.progress())
	if err != nil {
		return fmt.Errorf("copy the database: %w", err)
	}
	return newOutput(c, cmd.JSON).copied("the copy", report)
}

// databaseAt reads a place on the command line: a PostgreSQL URL or a directory.
func databaseAt(place secret.Secret) app.Database {
	if text := place.Reveal(); !strings.HasPrefix(text, "postgres://") && !strings.HasPrefix(text, "postgresql://") {
		return app.Database{Dir: text}
	}
	return app.Database{URL: place}
}
