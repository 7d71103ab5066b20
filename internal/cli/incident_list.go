package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tocsin/client"
)

type incidentList struct {
	shaped
	All      bool     `short:"a" help:"Those that are over too."`
	Status   []string `short:"s" placeholder:"STATUS" help:"Only with one of these: open, investigating, fixing, resolved, closed."`
	Severity []string `placeholder:"SEVERITY" help:"Only with one of these: critical, major, minor, warning."`
	Project  string   `short:"p" placeholder:"NAME|ID" help:"Only of one project."`
	Label    []string `short:"l" placeholder:"KEY[=VALUE]" sep:"none" help:"Only with this label; may be given again."`
	Lead     string   `placeholder:"EMAIL|ID|me" help:"Only those in one person's charge."`
	Text     string   `placeholder:"TEXT" help:"Only with this in the title, the description or the error message."`
	Since    string   `placeholder:"WHEN" help:"Only those created since: a time, a day, or how long ago, as in 2h or 7d."`
	Until    string   `placeholder:"WHEN" help:"Only those created before."`
	Sort     string   `enum:"number,created_at,updated_at,started_at,severity" default:"number" help:"Sort by number, created_at, updated_at, started_at or severity."`
	Order    string   `enum:"desc,asc" default:"desc" help:"asc or desc."`
	Limit    int      `short:"n" default:"50" help:"At most so many; 0 is all."`
}

// Help returns the examples.
func (incidentList) Help() string {
	return "Examples:\n\n" +
		"  tocsin incident list\n" +
		"  tocsin incident list --severity critical,major --project 'Online shop'\n" +
		"  tocsin incident list --all --since 7d --sort updated_at\n" +
		"  tocsin incident list --json number,title --jq '.[] | select(.number > 10) | .title'\n\n" +
		"On a terminal it prints a table. Into a pipe it prints lines with tabs between: number, severity, status, title, opened, updated, id."
}

// Run lists incidents.
func (cmd incidentList) Run(c console, r *remote) error {
	q := client.IncidentQuery{Labels: cmd.Label, Text: cmd.Text, Sort: cmd.Sort, Order: cmd.Order}
	var errs []error
	for _, s := range cmd.Status {
		q.Statuses = append(q.Statuses, client.Status(s))
		errs = append(errs, oneOf("status", s, statuses()))
	}
	for _, s := range cmd.Severity {
		q.Severities = append(q.Severities, client.Severity(s))
		errs = append(errs, oneOf("severity", s, severities()))
	}
	if !cmd.All && len(q.Statuses) == 0 {
		q.Statuses = []client.Status{client.Open, client.Investigating, client.Fixing}
	}
	var err error
	q.CreatedAfter, err = parseWhen("since", cmd.Since, time.Now())
	errs = append(errs, err)
	q.CreatedBefore, err = parseWhen("until", cmd.Until, time.Now())
	if err := errors.Join(append(errs, err)...); err != nil {
		return usageError{err}
	}
	q.Limit = pageSize(cmd.Limit)
	return call[client.Incident](c, r, cmd.shaped, func(s *caller) (err error) {
		if cmd.Project != "" {
			if q.ProjectID, err = s.projectID(cmd.Project); err != nil {
				return err
			}
		}
		if cmd.Lead != "" {
			if q.LeadID, err = s.userID(cmd.Lead); err != nil {
				return err
			}
		}
		found, err := collect(s.Incidents.All(s.ctx, q), cmd.Limit)
		if err != nil {
			return err
		}
		if err := show(s.out, found, incidentColumns(s.out)); err != nil {
			return err
		}
		if cmd.Limit > 0 && len(found) == cmd.Limit && s.out.terminal {
			s.say("There may be more: --limit 0 shows all")
		}
		return nil
	})
}

// pageSize is how much to ask for at a time to show limit items.
func pageSize(limit int) int {
	if limit <= 0 || limit > 100 {
		return 100
	}
	return limit
}

func statuses() []string {
	return []string{"open", "investigating", "fixing", "resolved", "closed"}
}

func severities() []string { return []string{"critical", "major", "minor", "warning"} }

// oneOf returns an error that names what is near, unless given is one of names.
func oneOf(flag, given string, names []string) error {
	if slices.Contains(names, given) {
		return nil
	}
	hint := "there are: " + strings.Join(names, ", ")
	if near := nearest(given, names); len(near) > 0 {
		hint = "did you mean " + strings.Join(near, " or ") + "?"
	}
	return fmt.Errorf("--%s: there is no %q; %s", flag, given, hint)
}
