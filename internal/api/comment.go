package api

import (
	"context"
	"net/http"

	"tocsin"
)

// Comment is a tocsin.Comment on the wire.
type Comment struct {
	ID         ID     `json:"id"`
	IncidentID ID     `json:"incident_id"`
	AuthorID   ID     `json:"author_id" nullable:"true" doc:"The user who wrote it; null for Tocsin itself."`
	Message    string `json:"message"`
	CreatedAt  Time   `json:"created_at"`
}

func showComment(c *tocsin.Comment) Comment {
	return Comment{ID: ID(c.ID), IncidentID: ID(c.Incident), AuthorID: ID(c.Author), Message: c.Message, CreatedAt: Time(c.CreatedAt)}
}

// CommentDraft is what a new comment begins with, on the wire.
type CommentDraft struct {
	Message string `json:"message" format:"multiline" minLength:"1" maxLength:"1000"`
}

func (c *core) commentEndpoints() []endpoint {
	return []endpoint{c.listComments(), c.createComment()}
}

func (c *core) listComments() endpoint {
	type input struct {
		incidentPath
		Paging
	}
	return read(reader[input, Page[Comment]]{
		Operation: Operation{
			ID: "listComments", Method: http.MethodGet, Path: "/v1/incidents/{id}/comments", Tag: tagIncidents,
			Summary: "List the comments on an incident", Description: "The oldest first.",
			Authority: Needs(tocsin.ViewIncidents),
			Examples:  []Example{{Summary: "All comments", Path: "/v1/incidents/" + SampleIncident + "/comments"}},
		},
		Find: func(ctx context.Context, call *Call, in *input) error {
			_, err := c.visible(ctx, call, in.id())
			return err
		},
		Do: func(ctx context.Context, call *Call, in *input) (Answer[Page[Comment]], error) {
			after, err := call.after(in.Paging, 1)
			if err != nil {
				return Answer[Page[Comment]]{}, err
			}
			var seq int64
			if after != nil {
				seq = after[0]
			}
			found, err := c.Incidents.CommentsAfter(ctx, call.Actor, in.id(), seq, in.limit()+1)
			if err != nil {
				return Answer[Page[Comment]]{}, err
			}
			return cutPage(call, in.Paging, found, showComment, func(c *tocsin.Comment) []byte { return numbers(c.Seq) }), nil
		},
	})
}

func (c *core) createComment() endpoint {
	type input struct {
		incidentPath
		Body CommentDraft
	}
	return write(writer[input, Comment]{
		Operation: Operation{
			ID: "createComment", Method: http.MethodPost, Path: "/v1/incidents/{id}/comments", Tag: tagIncidents,
			Summary:     "Comment on an incident",
			Description: "A comment is an object of its own: the incident stays at its version.",
			Authority:   Needs(tocsin.ManageIncidents), Status: http.StatusCreated, On: tocsin.KindIncident, Adds: true,
			Examples: []Example{{
				Summary: "Say what was found", Path: "/v1/incidents/" + SampleIncident + "/comments",
				Body: `{"message":"The connection pool was exhausted."}`,
			}},
		},
		Find: func(ctx context.Context, call *Call, in *input) error { return c.manageable(ctx, call, in.id()) },
		Do: func(ctx context.Context, call *Call, in *input) (Made, error) {
			return made(c.Incidents.Comment(ctx, call.Actor, in.id(), in.Body.Message))
		},
		Show: func(_ *input, m Made) Comment { return showComment(m.Objects[0].(*tocsin.Comment)) },
	})
}
