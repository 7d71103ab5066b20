package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"time"

	"github.com/pressly/goose/v3"
)

// A Migration is one step of the schema, and how long it took if it has run.
type Migration struct {
	Version int64
	Name    string
	Took    time.Duration
}

// Newest returns the newest version among an engine's migrations.
func Newest(migrations fs.FS) (int64, error) {
	names, err := fs.Glob(migrations, "*.sql")
	var newest int64
	for _, name := range names {
		v, nerr := goose.NumericComponent(name)
		err = errors.Join(err, nerr)
		newest = max(newest, v)
	}
	return newest, err
}

// Pending returns the version of a schema and the migrations that it lacks. A
// schema newer than the newest of them is refused.
func Pending(ctx context.Context, p *goose.Provider) (have int64, pending []Migration, err error) {
	have, known, err := p.GetVersions(ctx)
	if err != nil {
		return 0, nil, fmt.Errorf("read the schema's version: %w", err)
	}
	if err := NewerSchema(have, known); err != nil {
		return have, nil, err
	}
	for _, s := range p.ListSources() {
		if s.Version > have {
			pending = append(pending, Migration{Version: s.Version, Name: path.Base(s.Path)})
		}
	}
	return have, pending, nil
}

// RunPending runs every migration that a schema lacks, and returns those that it
// ran: all that came before one that failed.
func RunPending(ctx context.Context, p *goose.Provider) ([]Migration, error) {
	results, err := p.Up(ctx)
	var partial *goose.PartialError
	if errors.As(err, &partial) {
		results = partial.Applied
	}
	ran := make([]Migration, len(results))
	for i, r := range results {
		ran[i] = Migration{Version: r.Source.Version, Name: path.Base(r.Source.Path), Took: r.Duration}
	}
	return ran, err
}
