package sqlstore

import (
	"context"
	"fmt"

	"github.com/pressly/goose/v3"
)

// Migrate brings a schema up to date, or refuses one that is newer than this
// program knows: goose itself would pass over it in silence.
func Migrate(ctx context.Context, p *goose.Provider) error {
	have, known, err := p.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read the schema's version: %w", err)
	}
	if have > known {
		return fmt.Errorf("the database has schema version %d and this program knows %d at most: run the newer program that made it", have, known)
	}
	if have == known {
		return nil
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("bring the schema from version %d to %d: %w", have, known, err)
	}
	return nil
}
