package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/client"
)

type incidentCommand struct {
	remote
	List    incidentList    `cmd:"" help:"List incidents, those that are not over unless told otherwise."`
	View    incidentView    `cmd:"" help:"Show an incident."`
	Open    incidentOpen    `cmd:"" help:"Open an incident."`
	Ack     incidentAck     `cmd:"" help:"Acknowledge incidents: somebody is at work on them."`
	Update  incidentUpdate  `cmd:"" help:"Change an incident."`
	Note    incidentNote    `cmd:"" help:"Say something about an incident."`
	Resolve incidentResolve `cmd:"" help:"Resolve incidents: the trouble is past."`
	Close   incidentClose   `cmd:"" help:"Close incidents for good."`
	Link    incidentLink    `cmd:"" help:"Give an incident a link, or take one away."`
	Export  incidentExport  `cmd:"" help:"Print an incident with its whole timeline."`
}

// incidentColumns are those of lists.
func incidentColumns(out printer) []column[client.Incident] {
	return []column[client.Incident]{
		{name: "number", text: func(i client.Incident) string { return strconv.Itoa(int(i.Number)) }},
		{name: "severity", text: func(i client.Incident) string { return string(i.Severity) }, style: func(i client.Incident) style { return severityStyle(i.Severity) }},
		{name: "status", text: func(i client.Incident) string { return string(i.Status) }, style: func(i client.Incident) style { return statusStyle(i.Status) }},
		{name: "title", text: func(i client.Incident) string { return i.Title }, long: true},
		{name: "opened", text: func(i client.Incident) string { return out.time(i.OpenedAt) }},
		{name: "updated", text: func(i client.Incident) string { return out.time(i.UpdatedAt) }},
		{name: "id", text: func(i client.Incident) string { return i.ID }, piped: true},
	}
}

func severityStyle(s client.Severity) style {
	switch s {
	case client.Critical:
		return red
	case client.Major:
		return yellow
	default:
		return plain
	}
}

func statusStyle(s client.Status) style {
	switch {
	case s == client.Open:
		return red
	case s.Acknowledged():
		return blue
	case s == client.Resolved:
		return green
	default:
		return faint
	}
}

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

type incidentView struct {
	shaped
	ID      string `arg:"" help:"Its number or id."`
	Version int64  `placeholder:"N" help:"As it was at a version."`
	At      string `placeholder:"WHEN" help:"As it was at a time: a time, a day, or how long ago, as in 2h."`
	History bool   `help:"With what was changed when by whom, newest first."`
}

// Help returns the examples.
func (incidentView) Help() string {
	return "Examples:\n\n" +
		"  tocsin incident view 12\n" +
		"  tocsin incident view 12 --history\n" +
		"  tocsin incident view 12 --at 2h\n" +
		"  tocsin incident view 12 --json status,lead_id"
}

// Run shows an incident.
func (cmd incidentView) Run(c console, r *remote) error {
	at, err := parseWhen("at", cmd.At, time.Now())
	if err == nil && cmd.Version != 0 && cmd.At != "" {
		err = usageError{errors.New("--version and --at: give one of them")}
	}
	if err != nil {
		return err
	}
	return call[client.Incident](c, r, cmd.shaped, func(s *caller) error {
		i, err := s.incident(cmd.ID)
		switch {
		case err != nil:
		case cmd.Version != 0:
			i, err = s.Incidents.GetVersion(s.ctx, i.ID, cmd.Version)
		case cmd.At != "":
			i, err = s.Incidents.GetAt(s.ctx, i.ID, at)
		}
		if err != nil {
			return err
		}
		return showOne(s.out, i, func(w io.Writer) error {
			if err := s.writeIncident(w, i); err != nil || !cmd.History {
				return err
			}
			return s.writeHistory(w, i.ID)
		})
	})
}

// writeIncident prints an incident for reading.
func (s *caller) writeIncident(w io.Writer, i client.Incident) error {
	o := s.out
	heading := fmt.Sprintf("#%d %s", i.Number, escaped(i.Title))
	if _, err := fmt.Fprintln(w, o.paint(bold, heading)); err != nil {
		return err
	}
	var labels []string
	for _, key := range slices.Sorted(maps.Keys(i.Labels)) {
		labels = append(labels, key+"="+i.Labels[key])
	}
	var next []string
	for _, t := range i.AvailableTransitions {
		next = append(next, string(t))
	}
	facts := []fact{
		{"status", string(i.Status)},
		{"severity", string(i.Severity)},
		{"type", i.Type},
		{"source", i.Source},
		{"project", orID(s.projectNames(), i.ProjectID)},
		{"check", strings.TrimSpace(i.CheckName + " " + i.CheckURL)},
		{"regions", strings.Join(i.AffectedRegions, ", ")},
		{"labels", strings.Join(labels, ", ")},
		{"lead", s.userName(i.LeadID)},
		{"reporter", s.userName(i.ReporterID)},
		{"started", o.time(i.StartedAt)},
		{"opened", o.time(i.OpenedAt)},
		{"acknowledged", o.time(i.AcknowledgedAt)},
		{"resolved", o.time(i.ResolvedAt)},
		{"updated", o.time(i.UpdatedAt)},
		{"version", strconv.FormatInt(i.Version, 10)},
		{"can become", strings.Join(next, ", ")},
		{"id", i.ID},
	}
	for _, l := range i.Links {
		facts = append(facts, fact{"link", strings.TrimSpace(l.URL + "  " + l.Title)})
	}
	if len(i.RedactedFields) > 0 {
		facts = append(facts, fact{"redacted", strings.Join(i.RedactedFields, ", ")})
	}
	if err := o.facts(w, facts); err != nil {
		return err
	}
	for _, text := range []fact{{"description", i.Description}, {"error message", i.ErrorMessage}, {"resolution notes", i.ResolutionNotes}} {
		if text.value == "" {
			continue
		}
		if _, err := fmt.Fprintf(w, "\n%s\n%s\n", o.paint(bold, text.name), paragraph(text.value)); err != nil {
			return err
		}
	}
	return nil
}

// writeHistory prints what was changed, newest first.
func (s *caller) writeHistory(w io.Writer, id string) error {
	if _, err := fmt.Fprintf(w, "\n%s\n", s.out.paint(bold, "history")); err != nil {
		return err
	}
	for e, err := range s.Incidents.AllHistory(s.ctx, id) {
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "%s  %s by %s\n", s.out.time(e.At), escaped(e.Action), escaped(s.actor(e.Actor))); err != nil {
			return err
		}
		for _, f := range told(e.Fields) {
			if _, err := fmt.Fprintf(w, "    %s: %s → %s\n", escaped(f.Name), escaped(valueText(f.Old)), escaped(valueText(f.New))); err != nil {
				return err
			}
		}
		if e.Note != "" {
			if _, err := fmt.Fprintf(w, "    note: %s\n", escaped(e.Note)); err != nil {
				return err
			}
		}
	}
	return nil
}

// told leaves out the fields that were empty and are: a new object has many.
func told(fields []client.FieldChange) []client.FieldChange {
	return slices.DeleteFunc(slices.Clone(fields), func(f client.FieldChange) bool {
		return valueText(f.Old) == "-" && valueText(f.New) == "-"
	})
}

// actor says who did something, by name as far as that can be seen.
func (s *caller) actor(a client.EntryActor) string {
	return cmp.Or(a.Name, s.userName(a.UserID), a.APIKeyID, a.Type, "somebody")
}

// valueText shows a field's value as one text.
func valueText(v any) string {
	switch v := v.(type) {
	case nil:
		return "-"
	case string:
		return orDash(v)
	case []any:
		texts := make([]string, len(v))
		for i, item := range v {
			texts[i] = fmt.Sprint(item)
		}
		return orDash(strings.Join(texts, ", "))
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	default:
		return fmt.Sprint(v)
	}
}

var idPattern = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)

// incident returns the incident that an argument names: by id, or by number,
// with or without a # before it.
func (s *caller) incident(given string) (client.Incident, error) {
	if idPattern.MatchString(given) {
		i, err := s.Incidents.Get(s.ctx, given)
		if client.IsNotFound(err) {
			err = noIncident(given)
		}
		return i, err
	}
	number, err := strconv.ParseInt(strings.TrimPrefix(given, "#"), 10, 32)
	if err != nil || number < 1 {
		return client.Incident{}, usageError{fmt.Errorf("%q is neither an incident's number nor an id; they look like 12 and 0198c2f4-7c1e-7a30-b1d2-3f4a5b6c7d8e", given)}
	}
	p, err := s.Incidents.List(s.ctx, client.IncidentQuery{Number: int32(number)})
	if err == nil && len(p.Items) == 0 {
		err = noIncident(given)
	}
	if err != nil {
		return client.Incident{}, err
	}
	return p.Items[0], nil
}

func noIncident(given string) error {
	return exitError{fmt.Errorf("there is no incident %s, or none that you may see. See 'tocsin incident list --all'", given), exitNotFound}
}

// userName returns a user's name and email, or the id where they may not be
// seen.
func (s *caller) userName(id string) string {
	if id == "" {
		return ""
	}
	if name, known := s.people[id]; known {
		return name
	}
	name := id
	if u, err := s.Users.Get(s.ctx, id); err == nil {
		name = u.Name + " <" + u.Email + ">"
	}
	s.people[id] = name
	return name
}
