package uptimeio

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"strings"

	"tocsin"
	"tocsin/internal/dialect"
)

// updateRow is one row of an incident's history: one field of one log entry.
type updateRow struct {
	ID         string            `json:"id"`
	IncidentID string            `json:"incident_id"`
	Action     string            `json:"action"`
	UserID     *string           `json:"user_id"`
	UserEmail  *string           `json:"user_email"`
	UserName   *string           `json:"user_name"`
	Message    *string           `json:"message"`
	OldValue   *string           `json:"old_value"`
	NewValue   *string           `json:"new_value"`
	CreatedAt  string            `json:"created_at"`
	Metadata   map[string]string `json:"metadata"`
}

// rowsOf renders a log entry as this dialect's rows, the move first. An entry
// may have none: what changed may not be visible here.
func rowsOf(e tocsin.Entry) []updateRow {
	if e.Version == 1 {
		return []updateRow{newRow(e, "", "created")}
	}
	var rows []updateRow
	if c, moved := e.Change("status"); moved {
		from, to := shown(tocsin.Status(c.Old.AsText())), shown(tocsin.Status(c.New.AsText()))
		if from != to {
			row := newRow(e, "status", moveAction(to))
			row.OldValue, row.NewValue = &from, &to
			if e.Note != "" {
				row.Message = &e.Note
			}
			rows = append(rows, row)
		}
	}
	for _, c := range e.Changes {
		action := "updated"
		switch c.Name {
		case "status", "acknowledged_at", "resolved_at":
			continue // the move, and what follows from it
		case "severity":
			action = "severity_changed"
		case "lead_id":
			action = "assigned"
		}
		row := newRow(e, c.Name, action)
		row.OldValue, row.NewValue = valueText(c.Old), valueText(c.New)
		rows = append(rows, row)
	}
	return rows
}

// moveAction names a move by where it leads.
func moveAction(to string) string {
	switch to {
	case statusAcknowledged, statusResolved, statusClosed:
		return to
	case statusOpen:
		return "reopened"
	default:
		return "status_changed"
	}
}

func newRow(e tocsin.Entry, field, action string) updateRow {
	row := updateRow{
		ID: rowID(e.ID, field), IncidentID: e.Object.String(), Action: action,
		CreatedAt: isoTime(e.At), Metadata: map[string]string{},
	}
	if field != "" {
		row.Metadata["field"] = field
	}
	return row
}

// rowID derives a row's id from its entry and field, so that it is stable: a
// UUID of version 8 (RFC 9562, section 5.8).
func rowID(entry tocsin.ID, field string) string {
	sum := sha256.Sum256(append(entry[:], field...))
	id := tocsin.ID(sum[:16])
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return id.String()
}

// valueText is a value as rows carry it: text as it is, anything else as JSON.
func valueText(v tocsin.Value) *string {
	switch x := v.Any().(type) {
	case string:
		return &x
	case []string:
		if x == nil {
			x = []string{}
		}
		return jsonText(x)
	default:
		return jsonText(x)
	}
}

// jsonText is a value as JSON that people can read.
func jsonText(x any) *string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(x); err != nil {
		return nil // a Value always encodes
	}
	s := strings.TrimSuffix(b.String(), "\n")
	return &s
}

// people looks up who did things, each once.
type people struct {
	directory dialect.Directory
	actor     tocsin.Actor
	known     map[tocsin.ID]*tocsin.User
}

// sign puts a user's name on a row; the zero user leaves it unsigned.
func (p *people) sign(ctx context.Context, row *updateRow, id tocsin.ID) error {
	if id.IsZero() {
		return nil
	}
	u := p.known[id]
	if u == nil {
		var err error
		if u, err = p.directory.User(ctx, p.actor, id); err != nil {
			return err
		}
		if p.known == nil {
			p.known = make(map[tocsin.ID]*tocsin.User)
		}
		p.known[id] = u
	}
	text := id.String()
	row.UserID, row.UserEmail, row.UserName = &text, &u.Email, &u.Name
	return nil
}
