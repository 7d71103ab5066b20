package script_test

import (
	"bytes"
	"database/sql"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	_ "modernc.org/sqlite"
)

// absent TEXT PATH…: checks that no file, and no file below a folder, holds the
// text; of an API token neither its secret, as text or as bytes.
func absent(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 || len(args[0]) < 4 {
		ts.Fatalf("usage: [!] absent TEXT PATH…")
	}
	secrets := [][]byte{[]byte(args[0])}
	if body, ok := strings.CutPrefix(args[0], "tcn_"); ok && len(body) == 104 {
		secret := body[32:96]
		raw, err := hex.DecodeString(secret)
		ts.Check(err)
		secrets = append(secrets, []byte(secret), raw)
	}
	var holders []string
	for _, path := range args[1:] {
		ts.Check(filepath.WalkDir(ts.MkAbs(path), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			if slices.ContainsFunc(secrets, func(s []byte) bool { return bytes.Contains(text, s) }) {
				holders = append(holders, path)
			}
			return err
		}))
	}
	if found := len(holders) > 0; found != neg {
		ts.Fatalf("files that hold %q: %v", args[0], holders)
	}
}

// newer-schema DIR: makes the database look as if a later release had made it.
func newerSchema(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: newer-schema DIR")
	}
	db, err := sql.Open("sqlite", filepath.Join(ts.MkAbs(args[0]), "tocsin.db"))
	ts.Check(err)
	_, err = db.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)")
	ts.Check(errors.Join(err, db.Close()))
}
