package sqlstore

import "tocsin"

var organisations = &table{
	kind: tocsin.KindOrganisation, name: "organisations",
	mutable: "name, require_if_match, audit_epoch, audit_previous",
	mutableValues: func(o tocsin.Object) []any {
		org := o.(*tocsin.Organisation)
		return []any{org.Name, truth(org.RequireIfMatch), org.AuditEpoch, org.AuditPrevious}
	},
	fresh: func() (tocsin.Object, []any) {
		o := new(tocsin.Organisation)
		return o, append(metaDest(o.Head()), &o.Name, toTruth(&o.RequireIfMatch), &o.AuditEpoch, &o.AuditPrevious)
	},
}

var projects = &table{
	kind: tocsin.KindProject, name: "projects",
	mutable:       "name",
	mutableValues: func(o tocsin.Object) []any { return []any{o.(*tocsin.Project).Name} },
	fresh: func() (tocsin.Object, []any) {
		p := new(tocsin.Project)
		return p, append(metaDest(p.Head()), &p.Name)
	},
}

var datasets = &table{
	kind: tocsin.KindDataset, name: "datasets",
	fixed:         "project_id",
	mutable:       "name",
	fixedValues:   func(o tocsin.Object) []any { return []any{o.(*tocsin.Dataset).Project[:]} },
	mutableValues: func(o tocsin.Object) []any { return []any{o.(*tocsin.Dataset).Name} },
	fresh: func() (tocsin.Object, []any) {
		d := new(tocsin.Dataset)
		return d, append(metaDest(d.Head()), toID(&d.Project), &d.Name)
	},
}

var checks = &table{
	kind: tocsin.KindCheck, name: "checks",
	fixed:       "project_id",
	mutable:     "name, url, dataset_ids",
	fixedValues: func(o tocsin.Object) []any { return []any{o.(*tocsin.Check).Project[:]} },
	mutableValues: func(o tocsin.Object) []any {
		c := o.(*tocsin.Check)
		return []any{c.Name, c.URL, idsText(c.Datasets)}
	},
	fresh: func() (tocsin.Object, []any) {
		c := new(tocsin.Check)
		return c, append(metaDest(c.Head()), toID(&c.Project), &c.Name, &c.URL, toIDs(&c.Datasets))
	},
}

var users = &table{
	kind: tocsin.KindUser, name: "users",
	mutable: "name, email, deactivated_at",
	mutableValues: func(o tocsin.Object) []any {
		u := o.(*tocsin.User)
		return []any{u.Name, u.Email, micros(u.DeactivatedAt)}
	},
	fresh: func() (tocsin.Object, []any) {
		u := new(tocsin.User)
		return u, append(metaDest(u.Head()), &u.Name, &u.Email, toTime(&u.DeactivatedAt))
	},
}
