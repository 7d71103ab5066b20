package app

import (
	"context"
	"time"

	"tocsin/internal/operate"
)

// place is where an operator's command finds a database.
func (d Database) place() operate.Place { return operate.Place{Dir: d.Dir, URL: d.URL} }

// A CopyReport is what a backup, a restore or a move has copied.
type CopyReport = operate.Report

// Progress is told what a long command is doing and how much of it is done;
// total is 0 where it is not known.
type Progress = operate.Progress

// Backup writes all that the database holds to a file; see package operate.
func Backup(ctx context.Context, from Database, file string, overwrite bool, progress Progress) (CopyReport, error) {
	return operate.Backup(ctx, from.place(), file, overwrite, progress)
}

// Restore makes an empty place hold what a backup holds.
func Restore(ctx context.Context, file string, to Database, progress Progress) (CopyReport, error) {
	return operate.Restore(ctx, file, to.place(), progress)
}

// CopyStore copies a database into an empty place, as from one engine to the other.
func CopyStore(ctx context.Context, from, to Database, progress Progress) (CopyReport, error) {
	return operate.Copy(ctx, from.place(), to.place(), progress)
}

// A MigrationReport says how far a schema is, and what ran.
type MigrationReport = operate.Migrations

// Migrate brings a schema up to date, or only tries to.
func Migrate(ctx context.Context, d Database, dryRun bool, progress Progress) (MigrationReport, error) {
	return operate.Migrate(ctx, d.place(), dryRun, progress)
}

// A Finding is what one of the doctor's checks came to.
type Finding = operate.Finding

// What a Finding may say.
const (
	FindingOK   = operate.OK
	FindingFail = operate.Fail
)

// Doctor looks at a database and the machine that it is asked on.
func Doctor(ctx context.Context, d Database) ([]Finding, error) {
	return operate.Doctor(ctx, d.place(), time.Now)
}
