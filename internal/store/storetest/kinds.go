package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin"
	"tocsin/internal/store"
)

func kindRules() []rule {
	return []rule{
		{"objects of all kinds come back as they were stored", allKinds},
		{"text comes back byte for byte", textBytes},
		{"one command may write many objects of each kind", manyOfAKind},
		{"names differ by bytes", namesByBytes},
	}
}

func (w *world) samples() []func() tocsin.Object {
	at := time.Date(2026, 11, 2, 3, 4, 5, 678901000, time.UTC)
	id := make([]tocsin.ID, 16)
	for i := range id {
		id[i] = NewID()
	}
	return []func() tocsin.Object{
		func() tocsin.Object {
			return &tocsin.Organisation{Meta: w.meta(w.org), Name: "Acme & Söhne", RequireIfMatch: true, AuditEpoch: 2, AuditPrevious: "tocsin/x\n1\n"}
		},
		func() tocsin.Object { return &tocsin.Project{Meta: w.meta(id[0]), Name: "Billing"} },
		func() tocsin.Object { return &tocsin.Dataset{Meta: w.meta(id[1]), Project: id[0], Name: "invoices"} },
		func() tocsin.Object {
			return &tocsin.Check{Meta: w.meta(id[2]), Project: id[0], Name: "home", URL: "https://x.test/?a=1", Datasets: []tocsin.ID{id[1], w.dataset}}
		},
		func() tocsin.Object {
			return &tocsin.User{Meta: w.meta(id[3]), Name: "Ann", Email: "ann@x.test", DeactivatedAt: at}
		},
		func() tocsin.Object {
			return &tocsin.Role{Meta: w.meta(id[4]), Name: "Auditor", Permissions: tocsin.ViewAudit | tocsin.ViewIncidents}
		},
		func() tocsin.Object {
			return &tocsin.Grant{Meta: w.meta(id[5]), User: id[3], Role: "Auditor", Scope: tocsin.ScopeDataset, ScopeID: id[1], RevokedAt: at}
		},
		func() tocsin.Object {
			return &tocsin.APIKey{
				Meta: w.meta(id[6]), Owner: id[3], Name: "ci", Project: id[0], Permissions: tocsin.ManageIncidents,
				SecretHash: [32]byte{1, 2, 255}, ExpiresAt: at, RevokedAt: at.Add(time.Hour),
			}
		},
		func() tocsin.Object {
			return &tocsin.Incident{
				Meta: w.meta(id[7]), Number: 1, Project: id[0], Datasets: []tocsin.ID{id[1], w.dataset},
				Title: "down", Description: "all of it", Severity: tocsin.Critical, Status: tocsin.Closed, Type: "http",
				Source: tocsin.FromSystem, ErrorMessage: "status 500", AffectedRegions: []string{"eu-1", `"q"`, ""},
				FailureCount: 1 << 40, ResolutionNotes: "restarted", Labels: map[string]string{"team": "data=", "a.b/c": ""},
				Links: []tocsin.Link{{ID: id[9], URL: "https://x.test/?q=1", Title: "the run book"}, {ID: id[10], URL: "http://y.test/"}},
				Check: id[2], CheckName: "home", CheckURL: "https://x.test/",
				Lead: id[3], Reporter: id[3], StartedAt: at, OpenedAt: at.Add(1), AcknowledgedAt: at.Add(time.Minute), ResolvedAt: at.Add(time.Hour),
			}
		},
		func() tocsin.Object {
			return &tocsin.Comment{Meta: w.meta(id[8]), Incident: id[7], Author: id[3], Message: "on it"}
		},
		func() tocsin.Object {
			return &tocsin.Invitation{
				Meta: w.meta(id[11]), Email: "bo@x.test", Role: "Editor", Scope: tocsin.ScopeProject, ScopeID: id[0],
				SecretHash: [32]byte{3, 4}, ExpiresAt: at, AcceptedAt: at.Add(1000), RevokedAt: at.Add(2000), User: id[3],
			}
		},
		func() tocsin.Object {
			return &tocsin.Redaction{Meta: w.meta(id[12]), Entries: []int64{3, 1 << 52}, Reason: "a password"}
		},
		func() tocsin.Object { return &tocsin.AuditExport{Meta: w.meta(id[13]), Size: 1 << 40} },
		func() tocsin.Object {
			return &tocsin.Installation{Meta: w.meta(id[14]), Keys: []string{"tocsin/x+1+k"}, AuditEpoch: 3, AuditPrevious: "tocsin/x\n"}
		},
		func() tocsin.Object { return &tocsin.Registration{Meta: w.meta(id[15]), FirstLeaf: "00ff"} },
	}
}

func allKinds(t *testing.T, w *world) {
	for _, fresh := range w.samples() {
		saved := w.save(t, fresh)
		m := saved.Head()
		got, err := w.Get(t.Context(), w.org, store.Key{Kind: saved.Kind(), ID: m.ID})
		if err != nil {
			t.Errorf("read the %s: %v", saved.Kind(), err)
			continue
		}
		want := fresh()
		*want.Head() = *m
		if inc, ok := want.(*tocsin.Incident); ok {
			inc.OpenedAt = inc.OpenedAt.Truncate(time.Microsecond)
		}
		// The store may hand out what was decided or what it read; compare both.
		if diff := cmp.Diff(string(store.CanonicalFields(want)), string(store.CanonicalFields(got))); diff != "" {
			t.Errorf("%s:\n%s", saved.Kind(), diff)
		}
		if diff := cmp.Diff(m, got.Head()); diff != "" {
			t.Errorf("%s:\n%s", saved.Kind(), diff)
		}
		listed, err := w.List(t.Context(), w.org, saved.Kind(), store.Page{})
		if err != nil {
			t.Errorf("list the %ss: %v", saved.Kind(), err)
			continue
		}
		// Lists are read from the database, whatever is cached.
		if diff := cmp.Diff(want, listed[len(listed)-1]); diff != "" && saved.Kind() != tocsin.KindOrganisation {
			t.Errorf("the %s in the list:\n%s", saved.Kind(), diff)
		}
	}
}

func textBytes(t *testing.T, w *world) {
	for _, text := range []string{
		"", " ", "  two  ", "line\nbreak\r\n\ttab", "\x01\x1f\x7f", `back\slash "quote" 'single' $1 %s ?`, "é", "e\u0301", "日本語", "😀", "\ufffd\ufeff\u2028",
		strings.Repeat("long ", 20_000),
	} {
		i := w.incident(t, func(i *tocsin.Incident) {
			i.Title, i.Description, i.AffectedRegions = text, text, []string{text, text}
		})
		page, err := w.Incidents(t.Context(), w.org, tocsin.IncidentQuery{Reach: tocsin.Reach{Everywhere: true}, IDs: []tocsin.ID{i.ID}, Limit: 1})
		if err != nil || len(page) != 1 {
			t.Fatalf("read an incident with text %.20q: %d found, %v", text, len(page), err)
		}
		if diff := cmp.Diff(i, page[0]); diff != "" {
			t.Errorf("text %.20q came back otherwise:\n%s", text, diff)
		}
	}
}

func namesByBytes(t *testing.T, w *world) {
	for _, name := range []string{"a", "A", "a ", " a", "ä", "a\u0308", "ａ", "ß", "SS", "ss"} {
		id := NewID()
		w.save(t, func() tocsin.Object { return &tocsin.Project{Meta: w.meta(id), Name: name} })
	}
}

func manyOfAKind(t *testing.T, w *world) {
	var fresh []func() tocsin.Object
	for n := range 3 {
		for _, sample := range w.samples() {
			switch sample().Kind() {
			case tocsin.KindOrganisation:
				continue // there is one
			case tocsin.KindRedaction, tocsin.KindAuditExport, tocsin.KindRegistration:
				continue // they have one version
			}
			fresh = append(fresh, func() tocsin.Object { return numbered(sample(), n) })
		}
	}
	keys := make([]store.Key, len(fresh))
	for i, sample := range fresh {
		keys[i] = store.Key{Kind: sample().Kind(), ID: sample().Head().ID}
	}
	for version := int64(1); version <= 2; version++ {
		r, err := w.Commit(t.Context(), store.Command{Actor: w.actor, Keys: keys, Decide: func(store.View) (store.Change, error) {
			change := store.Change{Action: "test.many"}
			for _, sample := range fresh {
				o := sample()
				if version == 2 {
					rename(o)
				}
				change.Objects = append(change.Objects, o)
			}
			return change, nil
		}})
		if err != nil {
			t.Fatalf("write version %d of %d objects: %v", version, len(fresh), err)
		}
		for _, o := range r.Objects {
			listed, err := w.List(t.Context(), w.org, o.Kind(), store.Page{})
			if err != nil {
				t.Fatal(err)
			}
			found := false
			for _, l := range listed {
				if l.Head().ID == o.Head().ID {
					found = true
					if diff := cmp.Diff(string(store.CanonicalFields(o)), string(store.CanonicalFields(l))); diff != "" || l.Head().Version != version {
						t.Errorf("%s at version %d; want %d:\n%s", o.Kind(), l.Head().Version, version, diff)
					}
				}
			}
			if !found {
				t.Errorf("a %s was not stored", o.Kind())
			}
		}
	}
	checkLog(t, w, w.org)
}

func numbered(o tocsin.Object, n int) tocsin.Object {
	o.Head().ID[0] = byte(n)
	suffix := fmt.Sprint(" ", n)
	switch o := o.(type) {
	case *tocsin.Project:
		o.Name += suffix
	case *tocsin.Dataset:
		o.Name += suffix
	case *tocsin.Check:
		o.Name += suffix
	case *tocsin.User:
		o.Email += suffix
	case *tocsin.Role:
		o.Name += suffix
	case *tocsin.Incident:
		o.Number = int32(n + 1)
		if n == 1 {
			o.Lead, o.Check, o.Datasets = tocsin.ID{}, tocsin.ID{}, nil
		}
	}
	return o
}

func rename(o tocsin.Object) {
	switch o := o.(type) {
	case *tocsin.Project:
		o.Name += "!"
	case *tocsin.Dataset:
		o.Name += "!"
	case *tocsin.Check:
		o.Name += "!"
	case *tocsin.User:
		o.Name += "!"
	case *tocsin.Role:
		o.Permissions = tocsin.AllPermissions
	case *tocsin.Grant:
		o.RevokedAt = o.RevokedAt.Add(time.Second)
	case *tocsin.APIKey:
		o.Name += "!"
	case *tocsin.Incident:
		o.Lead, o.Status, o.FailureCount = o.Reporter, tocsin.Open, 7
		o.Labels = map[string]string{"team": "web", "new": "1"}
	case *tocsin.Invitation:
		o.RevokedAt = o.RevokedAt.Add(time.Second)
	case *tocsin.Installation:
		o.AuditEpoch++
	case *tocsin.Comment:
		o.Message += "!"
	}
}
