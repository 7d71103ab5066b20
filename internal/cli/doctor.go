package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"text/tabwriter"

	"tocsin/internal/app"
)

// exitDown is doctor's exit code when something is down.
const exitDown = 10

type doctorCommand struct {
	storage
	JSON bool `help:"Print JSON, one object a check."`
}

// Help returns the examples and the exit codes.
func (*doctorCommand) Help() string {
	return "Examples:\n\n" +
		"  tocsin doctor --data /var/lib/tocsin\n" +
		"  tocsin doctor --json | jq 'select(.state != \"ok\")'\n\n" +
		"Looks and changes nothing; a server may be running. Run it as the server's user, with its settings.\n" +
		"Exit code 0: nothing is down. 10: something is. 1: it could not look."
}

// Validate returns every mistake in the settings.
func (cmd *doctorCommand) Validate() error { return errors.Join(cmd.storage.problems()...) }

type findingJSON struct {
	Check  string `json:"check"`
	State  string `json:"state"`
	Detail string `json:"detail"`
	Advice string `json:"advice,omitempty"`
}

// Run looks, and prints a line for each check.
func (cmd *doctorCommand) Run(c console) error {
	findings, err := app.Doctor(c.ctx, cmd.database(false))
	if err != nil {
		return fmt.Errorf("look at the installation: %w", err)
	}
	if err := cmd.print(c, findings); err != nil {
		return err
	}
	failed := 0
	for _, f := range findings {
		if f.State == app.FindingFail {
			failed++
		}
	}
	if failed > 0 {
		return exitError{fmt.Errorf("something is down: see 'fail' above (%d of %d checks)", failed, len(findings)), exitDown}
	}
	return nil
}

func (cmd *doctorCommand) print(c console, findings []app.Finding) error {
	if cmd.JSON {
		lines := json.NewEncoder(c.stdout)
		for _, f := range findings {
			if err := lines.Encode(findingJSON{f.Check, string(f.State), f.Detail, f.Advice}); err != nil {
				return err
			}
		}
		return nil
	}
	o := newOutput(c, false)
	table := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
	for _, f := range findings {
		text := f.Detail
		if f.State != app.FindingOK {
			text += ". " + f.Advice
		}
		if err := o.line(table, []string{string(f.State), f.Check, text}); err != nil {
			return err
		}
	}
	return table.Flush()
}
