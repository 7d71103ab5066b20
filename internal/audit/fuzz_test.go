package audit_test

import (
	"os"
	"path/filepath"
	"testing"

	"tocsin/internal/audit/verify"
)

// FuzzVerify gives the verifier files that somebody made up: it must neither
// fail nor call proven what is not the export that was made.
func FuzzVerify(f *testing.F) {
	s, db := engines()["sqlite"](f)
	h := newHouse(f, s, db)
	inc := h.incident(f, "one")
	h.describe(f, inc.ID, "two")
	whole := must(os.ReadFile(h.export(f, h.system)))(f)
	key := h.vkey(f)
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "export.tar")
		ok(t, os.WriteFile(path, b, 0o600))
		if r := verified(t, path, key); r.Verdict == verify.Proven && r.Size != 5 {
			t.Errorf("proven is a log of %d entries that was never signed", r.Size)
		}
	})
}
