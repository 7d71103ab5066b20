package sqlstore

import "tocsin"

var organisations = &table{
	kind: tocsin.KindOrganisation, name: "organisations",
	columns: []column{{name: "name"}},
	values:  func(o tocsin.Object) []any { return []any{o.(*tocsin.Organisation).Name} },
	fresh: func() (tocsin.Object, []any) {
		o := new(tocsin.Organisation)
		return o, []any{&o.Name}
	},
}

var projects = &table{
	kind: tocsin.KindProject, name: "projects",
	columns: []column{{name: "name"}},
	values:  func(o tocsin.Object) []any { return []any{o.(*tocsin.Project).Name} },
	fresh: func() (tocsin.Object, []any) {
		p := new(tocsin.Project)
		return p, []any{&p.Name}
	},
}

var datasets = &table{
	kind: tocsin.KindDataset, name: "datasets",
	columns: []column{{name: "project_id", fixed: true}, {name: "name"}},
	values: func(o tocsin.Object) []any {
		d := o.(*tocsin.Dataset)
		return []any{d.Project[:], d.Name}
	},
	fresh: func() (tocsin.Object, []any) {
		d := new(tocsin.Dataset)
		return d, []any{toID(&d.Project), &d.Name}
	},
}

var checks = &table{
	kind: tocsin.KindCheck, name: "checks",
	columns: []column{{name: "project_id", fixed: true}, {name: "name"}, {name: "url"}, {name: "dataset_ids"}},
	values: func(o tocsin.Object) []any {
		c := o.(*tocsin.Check)
		return []any{c.Project[:], c.Name, c.URL, idsText(c.Datasets)}
	},
	fresh: func() (tocsin.Object, []any) {
		c := new(tocsin.Check)
		return c, []any{toID(&c.Project), &c.Name, &c.URL, toIDs(&c.Datasets)}
	},
}

var users = &table{
	kind: tocsin.KindUser, name: "users",
	columns: []column{{name: "name"}, {name: "email"}},
	values: func(o tocsin.Object) []any {
		u := o.(*tocsin.User)
		return []any{u.Name, u.Email}
	},
	fresh: func() (tocsin.Object, []any) {
		u := new(tocsin.User)
		return u, []any{&u.Name, &u.Email}
	},
}
