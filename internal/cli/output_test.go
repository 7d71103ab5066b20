package cli

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin"
)

// A terminal is the one thing that a test cannot have, so these go past Run.

func onTerminal() (o output, printed, said *bytes.Buffer) {
	printed, said = new(bytes.Buffer), new(bytes.Buffer)
	return output{stdout: printed, stderr: said, terminal: true, now: time.Date(2026, 12, 24, 18, 0, 0, 0, time.UTC)}, printed, said
}

func TestATerminalGetsATable(t *testing.T) {
	t.Parallel()
	o, printed, _ := onTerminal()
	rows := []keyRow{
		{ID: "1", Name: "pager script", Owner: "ben@example.org", Project: "shop", CreatedAt: o.now.Add(-72 * time.Hour), ExpiresAt: o.now.Add(90 * time.Minute)},
		{ID: "2", Name: "wallboard", Owner: "ada@example.org", Permissions: tocsin.ViewIncidents.Names(), CreatedAt: o.now.Add(-47 * time.Hour), LastUsedAt: o.now.Add(-5 * time.Second)},
	}
	if err := list(o, rows); err != nil {
		t.Fatal(err)
	}
	want := `ID  NAME          OWNER            PROJECT  PERMISSIONS     CREATED  LAST USED  EXPIRES  REVOKED
1   pager script  ben@example.org  shop     -               3d ago   -          in 1h    -
2   wallboard     ada@example.org  -        incidents.view  47h ago  5s ago     -        -
`
	if diff := cmp.Diff(want, printed.String()); diff != "" {
		t.Errorf("the table differs (-want +got):\n%s", diff)
	}
}

func TestATerminalIsToldOfAnEmptyList(t *testing.T) {
	t.Parallel()
	o, printed, said := onTerminal()
	if err := list(o, []orgRow{}); err != nil {
		t.Fatal(err)
	}
	if printed.Len() != 0 || said.Len() == 0 {
		t.Errorf("an empty list prints %q and says %q; want nothing printed and something said", printed, said)
	}
}
