package reference

import "tocsin"

// A word is a value of the protocol that people should know the meaning of.
type word struct{ name, text string }

// A glossary explains the values of one kind.
type glossary struct {
	id, title, prose string
	words            []word
}

// glossaries explain every status, severity and permission.
func glossaries() []glossary {
	return []glossary{
		{"status", "Status", "Where an incident stands. `available_transitions` of an incident has what may follow.", []word{
			{string(tocsin.Open), "Nobody has begun to work on it."},
			{string(tocsin.Investigating), "Somebody has taken it on and looks for the cause."},
			{string(tocsin.Fixing), "The cause is known and being repaired."},
			{string(tocsin.Resolved), "The trouble is over. It can be opened again."},
			{string(tocsin.Closed), "Done and dealt with."},
		}},
		{"severity", "Severity", "How bad an incident is, the worst first.", []word{
			{string(tocsin.Critical), "Something essential does not work: wake people up."},
			{string(tocsin.Major), "Something important is broken or badly slow."},
			{string(tocsin.Minor), "A fault that can wait for the morning."},
			{string(tocsin.Warning), "Nothing is broken yet."},
		}},
		{"permission", "Permissions", "What an API key may do: what the roles of its owner allow, and of that no more than the key's own `permissions`, within its project if it has one.", []word{
			{"incidents.view", "See incidents, their comments and their history."},
			{"incidents.manage", "Open, change and comment on incidents."},
			{"projects.manage", "Make and change projects, datasets and checks."},
			{"members.manage", "Manage users, invitations, roles and API keys. Who has it can give himself all the others."},
			{"audit.view", "Read the organisation's whole log."},
			{"settings.manage", "Change the organisation itself."},
		}},
	}
}

// lead says in a sentence what a resource is, by the tag of its operations; ""
// for one that nobody has introduced.
func lead(tag string) string {
	switch tag {
	case "Me":
		return "The API key that a request comes with, its owner and its organisation."
	case "Organisation":
		return "What everything else belongs to, and the settings that hold for all of it."
	case "Incidents":
		return "The record of one trouble, from the first sign to the last note, with its comments, its links and its history."
	case "Projects":
		return "What checks, datasets and incidents are grouped by, and what roles can be given on."
	case "Datasets":
		return "A body of data that checks watch. Roles can be given on one dataset alone."
	case "Checks":
		return "What watches something and opens incidents when it fails."
	case "Users":
		return "The people of the organisation. Who leaves is deactivated, and stays in the history."
	case "Invitations":
		return "How somebody becomes a user: a token that is good once and for a while."
	case "Roles":
		return "Sets of permissions: the built-in ones and the organisation's own."
	case "Role bindings":
		return "Who has which role where: in the organisation, in a project, on a dataset."
	case "API keys":
		return "How programs and people prove to the API who they are. A key can do what its owner can, or less."
	case "Audit":
		return "The log of every change, and the proof that nobody has edited it."
	default:
		return ""
	}
}
