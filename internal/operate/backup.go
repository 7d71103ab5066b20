package operate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"tocsin/internal/store/sqlite"
	"tocsin/internal/store/sqlstore"
)

// Backup writes all that a database holds now to a file, beside running servers.
// The file is there only once it is whole, read again and durable. One that is
// there already is replaced only with overwrite.
func Backup(ctx context.Context, from Place, file string, overwrite bool, progress Progress) (Report, error) {
	began := time.Now()
	if _, err := os.Stat(file); err == nil && !overwrite {
		return Report{}, fmt.Errorf("%s is there already; choose another name, or replace it with --force", file)
	}
	var r Report
	err := publish(file, func(path string) (err error) {
		if from.embedded() {
			r, err = copyDir(ctx, from, path, progress)
		} else {
			r, err = dump(ctx, from, path, progress)
		}
		if err != nil {
			return err
		}
		if err := sqlite.CheckFile(ctx, path); err != nil {
			return fmt.Errorf("the copy is damaged: %w", err)
		}
		if err := seal(path); err != nil {
			return fmt.Errorf("seal the backup: %w", err)
		}
		info, err := os.Stat(path)
		if err == nil {
			r.Bytes = info.Size()
		}
		return err
	})
	r.Took = time.Since(began)
	return r, err
}

// copyDir copies an embedded database to a file and compares how many rows each
// table has.
func copyDir(ctx context.Context, from Place, path string, progress Progress) (Report, error) {
	if err := from.mustExist(); err != nil {
		return Report{}, err
	}
	rows, err := sqlite.CopyDir(ctx, from.Dir, path, progress)
	if err != nil {
		return Report{}, err
	}
	survey, err := surveyFile(ctx, path, progress)
	if err != nil {
		return Report{}, fmt.Errorf("the copy is damaged; if the database itself is, 'tocsin doctor' says where: %w", err)
	}
	for _, t := range survey.Tables {
		if t.Rows != rows[t.Table] {
			return Report{}, fmt.Errorf("the copy is not what it was made of: table %s had %d rows and has %d", t.Table, rows[t.Table], t.Rows)
		}
	}
	return Report{Survey: survey}, nil
}

// dump copies a PostgreSQL database to a file, table by table, and compares all.
func dump(ctx context.Context, from Place, path string, progress Progress) (r Report, err error) {
	source, err := from.read(ctx)
	if err != nil {
		return Report{}, err
	}
	defer closing(source, &err)
	return copied(ctx, source, progress, func(check func(*sqlstore.Snapshot) error) error {
		return sqlite.Build(ctx, path, source, check, progress)
	})
}

// surveyFile surveys a database in a single file that nobody writes.
func surveyFile(ctx context.Context, path string, progress Progress) (survey sqlstore.Survey, err error) {
	newest, err := known()
	if err != nil {
		return survey, err
	}
	s, err := sqlite.ReadFile(ctx, path)
	if err != nil {
		return survey, err
	}
	defer closing(s, &err)
	return s.Survey(ctx, newest, progress)
}

// Restore makes an empty place hold what a backup holds. The backup is checked
// first and the place after; nothing is left there when either fails.
func Restore(ctx context.Context, file string, to Place, progress Progress) (Report, error) {
	began := time.Now()
	var r Report
	restore := func(path string) (err error) {
		progress("reading the backup", 0, 0)
		if err := unpack(file, path); err != nil {
			return err
		}
		if err := sqlite.CheckFile(ctx, path); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if r.Survey, err = surveyFile(ctx, path, progress); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		info, err := os.Stat(path)
		if err == nil {
			r.Bytes = info.Size()
		}
		return err
	}
	var err error
	if to.embedded() {
		err = to.place(restore)
	} else {
		r, err = restoreInto(ctx, restore, to, progress)
	}
	r.Took = time.Since(began)
	return r, err
}

// unpack writes the database that a backup holds to a new file.
func unpack(file, path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(unseal(file, f), f.Close())
}

// restoreInto restores to a temporary file and copies that to PostgreSQL.
func restoreInto(ctx context.Context, restore func(path string) error, to Place, progress Progress) (r Report, err error) {
	scratch, err := os.MkdirTemp("", "tocsin-restore-")
	if err != nil {
		return Report{}, err
	}
	defer os.RemoveAll(scratch)
	path := filepath.Join(scratch, sqlite.FileName)
	if err := restore(path); err != nil {
		return Report{}, err
	}
	source, err := sqlite.ReadFile(ctx, path)
	if err != nil {
		return Report{}, err
	}
	defer closing(source, &err)
	return to.fill(ctx, source, progress)
}
