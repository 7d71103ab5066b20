package cli

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

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
