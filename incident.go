package tocsin

import (
	"slices"
	"strings"
	"time"
)

// Severity says how bad an incident is.
type Severity string

// The severities, worst first.
const (
	Critical Severity = "critical"
	Major    Severity = "major"
	Minor    Severity = "minor"
	Warning  Severity = "warning"
)

// Severities lists them, worst first.
func Severities() []Severity { return []Severity{Critical, Major, Minor, Warning} }

// Valid reports whether s is one of Severities.
func (s Severity) Valid() bool {
	return s == Critical || s == Major || s == Minor || s == Warning
}

// Status is where an incident stands in its one lifecycle. Which moves a caller
// may make is the rule of the door he came through, where it has one.
type Status string

// The statuses, in the order of the lifecycle.
const (
	Open          Status = "open"
	Investigating Status = "investigating"
	Fixing        Status = "fixing"
	Resolved      Status = "resolved"
	Closed        Status = "closed"
)

// Statuses lists them in order.
func Statuses() []Status { return []Status{Open, Investigating, Fixing, Resolved, Closed} }

// Valid reports whether s is one of Statuses.
func (s Status) Valid() bool {
	return s == Open || s == Investigating || s == Fixing || s == Resolved || s == Closed
}

// Over reports whether the trouble is past: resolved or closed.
func (s Status) Over() bool { return s == Resolved || s == Closed }

// Acknowledged reports whether somebody is at work on it.
func (s Status) Acknowledged() bool { return s == Investigating || s == Fixing }

// Source says how an incident arose.
type Source string

// The sources.
const (
	FromSystem Source = "system"
	FromManual Source = "manual"
)

// Limits on an incident's texts and lists, in Unicode code points and items.
const (
	MaxErrorMessage = 1_000
	MaxNote         = 1_000
	MaxRegions      = 100
	MaxRegionName   = 255
	MaxChecks       = 1_000
	MaxLabels       = 64
	MaxLinks        = 50
)

// An Incident is the one truthful record of one trouble.
type Incident struct {
	Meta
	// Number counts the organisation's incidents from 1 and is never used again.
	Number  int32
	Project ID
	// Datasets are the data that it concerns, each in the same project.
	Datasets []ID

	Title           string
	Description     string
	Severity        Severity
	Status          Status
	Type            string
	Source          Source
	ErrorMessage    string
	AffectedRegions []string
	FailureCount    int64
	ResolutionNotes string
	// Labels sort incidents by what their owners care about; see LabelProblem.
	Labels map[string]string
	// Links lead to what else there is: a runbook, a dashboard, a call.
	Links []Link

	// Check is what noticed it, as it was named then; zero for a manual incident.
	Check     ID
	CheckName string
	CheckURL  string

	// Lead is the user in charge, Reporter the one who opened it, or zero.
	Lead, Reporter ID

	// StartedAt is when the trouble began, OpenedAt when it was recorded.
	StartedAt, OpenedAt time.Time
	// AcknowledgedAt and ResolvedAt are zero until it is so.
	AcknowledgedAt, ResolvedAt time.Time
}

// Kind returns KindIncident.
func (*Incident) Kind() Kind { return KindIncident }

// AppendFields lists what the log records of an incident.
func (i *Incident) AppendFields(b []Field) []Field {
	return append(
		b,
		Field{"acknowledged_at", Time(i.AcknowledgedAt)},
		Field{"affected_regions", List(i.AffectedRegions)},
		Field{"check_id", IDText(i.Check)},
		Field{"check_name", Text(i.CheckName)},
		Field{"check_url", Text(i.CheckURL)},
		Field{"dataset_ids", IDList(i.Datasets)},
		Field{"description", Text(i.Description)},
		Field{"error_message", Text(i.ErrorMessage)},
		Field{"failure_count", Int(i.FailureCount)},
		Field{"labels", List(LabelTexts(i.Labels))},
		Field{"lead_id", IDText(i.Lead)},
		Field{"links", List(LinkTexts(i.Links))},
		Field{"number", Int(int64(i.Number))},
		Field{"opened_at", Time(i.OpenedAt)},
		Field{"project_id", IDText(i.Project)},
		Field{"reporter_id", IDText(i.Reporter)},
		Field{"resolution_notes", Text(i.ResolutionNotes)},
		Field{"resolved_at", Time(i.ResolvedAt)},
		Field{"severity", Text(string(i.Severity))},
		Field{"source", Text(string(i.Source))},
		Field{"started_at", Time(i.StartedAt)},
		Field{"status", Text(string(i.Status))},
		Field{"title", Text(i.Title)},
		Field{"type", Text(i.Type)},
	)
}

// Target says where a permission to do something to the incident may come from.
func (i *Incident) Target() Target { return Target{Project: i.Project, Datasets: i.Datasets} }

// MoveTo sets the status and the times that go with it. Entering resolved or
// closed sets the time of resolution, leaving them clears it; starting work
// sets the time of acknowledgement, a return to open clears it.
func (i *Incident) MoveTo(to Status, now time.Time) {
	i.Status = to
	switch {
	case !to.Over():
		i.ResolvedAt = time.Time{}
	case i.ResolvedAt.IsZero():
		i.ResolvedAt = now
	}
	switch {
	case to == Open:
		i.AcknowledgedAt = time.Time{}
	case to.Acknowledged() && i.AcknowledgedAt.IsZero():
		i.AcknowledgedAt = now
	}
}

// A Link is an address with a name.
type Link struct {
	ID  ID
	URL string
	// Title may be empty.
	Title string
}

// LabelTexts returns labels as the log has them: "key=value", sorted by key.
func LabelTexts(labels map[string]string) []string {
	texts := make([]string, 0, len(labels))
	for key, value := range labels {
		texts = append(texts, key+"="+value)
	}
	slices.SortFunc(texts, func(a, b string) int {
		ka, _, _ := strings.Cut(a, "=")
		kb, _, _ := strings.Cut(b, "=")
		return strings.Compare(ka, kb)
	})
	return texts
}

// ParseLabels is the inverse of LabelTexts.
func ParseLabels(texts []string) map[string]string {
	if len(texts) == 0 {
		return nil
	}
	labels := make(map[string]string, len(texts))
	for _, text := range texts {
		key, value, _ := strings.Cut(text, "=")
		labels[key] = value
	}
	return labels
}

// LinkTexts returns links as the log has them: id, address and title with a
// space between; an address has none.
func LinkTexts(links []Link) []string {
	texts := make([]string, len(links))
	for i, l := range links {
		texts[i] = l.ID.String() + " " + l.URL + " " + l.Title
	}
	return texts
}

// ParseLinks is the inverse of LinkTexts.
func ParseLinks(texts []string) []Link {
	var links []Link
	for _, text := range texts {
		id, rest, _ := strings.Cut(text, " ")
		url, title, _ := strings.Cut(rest, " ")
		l := Link{URL: url, Title: title}
		l.ID, _ = ParseID(id)
		links = append(links, l)
	}
	return links
}

// Transitions lists the statuses that may follow one where the door has no rule
// of its own: on to any later one, back to work, and from resolved open again.
// Closed is the end.
func Transitions(from Status) []Status {
	switch from {
	case Open:
		return []Status{Investigating, Fixing, Resolved, Closed}
	case Investigating:
		return []Status{Open, Fixing, Resolved, Closed}
	case Fixing:
		return []Status{Open, Investigating, Resolved, Closed}
	case Resolved:
		return []Status{Open, Investigating, Fixing, Closed}
	default:
		return nil
	}
}

// Lifecycle returns the rules of doors that have none of their own: Transitions,
// staying where one is, and no change after closed.
func Lifecycle() Rules {
	return Rules{
		Moves: func(from Status) []Status { return append([]Status{from}, Transitions(from)...) },
		Final: func(s Status) bool { return s == Closed },
	}
}

// A Comment is what somebody said about an incident: an object of its own.
type Comment struct {
	Meta
	Incident ID
	Author   ID
	Message  string
}

// Kind returns KindComment.
func (*Comment) Kind() Kind { return KindComment }

// AppendFields lists what the log records of a comment.
func (c *Comment) AppendFields(b []Field) []Field {
	return append(
		b,
		Field{"author_id", IDText(c.Author)},
		Field{"incident_id", IDText(c.Incident)},
		Field{"message", Text(c.Message)},
	)
}
