package sqlstore

import "tocsin"

// What people do to the log, and what the installation's own log speaks of.

var redactions = &table{
	kind: tocsin.KindRedaction, name: "redactions",
	fixed: "entries, reason",
	fixedValues: func(o tocsin.Object) []any {
		r := o.(*tocsin.Redaction)
		return []any{jsonText(tocsin.IntList(r.Entries).AsList()), r.Reason}
	},
	fresh: func() (tocsin.Object, []any) {
		r := new(tocsin.Redaction)
		return r, append(metaDest(r.Head()), toNumbers(&r.Entries), &r.Reason)
	},
}

var auditExports = &table{
	kind: tocsin.KindAuditExport, name: "audit_exports",
	fixed:       "size",
	fixedValues: func(o tocsin.Object) []any { return []any{o.(*tocsin.AuditExport).Size} },
	fresh: func() (tocsin.Object, []any) {
		e := new(tocsin.AuditExport)
		return e, append(metaDest(e.Head()), &e.Size)
	},
}

var installations = &table{
	kind: tocsin.KindInstallation, name: "installations",
	mutable: "keys, audit_epoch, audit_previous",
	mutableValues: func(o tocsin.Object) []any {
		i := o.(*tocsin.Installation)
		return []any{jsonText(i.Keys), i.AuditEpoch, i.AuditPrevious}
	},
	fresh: func() (tocsin.Object, []any) {
		i := new(tocsin.Installation)
		return i, append(metaDest(i.Head()), toList(&i.Keys), &i.AuditEpoch, &i.AuditPrevious)
	},
}

var registrations = &table{
	kind: tocsin.KindRegistration, name: "registrations",
	fixed:       "first_leaf",
	fixedValues: func(o tocsin.Object) []any { return []any{o.(*tocsin.Registration).FirstLeaf} },
	fresh: func() (tocsin.Object, []any) {
		r := new(tocsin.Registration)
		return r, append(metaDest(r.Head()), &r.FirstLeaf)
	},
}
