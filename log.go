package tocsin

// A Redaction says that the details of some log entries were erased, as after a
// secret was pasted: their leaves stay, and with them the proof.
type Redaction struct {
	Meta
	// Entries are the sequence numbers of the erased entries, rising.
	Entries []int64
	// Reason is why, in the words of who did it.
	Reason string
}

// Kind returns KindRedaction.
func (*Redaction) Kind() Kind { return KindRedaction }

// AppendFields lists what the log records of a redaction.
func (r *Redaction) AppendFields(b []Field) []Field {
	return append(b, Field{"entries", IntList(r.Entries)}, Field{"reason", Text(r.Reason)})
}

// An AuditExport says that somebody took a copy of the log.
type AuditExport struct {
	Meta
	// Size is how many entries the log had when the copy was asked for.
	Size int64
}

// Kind returns KindAuditExport.
func (*AuditExport) Kind() Kind { return KindAuditExport }

// AppendFields lists what the log records of an export.
func (e *AuditExport) AppendFields(b []Field) []Field { return append(b, Field{"size", Int(e.Size)}) }

// An Installation is Tocsin itself as its own log knows it: the first object
// there, as an organisation is in its log. Its ID is its Org.
type Installation struct {
	Meta
	// Keys are the public keys that sign checkpoints, as verifier keys (C2SP
	// signed note), the present one last.
	Keys []string
	// AuditEpoch and AuditPrevious are those of its own log, as an organisation's are.
	AuditEpoch    int64
	AuditPrevious string
}

// Kind returns KindInstallation.
func (*Installation) Kind() Kind { return KindInstallation }

// AppendFields lists what the log records of an installation.
func (i *Installation) AppendFields(b []Field) []Field {
	return append(
		b,
		Field{"audit_epoch", Int(i.AuditEpoch)},
		Field{"audit_previous", Text(i.AuditPrevious)},
		Field{"keys", List(i.Keys)},
	)
}

// A Registration enters an organisation in the installation's log, so that a
// whole organisation cannot vanish unseen. Its ID is the organisation's.
type Registration struct {
	Meta
	// FirstLeaf is the leaf hash of the organisation's first entry, in hexadecimal.
	FirstLeaf string
}

// Kind returns KindRegistration.
func (*Registration) Kind() Kind { return KindRegistration }

// AppendFields lists what the log records of a registration.
func (r *Registration) AppendFields(b []Field) []Field {
	return append(b, Field{"first_leaf", Text(r.FirstLeaf)})
}
