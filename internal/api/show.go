package api

import (
	"encoding/hex"

	"tocsin"
)

// show returns an object as the API represents it, of whatever kind.
func show(o tocsin.Object) any {
	switch o := o.(type) {
	case *tocsin.Incident:
		return showIncident(o)
	case *tocsin.Comment:
		return showComment(o)
	case *tocsin.Organisation:
		return showOrganisation(o)
	case *tocsin.Project:
		return showProject(o)
	case *tocsin.Dataset:
		return showDataset(o)
	case *tocsin.Check:
		return showCheck(o)
	case *tocsin.User:
		return showUser(o)
	case *tocsin.Invitation:
		return showInvitation(o)
	case *tocsin.Role:
		return showRole(o)
	case *tocsin.Grant:
		return showBinding(o)
	case *tocsin.APIKey:
		return showKey(o)
	case *tocsin.Redaction:
		return showRedaction(o)
	default:
		return nil
	}
}

// Preview is what a change would come to, on the wire.
type Preview struct {
	DryRun  bool           `json:"dry_run" doc:"Always true."`
	Changes []ObjectChange `json:"changes" nullable:"false" doc:"One for each object that would change; none where nothing would."`
}

// ObjectChange is a tocsin.ObjectChange on the wire.
type ObjectChange struct {
	Action  string   `json:"action" doc:"What the log would call it."`
	Kind    string   `json:"kind"`
	ID      ID       `json:"id" doc:"That of a new object will be another."`
	Version int64    `json:"version" doc:"The one that it would have."`
	Fields  []Change `json:"fields" nullable:"false"`
}

func showPreview(changes []tocsin.ObjectChange) Preview {
	p := Preview{DryRun: true, Changes: make([]ObjectChange, len(changes))}
	for i, c := range changes {
		p.Changes[i] = ObjectChange{
			Action: c.Action, Kind: string(c.Kind), ID: ID(c.ID), Version: c.Version,
			Fields: showChanges(c.Fields, c.Version == 1),
		}
	}
	return p
}

func hexOf(hash [32]byte) string { return hex.EncodeToString(hash[:]) }
