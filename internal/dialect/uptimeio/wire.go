package uptimeio

import (
	"net/http"
	"time"

	"tocsin"
	"tocsin/internal/httpkit"
)

// envelope is what every good answer comes in.
type envelope struct {
	Success bool `json:"success"`
	Data    any  `json:"data"`
}

func reply(w http.ResponseWriter, status int, data any) error {
	return httpkit.WriteJSON(w, status, envelope{Success: true, Data: data})
}

type incidentData struct {
	Incident incidentWire `json:"incident"`
}

// incidentWire is an incident as the seed shows it. Times are Unix milliseconds.
type incidentWire struct {
	ID               string   `json:"id"`
	CheckID          *string  `json:"check_id"`
	CheckName        *string  `json:"check_name"`
	CheckURL         *string  `json:"check_url"`
	Status           string   `json:"status"`
	Severity         string   `json:"severity"`
	Type             string   `json:"type"`
	Title            string   `json:"title"`
	ErrorMessage     string   `json:"error_message"`
	StartedAt        int64    `json:"started_at"`
	ResolvedAt       *int64   `json:"resolved_at"`
	AffectedRegions  []string `json:"affected_regions"`
	FailureCount     int64    `json:"failure_count"`
	NotificationSent bool     `json:"notification_sent"`
	CreatedAt        int64    `json:"created_at"`
	UpdatedAt        int64    `json:"updated_at"`
}

func toWire(i *tocsin.Incident) incidentWire {
	out := incidentWire{
		ID: i.ID.String(), Status: shown(i.Status), Severity: string(i.Severity), Type: i.Type, Title: i.Title,
		ErrorMessage: i.ErrorMessage, StartedAt: i.StartedAt.UnixMilli(), AffectedRegions: i.AffectedRegions,
		FailureCount: i.FailureCount, CreatedAt: i.CreatedAt.UnixMilli(), UpdatedAt: i.UpdatedAt.UnixMilli(),
	}
	if out.AffectedRegions == nil {
		out.AffectedRegions = []string{}
	}
	if !i.Check.IsZero() {
		id := i.Check.String()
		out.CheckID, out.CheckName, out.CheckURL = &id, &i.CheckName, &i.CheckURL
	}
	if !i.ResolvedAt.IsZero() {
		at := i.ResolvedAt.UnixMilli()
		out.ResolvedAt = &at
	}
	return out
}

type acknowledgedData struct {
	Incident acknowledgedIncident `json:"incident"`
	// RecoveryTimeSeconds is how long nobody had taken it up: from the start of
	// the trouble to its acknowledgement.
	RecoveryTimeSeconds int64 `json:"recovery_time_seconds"`
}

type acknowledgedIncident struct {
	incidentWire
	AcknowledgedAt int64 `json:"acknowledged_at"`
}

type listData struct {
	Incidents  []incidentWire `json:"incidents"`
	Pagination pagination     `json:"pagination"`
}

type pagination struct {
	Page       int `json:"page"`
	Limit      int `json:"limit"`
	Total      int `json:"total"`
	TotalPages int `json:"total_pages"`
}

// isoTime is a time as the rows of an incident's updates carry it.
func isoTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// The dialect's words for the statuses.
const (
	statusOpen         = "open"
	statusAcknowledged = "acknowledged"
	statusResolved     = "resolved"
	statusClosed       = "closed"
)

// shown returns the dialect's word for a status.
func shown(s tocsin.Status) string {
	if s.Acknowledged() {
		return statusAcknowledged
	}
	return string(s)
}

// statusesShownAs returns the statuses that the dialect shows by one word, the
// first being the one that a move to it leads to; nil for no word of its.
func statusesShownAs(word string) []tocsin.Status {
	switch word {
	case statusOpen:
		return []tocsin.Status{tocsin.Open}
	case statusAcknowledged:
		return []tocsin.Status{tocsin.Investigating, tocsin.Fixing}
	case statusResolved:
		return []tocsin.Status{tocsin.Resolved}
	case statusClosed:
		return []tocsin.Status{tocsin.Closed}
	default:
		return nil
	}
}

// moves is the dialect's lifecycle.
func moves(from tocsin.Status) []tocsin.Status {
	switch {
	case from == tocsin.Open:
		return []tocsin.Status{tocsin.Investigating, tocsin.Resolved}
	case from.Acknowledged():
		return []tocsin.Status{tocsin.Resolved, tocsin.Closed}
	case from == tocsin.Resolved:
		return []tocsin.Status{tocsin.Closed}
	default:
		return nil
	}
}

// final says that a closed incident is not changed any more.
func final(s tocsin.Status) bool { return s == tocsin.Closed }
