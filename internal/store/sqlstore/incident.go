package sqlstore

import (
	"fmt"
	"strings"

	"tocsin"
)

var incidents = &table{
	kind: tocsin.KindIncident, name: "incidents",
	fixed: "number, project_id, dataset_ids, type, source, check_id, check_name, check_url, reporter_id, started_at, opened_at",
	mutable: "title, description, severity, error_message, affected_regions, failure_count, resolution_notes, labels, links, lead_id, " +
		"acknowledged_at, resolved_at, status",
	indexed: func(o tocsin.Object) string { return string(o.(*tocsin.Incident).Status) },
	fixedValues: func(o tocsin.Object) []any {
		i := o.(*tocsin.Incident)
		return []any{
			int64(i.Number), i.Project[:], idsText(i.Datasets), i.Type, string(i.Source),
			optional(i.Check), i.CheckName, i.CheckURL, optional(i.Reporter), micros(i.StartedAt), micros(i.OpenedAt),
		}
	},
	mutableValues: func(o tocsin.Object) []any {
		i := o.(*tocsin.Incident)
		return []any{
			i.Title, i.Description, string(i.Severity), i.ErrorMessage, jsonText(i.AffectedRegions), i.FailureCount,
			i.ResolutionNotes, jsonText(tocsin.LabelTexts(i.Labels)), jsonText(tocsin.LinkTexts(i.Links)), optional(i.Lead), micros(i.AcknowledgedAt), micros(i.ResolvedAt), string(i.Status),
		}
	},
	fresh: func() (tocsin.Object, []any) {
		i := new(tocsin.Incident)
		m := metaDest(i.Head())
		return i, append(
			m,
			&i.Number, toID(&i.Project), toIDs(&i.Datasets), &i.Type, &i.Source,
			toID(&i.Check), &i.CheckName, &i.CheckURL, toID(&i.Reporter), toTime(&i.StartedAt), toTime(&i.OpenedAt),
			&i.Title, &i.Description, &i.Severity, &i.ErrorMessage, toList(&i.AffectedRegions), &i.FailureCount,
			&i.ResolutionNotes, toLabels(&i.Labels), toLinks(&i.Links), toID(&i.Lead), toTime(&i.AcknowledgedAt), toTime(&i.ResolvedAt), &i.Status,
		)
	},
}

var comments = &table{
	kind: tocsin.KindComment, name: "comments",
	fixed: "incident_id, author_id", mutable: "message",
	fixedValues: func(o tocsin.Object) []any {
		c := o.(*tocsin.Comment)
		return []any{c.Incident[:], optional(c.Author)}
	},
	mutableValues: func(o tocsin.Object) []any { return []any{o.(*tocsin.Comment).Message} },
	fresh: func() (tocsin.Object, []any) {
		c := new(tocsin.Comment)
		return c, append(metaDest(c.Head()), toID(&c.Incident), toID(&c.Author), &c.Message)
	},
}

// where collects conditions and their arguments.
type where struct {
	conditions []string
	args       []any
}

// add appends a condition in which each ? stands for the next argument.
func (w *where) add(condition string, args ...any) {
	w.conditions = append(w.conditions, w.bind(condition, args...))
}

// bind numbers the parameters of a condition.
func (w *where) bind(condition string, args ...any) string {
	for _, a := range args {
		w.args = append(w.args, a)
		condition = strings.Replace(condition, "?", fmt.Sprintf("$%d", len(w.args)), 1)
	}
	return condition
}

// in returns "column IN (…)", or what is never true for an empty list.
func (w *where) in(column string, values []any) string {
	if len(values) == 0 {
		return "1 = 0"
	}
	return w.bind(column+" IN ("+strings.TrimSuffix(strings.Repeat("?, ", len(values)), ", ")+")", values...)
}

func idArgs(ids []tocsin.ID) []any {
	args := make([]any, len(ids))
	for i := range ids {
		args[i] = ids[i][:]
	}
	return args
}

func textArgs[T ~string](texts []T) []any {
	args := make([]any, len(texts))
	for i, t := range texts {
		args[i] = string(t)
	}
	return args
}

// unresolved is the condition of the partial indexes incidents_unresolved and
// incidents_unresolved_by_number, word for word.
const unresolved = "status IN ('open', 'investigating', 'fixing')"

// incidentsWhere returns the conditions of a query.
func incidentsWhere(org tocsin.ID, q tocsin.IncidentQuery) *where {
	w := &where{}
	w.add("org_id = ?", org[:])
	for _, project := range []tocsin.ID{q.Reach.Within, q.Project} {
		if !project.IsZero() {
			w.add("project_id = ?", project[:])
		}
	}
	if !q.Reach.Everywhere {
		seen := w.in("project_id", idArgs(q.Reach.Projects))
		in := w.in("d.dataset_id", idArgs(q.Reach.Datasets))
		w.add("(" + seen + " OR EXISTS (SELECT 1 FROM incident_datasets d WHERE d.org_id = incidents.org_id AND d.incident_id = incidents.id AND " + in + "))")
	}
	if !q.Dataset.IsZero() {
		w.add("id IN (SELECT d.incident_id FROM incident_datasets d WHERE d.org_id = ? AND d.dataset_id = ?)", org[:], q.Dataset[:])
	}
	if q.IDs != nil {
		w.add(w.in("id", idArgs(q.IDs)))
	}
	if q.Statuses != nil {
		over := false
		for _, s := range q.Statuses {
			over = over || s.Over()
		}
		if !over {
			w.add(unresolved)
		}
		w.add(w.in("status", textArgs(q.Statuses)))
	}
	if q.Number != 0 {
		w.add("number = ?", int64(q.Number))
	}
	for _, label := range q.Labels {
		w.add(w.labelled(org, label))
	}
	if q.Text != "" {
		like := "%" + escapeLike(lowerASCII(q.Text)) + "%"
		w.add(`(lower(title) LIKE ? ESCAPE '\' OR lower(description) LIKE ? ESCAPE '\' OR lower(error_message) LIKE ? ESCAPE '\')`, like, like, like)
	}
	if q.Severities != nil {
		w.add(w.in("severity", textArgs(q.Severities)))
	}
	if !q.Check.IsZero() {
		w.add("check_id = ?", q.Check[:])
	}
	if !q.Lead.IsZero() {
		w.add("lead_id = ?", q.Lead[:])
	}
	if !q.From.IsZero() {
		w.add("created_at >= ?", micros(q.From))
	}
	if !q.To.IsZero() {
		w.add("created_at < ?", micros(q.To))
	}
	return w
}

// labelled returns the condition that an incident carries a label, or one with
// that key.
func (w *where) labelled(org tocsin.ID, label string) string {
	const found = "number IN (SELECT l.number FROM incident_labels l WHERE l.org_id = ? AND "
	if strings.Contains(label, "=") {
		return w.bind(found+"l.label = ?)", org[:], label)
	}
	return w.bind(found+"l.label >= ? AND l.label < ?)", org[:], label+"=", label+">") // '>' comes after '='
}

// lowerASCII does what lower() does in both engines.
func lowerASCII(text string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, text)
}

// escapeLike makes a text stand for itself in a LIKE pattern.
func escapeLike(text string) string {
	return strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(text)
}

// after returns the condition that an incident comes behind a position.
func after(q tocsin.IncidentQuery, w *where) {
	if q.After == nil {
		return
	}
	than := ">"
	if q.Descending {
		than = "<"
	}
	if q.Sort == tocsin.SortNumber {
		w.add("number "+than+" ?", int64(q.After.Number))
		return
	}
	w.add("("+sortColumns[q.Sort]+", number) "+than+" (?, ?)", q.After.Value, int64(q.After.Number))
}

func (w *where) String() string { return " WHERE " + strings.Join(w.conditions, " AND ") }

// orderBy returns the ORDER BY clause of a query.
func orderBy(q tocsin.IncidentQuery) string {
	direction := ""
	if q.Descending {
		direction = " DESC"
	}
	by := sortColumns[q.Sort]
	if by != "" {
		by += direction + ", "
	}
	return " ORDER BY " + by + "number" + direction
}

// sortColumns is what each sort field sorts by; it is never written.
var sortColumns = map[tocsin.SortField]string{
	tocsin.SortCreated:  "created_at",
	tocsin.SortUpdated:  "updated_at",
	tocsin.SortStarted:  "started_at",
	tocsin.SortResolved: "resolved_at",
	tocsin.SortSeverity: "CASE severity WHEN 'critical' THEN 4 WHEN 'major' THEN 3 WHEN 'minor' THEN 2 ELSE 1 END",
	tocsin.SortStatus:   "CASE status WHEN 'open' THEN 1 WHEN 'investigating' THEN 2 WHEN 'fixing' THEN 3 WHEN 'resolved' THEN 4 ELSE 5 END",
}
