package operate

import (
	"context"
	"io/fs"
)

// MigrateTo migrates to the steps of a later release.
func MigrateTo(ctx context.Context, p Place, steps fs.FS, dryRun bool) (Migrations, error) {
	return migrate(ctx, p, steps, dryRun, func(string, int64, int64) {})
}

// Judge returns the findings about what was seen.
func Judge(f Facts) []Finding { return judge(f) }

// The parts of what is seen.
type (
	Facts   = facts
	Host    = host
	DataDir = dataDir
)
