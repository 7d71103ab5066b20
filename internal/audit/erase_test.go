package audit_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tocsin"
	"tocsin/internal/store"
)

// What was redacted must not stay behind in the free space of an embedded
// database, once its server has stopped.
func TestRedact_leavesNothingInTheFilesOfAnEmbeddedDatabase(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openSQLite(t, dir)
	h := newHouse(t, s, nil)
	inc := h.incident(t, "one")
	short, long := "correct-horse-battery", strings.Repeat("staple-correct-horse ", 2000)
	h.describe(t, inc.ID, short)
	h.describe(t, inc.ID, "between")
	seqs := []int64{must(h.History(t.Context(), h.system.Org, store.Key{Kind: tocsin.KindIncident, ID: inc.ID}))(t)[1].Seq}
	must(h.incidents.Update(t.Context(), h.system, inc.ID, tocsin.Patch{Description: &long}, tocsin.Rules{}))(t)
	h.describe(t, inc.ID, "at last")
	seqs = append(seqs, must(h.History(t.Context(), h.system.Org, store.Key{Kind: tocsin.KindIncident, ID: inc.ID}))(t)[3].Seq)
	for _, seq := range seqs {
		must(h.audit.Redact(t.Context(), h.system, seq, "a password", nil))(t)
	}
	ok(t, s.Close())
	for _, name := range must(filepath.Glob(filepath.Join(dir, "*")))(t) {
		b := must(os.ReadFile(name))(t)
		for _, text := range []string{short, long[:200]} {
			if n := bytes.Count(b, []byte(text)); n > 0 {
				t.Errorf("%s holds %q still, %d times", filepath.Base(name), text[:20], n)
			}
		}
	}
}
