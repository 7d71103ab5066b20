package postgres

import (
	"context"
	"database/sql"
	"embed"
	"io/fs"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"tocsin/internal/store"
	"tocsin/internal/store/sqlstore"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are the schema's versions, in order.
func Migrations() fs.FS {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // the folder is embedded above
	}
	return sub
}

// A node waits this long for another one's migrations: so many tries, a second
// apart.
const migrationTries = 300

// prepareDatabase brings the schema up to date and returns the installation's identity.
func prepareDatabase(ctx context.Context, cfg *pgxpool.Config, o Options) (store.Identity, error) {
	db := stdlib.OpenDB(*cfg.ConnConfig.Copy())
	defer db.Close()
	if err := migrate(ctx, db); err != nil {
		return store.Identity{}, err
	}
	return sqlstore.Identify(ctx, db, store.NewIdentity(o.NewID()), o.Now())
}

// migrate brings the schema up to date, or refuses one that is newer than ours.
// The lock is held by one node at a time, so that several may start at once.
func migrate(ctx context.Context, db *sql.DB) error {
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, migrationTries))
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectPostgres, db, Migrations(), goose.WithLogger(goose.NopLogger()), goose.WithSessionLocker(locker))
	if err != nil {
		return err
	}
	return sqlstore.Migrate(ctx, p)
}
