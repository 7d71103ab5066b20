package api

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"runtime/debug"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"tocsin"
	"tocsin/internal/httpkit"
)

// BulkDraft is what a change of several incidents asks for, on the wire.
type BulkDraft struct {
	Items []BulkItem `json:"items" nullable:"false" minItems:"1" maxItems:"100" doc:"Each incident once."`
}

// BulkItem is a change of one of them.
type BulkItem struct {
	ID      ID            `json:"id"`
	IfMatch string        `json:"if_match,omitempty" maxLength:"1000" doc:"As the header If-Match of a change of this incident alone."`
	Patch   IncidentPatch `json:"patch"`
}

// BulkAnswer is what came of it.
type BulkAnswer struct {
	DryRun  bool           `json:"dry_run,omitempty" doc:"True when nothing was changed because dry_run was asked for."`
	Changes []ObjectChange `json:"changes,omitzero" nullable:"false" doc:"With dry_run: what would change."`
	Results []BulkResult   `json:"results" nullable:"false" doc:"One for each item, in the same order."`
}

// BulkResult is what came of one item.
type BulkResult struct {
	ID       ID              `json:"id"`
	Status   int             `json:"status" doc:"The HTTP status that a change of this incident alone would have had."`
	Incident *storedIncident `json:"incident,omitempty" doc:"The incident as it is then."`
	Problem  *Problem        `json:"problem,omitempty" doc:"Why it was not changed."`
	Replayed bool            `json:"replayed,omitempty" doc:"This change was made before, by a request with the same Idempotency-Key."`
}

// A storedIncident is an Incident as it was written when its change was made.
type storedIncident struct{ text json.RawMessage }

// MarshalJSON returns the text.
func (s *storedIncident) MarshalJSON() ([]byte, error) { return s.text, nil }

// Schema describes an Incident.
func (*storedIncident) Schema(r huma.Registry) *huma.Schema {
	return r.Schema(reflect.TypeFor[Incident](), true, "")
}

// bulkWidth is how many items are under way at a time: the engine commits
// together what waits together.
const bulkWidth = 16

func (c *core) bulkUpdateIncidents() endpoint {
	type input struct{ Body BulkDraft }
	return read(reader[input, BulkAnswer]{
		Operation: Operation{
			ID: "bulkUpdateIncidents", Method: http.MethodPost, Path: "/v1/incidents/bulk", Tag: tagIncidents,
			Summary: "Change several incidents",
			Description: "Each item is a change of its own, made or refused for itself: the answer is 200 and has a result for each. " +
				"With an `Idempotency-Key` the whole request can be sent again: what was made then is not made twice. The key counts for each incident by itself.\n\n" +
				"The body has room for 64 KiB, as any: 650 bytes for each of 100 incidents. Send longer texts in several requests.",
			Authority: Needs(tocsin.ManageIncidents),
			Examples: []Example{{
				Summary: "Resolve two, of which one is not there", Path: "/v1/incidents/bulk",
				Body: `{"items":[{"id":"` + SampleIncident + `","patch":{"status":"resolved"}},{"id":"` + SampleComment + `","patch":{"status":"resolved"}}]}`,
			}},
		},
		Do: func(ctx context.Context, call *Call, in *input) (Answer[BulkAnswer], error) {
			if err := onlyOnce(in.Body.Items); err != nil {
				return Answer[BulkAnswer]{}, err
			}
			answer := BulkAnswer{DryRun: call.Actor.Terms.DryRun, Results: make([]BulkResult, len(in.Body.Items))}
			previews := make([]*tocsin.Preview, len(in.Body.Items))
			var wait sync.WaitGroup
			slots := make(chan struct{}, bulkWidth)
			for i, item := range in.Body.Items {
				slots <- struct{}{}
				wait.Go(func() {
					defer func() {
						if fault := recover(); fault != nil { // nobody else would catch it here
							err := fmt.Errorf("panic: %v\n%s", fault, debug.Stack())
							answer.Results[i] = c.bulkProblem(ctx, BulkResult{ID: item.ID}, err)
						}
						<-slots
					}()
					answer.Results[i], previews[i] = c.bulkItem(ctx, call, item)
				})
			}
			wait.Wait()
			if answer.DryRun {
				answer.Changes = []ObjectChange{}
			}
			for _, p := range previews {
				if p != nil {
					answer.Changes = append(answer.Changes, showPreview(p.Changes).Changes...)
				}
			}
			return Answer[BulkAnswer]{Body: answer}, nil
		},
	})
}

// onlyOnce refuses items about the same incident: their order would be anybody's
// guess.
func onlyOnce(items []BulkItem) error {
	seen := make(map[ID]bool, len(items))
	for i, item := range items {
		if seen[item.ID] {
			return invalidField(fmt.Sprintf("/items/%d/id", i), "must not be that of an earlier item")
		}
		seen[item.ID] = true
	}
	return nil
}

// bulkItem makes one change, and turns what comes of it into a result.
func (c *core) bulkItem(ctx context.Context, call *Call, item BulkItem) (result BulkResult, preview *tocsin.Preview) {
	id := tocsin.ID(item.ID)
	own := *call
	own.Actor.Terms = itemTerms(call.Actor.Terms, item)
	result = BulkResult{ID: item.ID, Status: http.StatusOK}
	inc, err := c.updateItem(ctx, &own, id, item)
	if err == nil {
		body, err := encode(showIncident(inc))
		if err == nil {
			result.Incident = &storedIncident{body}
			return result, nil
		}
		return c.bulkProblem(ctx, result, err), nil
	}
	var replayed *tocsin.Replayed
	switch {
	case errors.As(err, &preview):
		return result, preview
	case errors.As(err, &replayed):
		result.Incident, result.Replayed = &storedIncident{replayed.Reply.Body}, true
		return result, nil
	}
	return c.bulkProblem(ctx, result, c.explain(&own, err)), nil
}

func (c *core) updateItem(ctx context.Context, call *Call, id tocsin.ID, item BulkItem) (*tocsin.Incident, error) {
	if _, err := c.Incidents.Manageable(ctx, call.Actor, id); err != nil {
		return nil, err
	}
	if call.Actor.Terms.Match == nil {
		if err := c.wantMatch(call); err != nil {
			return nil, err
		}
	}
	return c.Incidents.Update(ctx, call.Actor, id, item.Patch.patch(), tocsin.Lifecycle())
}

func (c *core) bulkProblem(ctx context.Context, result BulkResult, err error) BulkResult {
	p := c.problemOf(err, map[string]string{"lead": "/lead_id"})
	p.RequestID = httpkit.EventOf(ctx).RequestID()
	if p.Code == tocsin.Internal || p.Code == tocsin.Unknown {
		httpkit.EventOf(ctx).SetError(err)
	}
	result.Status, result.Problem = p.Status, &p
	return result
}

// itemTerms are the terms of one item of a request: its own precondition, and a
// name of its own under the request's.
func itemTerms(whole tocsin.Terms, item BulkItem) tocsin.Terms {
	terms := tocsin.Terms{DryRun: whole.DryRun}
	id := tocsin.ID(item.ID)
	if item.IfMatch != "" {
		terms.Match = parseMatch([]string{item.IfMatch}, tocsin.KindIncident, id)
	}
	if whole.Once == nil {
		return terms
	}
	key := sha256.Sum256(append(whole.Once.Key[:], id[:]...))
	terms.Once = &tocsin.Once{Key: key, Fingerprint: whole.Once.Fingerprint, Reply: func(objects []tocsin.Object) (tocsin.Reply, error) {
		body, err := encode(showIncident(objects[0].(*tocsin.Incident)))
		return tocsin.Reply{Status: http.StatusOK, Body: body}, err
	}}
	return terms
}
