package tocsin

import (
	"slices"
	"time"
)

// An IncidentQuery selects incidents; zero fields do not narrow. A list that is
// empty but not nil selects nothing.
type IncidentQuery struct {
	// Reach limits to what the actor may see.
	Reach Reach
	// Project and Dataset limit to one of each, and IDs to those named.
	Project, Dataset ID
	IDs              []ID
	Statuses         []Status
	Severities       []Severity
	Check, Lead      ID
	// From and To limit the time of creation: From <= created < To.
	From, To time.Time
	// Number limits to the one incident with it, unless zero.
	Number int32
	// Labels are what an incident must all carry: "key=value", or "key" for any value.
	Labels []string
	// Text is what the title, the description or the error message must contain;
	// the case of ASCII letters does not count.
	Text string
	// Sort orders the page; ties go by number, in the same direction.
	Sort       SortField
	Descending bool
	// After, unless nil, begins the page behind an incident that has been seen.
	After *IncidentPosition
	// Offset and Limit cut out the page. Limit must be positive.
	Offset, Limit int
}

// An IncidentPosition is where an incident stood in a list: its value by the
// list's sort field (microseconds for a time, rank for a severity or status, 0
// when sorted by number) and its number.
type IncidentPosition struct {
	Value  int64
	Number int32
}

// PositionOf returns where i stands in a list sorted by f.
func PositionOf(i *Incident, f SortField) IncidentPosition {
	p := IncidentPosition{Number: i.Number}
	switch f {
	case SortCreated:
		p.Value = i.CreatedAt.UnixMicro()
	case SortUpdated:
		p.Value = i.UpdatedAt.UnixMicro()
	case SortStarted:
		p.Value = i.StartedAt.UnixMicro()
	case SortResolved:
		if !i.ResolvedAt.IsZero() {
			p.Value = i.ResolvedAt.UnixMicro()
		}
	case SortSeverity:
		p.Value = int64(len(Severities()) - slices.Index(Severities(), i.Severity))
	case SortStatus:
		p.Value = int64(slices.Index(Statuses(), i.Status) + 1)
	}
	return p
}

// A SortField is what a list of incidents can be ordered by.
type SortField string

// The sort fields; the zero one is by number. Severity sorts by badness, the
// worst highest; Status in the order of the lifecycle.
const (
	SortNumber   SortField = ""
	SortCreated  SortField = "created_at"
	SortUpdated  SortField = "updated_at"
	SortStarted  SortField = "started_at"
	SortResolved SortField = "resolved_at"
	SortSeverity SortField = "severity"
	SortStatus   SortField = "status"
)
