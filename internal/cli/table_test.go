package cli

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/client"
)

// These go past Run too: a test has no terminal.

func remoteTerminal(width int, colour bool) (p printer, printed *bytes.Buffer) {
	o, printed, _ := onTerminal()
	return printer{output: o, width: width, colour: colour}, printed
}

func someIncidents(now time.Time) []client.Incident {
	return []client.Incident{
		{Number: 12, Severity: client.Critical, Status: client.Open, Title: "Payments are down in all of the west", OpenedAt: now.Add(-5 * time.Minute), UpdatedAt: now.Add(-time.Second), ID: "i12"},
		{Number: 7, Severity: client.Minor, Status: client.Closed, Title: "Slow\x1b[2J", OpenedAt: now.Add(-72 * time.Hour), ID: "i7"},
	}
}

func TestATableFitsTheTerminal(t *testing.T) {
	t.Parallel()
	p, printed := remoteTerminal(61, false)
	if err := show(p, someIncidents(p.now), incidentColumns(p)); err != nil {
		t.Fatal(err)
	}
	want := `NUMBER  SEVERITY  STATUS  TITLE               OPENED  UPDATED
12      critical  open    Payments are down…  5m ago  1s ago
7       minor     closed  Slow\x1b[2J         3d ago  -
`
	if diff := cmp.Diff(want, printed.String()); diff != "" {
		t.Errorf("the table differs (-want +got):\n%s", diff)
	}
}

func TestColoursAreTheTerminalsOwn(t *testing.T) {
	t.Parallel()
	p, printed := remoteTerminal(0, true)
	if err := show(p, someIncidents(p.now)[:1], incidentColumns(p)[1:3]); err != nil {
		t.Fatal(err)
	}
	want := "\x1b[2mSEVERITY  \x1b[0m\x1b[2mSTATUS\x1b[0m\n\x1b[31mcritical  \x1b[0m\x1b[31mopen\x1b[0m\n"
	if diff := cmp.Diff(want, printed.String()); diff != "" {
		t.Errorf("the table differs (-want +got):\n%s", diff)
	}
	for environ, want := range map[string]bool{"NO_COLOR=1": false, "CLICOLOR_FORCE=1": true, "CLICOLOR_FORCE=0": false, "TERM=dumb": false} {
		if got := wantsColour(console{environ: []string{environ}}, environ != "CLICOLOR_FORCE=1" && environ != "CLICOLOR_FORCE=0"); got != want {
			t.Errorf("with %s: colours %v; want %v", environ, got, want)
		}
	}
}

func TestNoSpreadsheetTakesATextForAFormula(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"=1", "+1", "-1", "@x", "\tx", "\rx"} {
		if got := harmless(text); got != "'"+text {
			t.Errorf("%q becomes %q", text, got)
		}
	}
	for _, text := range []string{"", "a=1", "1-1", "'x"} {
		if got := harmless(text); got != text {
			t.Errorf("%q becomes %q; want it as it is", text, got)
		}
	}
}
