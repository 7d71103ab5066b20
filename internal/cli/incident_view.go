package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/client"
)

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
