package audit

import (
	"context"
	"slices"
	"time"

	"tocsin"
	"tocsin/internal/store"
)

// ActionEpoch and ActionRedact are what the log calls these changes; neither's
// entries can be redacted.
const (
	ActionEpoch  = "audit.epoch"
	ActionRedact = "audit.redact"
)

// free reports whether a field can hold what somebody wrote, and so something
// that must be erased. Values that Tocsin chose, and ids and times, cannot.
func free(name string) bool {
	switch name {
	case "title", "description", "error_message", "resolution_notes", "affected_regions", "labels", "links",
		"message", "name", "email", "url":
		return true
	default:
		return false
	}
}

// Redact erases the details of an entry for good: what it changed, the note, the
// caller's address; and those of each entry of the same object that shows one of
// its texts again, before or after. The leaves stay, and with them the proof.
// An object that still holds such a text must be changed first; fields, where
// there are any, says which of the entry's are meant. To redact an entry again
// changes nothing and returns the redaction that named it.
func (s *Service) Redact(ctx context.Context, actor tocsin.Actor, seq int64, reason string, fields []string) (*tocsin.Redaction, error) {
	if err := tocsin.InvalidFields(tocsin.ReasonProblems(reason)); err != nil {
		return nil, err
	}
	if err := s.mayRedact(ctx, actor); err != nil {
		return nil, err
	}
	r, err := s.record(ctx, actor.Org, seq)
	if err != nil {
		return nil, err
	}
	target := store.Key{Kind: r.Kind, ID: r.Object}
	history, err := s.store.History(ctx, actor.Org, target)
	if err != nil {
		return nil, err
	}
	earlier, err := s.redactionOf(ctx, actor.Org, history, seq)
	if err != nil {
		return nil, err
	}
	id := s.newID()
	keys := []store.Key{{Kind: tocsin.KindRedaction, ID: id}, target}
	if earlier != nil {
		keys = append(keys, store.Key{Kind: tocsin.KindRedaction, ID: earlier.ID})
	}
	o, _, err := store.One[*tocsin.Redaction](ctx, s.store, store.Command{Actor: actor, Keys: keys, Decide: func(v store.View) (store.Change, error) {
		if err := v.Authorise(actor, 0, tocsin.ManageSettings, tocsin.Target{}, tocsin.KindOrganisation); err != nil {
			return store.Change{}, err
		}
		o, err := store.Object[tocsin.Object](v, target.Kind, target.ID)
		if err != nil {
			return store.Change{}, err
		}
		if o.Head().Version != int64(len(history)) {
			return store.Change{}, &tocsin.Error{Code: tocsin.Busy, Message: "the object is being changed; nothing was redacted", RetryAfter: time.Second}
		}
		erase, err := decideRedaction(history, seq, fields, o)
		if err != nil {
			return store.Change{}, err
		}
		r := &tocsin.Redaction{Meta: tocsin.Meta{Org: actor.Org, ID: id}, Entries: erase, Reason: reason}
		if len(erase) == 0 && earlier != nil {
			again := *earlier
			r = &again
		}
		return store.Change{Action: ActionRedact, Erase: erase, Objects: []tocsin.Object{r}}, nil
	}})
	return o, err
}

// redactionOf returns the redaction that erased an entry, nil for one that still
// has its details.
func (s *Service) redactionOf(ctx context.Context, org tocsin.ID, history []tocsin.Entry, seq int64) (*tocsin.Redaction, error) {
	if !slices.ContainsFunc(history, func(e tocsin.Entry) bool { return e.Seq == seq && e.Redacted }) {
		return nil, nil
	}
	for page := (store.Page{Limit: rowsAtOnce}); ; {
		objects, err := s.store.List(ctx, org, tocsin.KindRedaction, page)
		if err != nil {
			return nil, err
		}
		for _, o := range objects {
			if r := o.(*tocsin.Redaction); slices.Contains(r.Entries, seq) {
				return r, nil
			}
		}
		if len(objects) < page.Limit {
			return nil, tocsin.Errorf(tocsin.Conflict, "the details of entry %d are gone, and no redaction says so: take an export and verify it", seq)
		}
		page.After = objects[len(objects)-1].Head().ID
	}
}

func (s *Service) mayRedact(ctx context.Context, actor tocsin.Actor) error {
	return s.may(ctx, actor, tocsin.ManageSettings, "this key may not redact the audit log")
}

// decideRedaction returns which of an object's entries are to be erased so that
// the one numbered seq says nothing any more: none if that is so already.
func decideRedaction(history []tocsin.Entry, seq int64, fields []string, now tocsin.Object) ([]int64, error) {
	at := slices.IndexFunc(history, func(e tocsin.Entry) bool { return e.Seq == seq })
	if at < 0 {
		return nil, tocsin.Errorf(tocsin.NotFound, "the log has no entry %d", seq)
	}
	for _, name := range fields {
		if !slices.Contains(history[at].Fields, name) {
			return nil, tocsin.InvalidFields(map[string]string{"fields": "fields must be some of those that the entry changed"})
		}
	}
	meant := func(name string) bool { return slices.Contains(fields, name) || len(fields) == 0 && free(name) }
	var erase []int64
	take := func(e tocsin.Entry) error {
		if e.Action == ActionEpoch || e.Kind == tocsin.KindRedaction {
			return tocsin.Errorf(tocsin.Conflict, "entry %d is about the log itself and cannot be redacted", e.Seq)
		}
		if !e.Redacted && !slices.Contains(erase, e.Seq) {
			erase = append(erase, e.Seq)
		}
		return nil
	}
	if err := take(history[at]); err != nil {
		return nil, err
	}
	present := tocsin.Fields(now)
	for _, c := range history[at].Changes {
		if !meant(c.Name) || len(c.New.AsList()) == 0 && c.New.AsText() == "" {
			continue
		}
		if slices.ContainsFunc(present, func(f tocsin.Field) bool { return f.Name == c.Name && sameValue(f.Value, c.New) }) {
			return nil, tocsin.Errorf(tocsin.Conflict, "the %s still has the %s that entry %d gave it: change it first, or name in fields only those that are to be forgotten", now.Kind(), c.Name, seq)
		}
		for i, e := range history {
			// A value out of few is elsewhere by chance: it goes with the next change alone.
			if i == at || i < at && !free(c.Name) || !shows(e, c.Name, c.New) {
				continue
			}
			if err := take(e); err != nil {
				return nil, err
			}
			if !free(c.Name) {
				break
			}
		}
	}
	slices.Sort(erase)
	return erase, nil
}

// shows reports whether an entry has a value of a field, as the old or the new one.
func shows(e tocsin.Entry, name string, value tocsin.Value) bool {
	c, ok := e.Change(name)
	return ok && (sameValue(c.Old, value) || sameValue(c.New, value))
}

// sameValue compares a value with one that was read from the log, where times
// and ids are texts.
func sameValue(a, b tocsin.Value) bool {
	return a.AsText() == b.AsText() && slices.Equal(a.AsList(), b.AsList())
}
