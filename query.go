package tocsin

import "time"

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
	// Sort orders the page; ties go by number, in the same direction.
	Sort       SortField
	Descending bool
	// Offset and Limit cut out the page. Limit must be positive.
	Offset, Limit int
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
