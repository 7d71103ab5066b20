package storetest

import (
	"database/sql"
	"testing"
)

// CheckLogIsKept tries to change and delete log records with SQL and fails the
// test where the database lets it. The log must hold a record.
func CheckLogIsKept(t *testing.T, db *sql.DB) {
	t.Helper()
	for _, text := range []string{
		"DELETE FROM log",
		"DELETE FROM log WHERE seq = 1",
		"UPDATE log SET leaf = leaf_hash",
		"UPDATE log SET leaf_hash = leaf",
		"UPDATE log SET seq = seq + 1",
		"UPDATE log SET version = 7",
		"UPDATE log SET kind = 'user'",
	} {
		if _, err := db.ExecContext(t.Context(), text); err == nil {
			t.Errorf("the database allowed %q: its triggers must refuse", text)
		}
	}
	// Details may be erased; the proof outlives them.
	result, err := db.ExecContext(t.Context(), "UPDATE log SET details = NULL, nonce = NULL WHERE seq = 1")
	if err != nil {
		t.Fatalf("erase the details of a record: %v", err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		t.Errorf("erased the details of %d records, %v; does the log hold one?", n, err)
	}
}
