package tocsin

import (
	"fmt"
	"slices"
	"time"
)

// Rebuild returns an incident as it was at a version, from its log entries in
// order, and names the fields whose values were erased from the log and are not
// known again at that version; they are zero in the incident. The Meta of the
// result has the version, place and times that it had then.
func Rebuild(org ID, entries []Entry, version int64) (*Incident, []string, error) {
	if version < 1 || version > int64(len(entries)) {
		return nil, nil, Errorf(NotFound, "the incident has no version %d", version)
	}
	values := make(map[string]Value)
	var erased []string
	for _, e := range entries[:version] {
		if e.Redacted {
			erased = union(erased, e.Fields)
			continue
		}
		for _, c := range e.Changes {
			values[c.Name] = c.New
			erased = slices.DeleteFunc(erased, func(name string) bool { return name == c.Name })
		}
	}
	// What an erased entry set, the next change of the field still has as its old value.
	for _, e := range entries[version:] {
		for _, c := range e.Changes {
			if slices.Contains(erased, c.Name) {
				values[c.Name] = c.Old
				erased = slices.DeleteFunc(erased, func(name string) bool { return name == c.Name })
			}
		}
		if e.Redacted && slices.ContainsFunc(e.Fields, func(name string) bool { return slices.Contains(erased, name) }) {
			break
		}
	}
	for _, name := range erased {
		delete(values, name)
	}
	inc, err := incidentOf(values)
	if err != nil {
		return nil, nil, err
	}
	last := entries[version-1]
	inc.Meta = Meta{Org: org, ID: last.Object, Version: last.Version, Seq: last.Seq, Leaf: last.Leaf, CreatedAt: entries[0].At, UpdatedAt: last.At}
	slices.Sort(erased)
	return inc, erased, nil
}

func union(a, b []string) []string {
	for _, x := range b {
		if !slices.Contains(a, x) {
			a = append(a, x)
		}
	}
	return a
}

// incidentOf is the inverse of Incident.AppendFields. A field that is missing is
// zero, as is one that a later version of the program added.
func incidentOf(v map[string]Value) (*Incident, error) {
	var bad error
	text := func(name string) string { return v[name].AsText() }
	id := func(name string) ID {
		s := text(name)
		if s == "" {
			return ID{}
		}
		got, ok := ParseID(s)
		if !ok {
			bad = fmt.Errorf("the log has %q as %s of an incident, which is no id", s, name)
		}
		return got
	}
	at := func(name string) time.Time {
		s := text(name)
		if s == "" {
			return time.Time{}
		}
		t, err := time.Parse(TimeLayout, s)
		if err != nil {
			bad = fmt.Errorf("the log has a bad %s of an incident: %w", name, err)
		}
		return t
	}
	i := &Incident{
		Number: int32(v["number"].AsInt()), Project: id("project_id"),
		Title: text("title"), Description: text("description"),
		Severity: Severity(text("severity")), Status: Status(text("status")), Type: text("type"), Source: Source(text("source")),
		ErrorMessage: text("error_message"), AffectedRegions: v["affected_regions"].AsList(), FailureCount: v["failure_count"].AsInt(),
		ResolutionNotes: text("resolution_notes"), Labels: ParseLabels(v["labels"].AsList()), Links: ParseLinks(v["links"].AsList()),
		Check: id("check_id"), CheckName: text("check_name"), CheckURL: text("check_url"),
		Lead: id("lead_id"), Reporter: id("reporter_id"),
		StartedAt: at("started_at"), OpenedAt: at("opened_at"), AcknowledgedAt: at("acknowledged_at"), ResolvedAt: at("resolved_at"),
	}
	for _, s := range v["dataset_ids"].AsList() {
		d, ok := ParseID(s)
		if !ok {
			bad = fmt.Errorf("the log has %q among an incident's datasets, which is no id", s)
		}
		i.Datasets = append(i.Datasets, d)
	}
	return i, bad
}
