package cli

import (
	"errors"
	"fmt"

	"tocsin/internal/app"
)

type backupCommand struct {
	storage
	File  string `arg:"" help:"File to write."`
	Force bool   `help:"Replace the file if it is there already."`
	JSON  bool   `help:"Print one JSON object."`
}

// Help returns the examples and what is not in a backup.
func (*backupCommand) Help() string {
	return "Examples:\n\n" +
		"  tocsin backup /backups/tocsin-$(date +%F).backup --data /var/lib/tocsin\n" +
		"  TOCSIN_DATABASE_FILE=/run/secrets/database tocsin backup tocsin.backup\n\n" +
		"Servers may be running on the database. The file is a SQLite database, from either engine; it is there\n" +
		"only once it is whole and has been checked. It holds everything as it is, API keys only as hashes: keep it as\n" +
		"safe as the database. What a node keeps for itself is not in it: the key that signs the audit trail (audit.key)\n" +
		"and its last checkpoints, in the data directory or where --state says. Copy audit.key once, to another place\n" +
		"than the backups: who has both could forge the trail."
}

// Validate returns every mistake in the settings.
func (cmd *backupCommand) Validate() error { return errors.Join(cmd.storage.problems()...) }

// Run makes the backup and says what is in it.
func (cmd *backupCommand) Run(c console) error {
	report, err := app.Backup(c.ctx, cmd.database(false), cmd.File, cmd.Force, c.progress())
	if err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	return newOutput(c, cmd.JSON).copied(cmd.File, report)
}
