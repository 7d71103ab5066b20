package cli

import (
	"errors"
	"fmt"

	"tocsin/internal/app"
)

type restoreCommand struct {
	storage
	File string `arg:"" help:"Backup to restore, as 'tocsin backup' made it."`
	JSON bool   `help:"Print one JSON object."`
}

// Help returns the examples and what comes after.
func (*restoreCommand) Help() string {
	return "Examples:\n\n" +
		"  tocsin restore tocsin.backup --data /var/lib/tocsin\n" +
		"  tocsin restore tocsin.backup --database postgres://tocsin@db1/tocsin\n\n" +
		"The place must be empty: a backup never goes over a database. It is checked before and after, and nothing\n" +
		"is left there when either fails.\n\n" + afterRestore
}

// afterRestore says what a restored database will meet.
const afterRestore = "If changes were made after the backup, a node that has signed them finds the audit trail set back: it pages on,\n" +
	"but signs nothing more until you say that this is meant, with that node's --state (last-checkpoints):\n" +
	"  tocsin admin audit-epoch\n" +
	"opens a new epoch of the trail and records the break. To go on with the same signing key, put audit.key back\n" +
	"before the first start."

// Validate returns every mistake in the settings.
func (cmd *restoreCommand) Validate() error {
	errs := cmd.storage.problems()
	if cmd.Data == "" && cmd.Database == "" {
		errs = append(errs, errors.New("say where to restore to: --data DIR or --database URL"))
	}
	return errors.Join(errs...)
}

// Run restores the backup and says what was in it.
func (cmd *restoreCommand) Run(c console) error {
	report, err := app.Restore(c.ctx, cmd.File, cmd.database(false), c.progress())
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	if err := newOutput(c, cmd.JSON).copied(cmd.File, report); err != nil {
		return err
	}
	_, err = fmt.Fprintln(c.stderr, "\n"+afterRestore)
	return err
}
