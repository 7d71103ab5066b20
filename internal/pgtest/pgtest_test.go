package pgtest_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"tocsin/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func TestURL_isOfAnEmptyDatabaseOfItsOwn(t *testing.T) {
	ctx := context.Background()
	for range 2 {
		conn, err := pgx.Connect(ctx, pgtest.URL(t))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(ctx)
		if _, err := conn.Exec(ctx, "CREATE TABLE only_here (x INTEGER)"); err != nil {
			t.Errorf("two calls gave one database: %v", err)
		}
	}
}
