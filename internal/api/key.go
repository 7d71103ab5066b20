package api

import (
	"context"
	"net/http"
	"time"

	"tocsin"
)

// APIKey is a tocsin.APIKey on the wire.
type APIKey struct {
	ID          ID           `json:"id"`
	OwnerID     ID           `json:"owner_id" doc:"The user whom it acts for: it may do what the owner may, within its own restrictions."`
	Name        string       `json:"name"`
	ProjectID   ID           `json:"project_id" nullable:"true" doc:"The only project that it sees; null for all."`
	Permissions []Permission `json:"permissions" nullable:"false" doc:"What it may do at most; empty for all that its owner may."`
	ExpiresAt   Time         `json:"expires_at" nullable:"true" doc:"When it ends; null for never."`
	RevokedAt   Time         `json:"revoked_at" nullable:"true"`
	Version     int64        `json:"version" doc:"Counts the changes, from 1."`
	CreatedAt   Time         `json:"created_at"`
	UpdatedAt   Time         `json:"updated_at"`
}

func showKey(k *tocsin.APIKey) APIKey {
	return APIKey{
		ID: ID(k.ID), OwnerID: ID(k.Owner), Name: k.Name, ProjectID: ID(k.Project), Permissions: showPermissions(k.Permissions),
		ExpiresAt: Time(k.ExpiresAt), RevokedAt: Time(k.RevokedAt),
		Version: k.Version, CreatedAt: Time(k.CreatedAt), UpdatedAt: Time(k.UpdatedAt),
	}
}

// NewAPIKey is an API key with its token, on the wire.
type NewAPIKey struct {
	APIKey
	Token *string `json:"token" doc:"What requests carry. It is not stored and never shown again: null when the answer is a replay."`
}

// APIKeyDraft is what a new API key begins with, on the wire.
type APIKeyDraft struct {
	Name        string       `json:"name" minLength:"1" maxLength:"255" doc:"What it is for."`
	OwnerID     ID           `json:"owner_id,omitempty" doc:"The user whom it acts for; oneself, if it is not there."`
	ProjectID   ID           `json:"project_id,omitempty" doc:"The only project that it is to see."`
	Permissions []Permission `json:"permissions,omitempty" nullable:"false" minItems:"1" maxItems:"32" doc:"What it may do at most; all that its owner may, if it is not there."`
	ExpiresAt   Time         `json:"expires_at,omitempty" doc:"When it ends; never, if it is not there."`
}

// APIKeyPatch says what to change in an API key, on the wire (RFC 7396).
type APIKeyPatch struct {
	Name      Optional[string] `json:"name,omitzero" minLength:"1" maxLength:"255"`
	ExpiresAt Optional[Time]   `json:"expires_at,omitzero" nullable:"true" doc:"When it ends, in the future; null for never."`
}

// Rotation says how an API key is to be rotated, on the wire.
type Rotation struct {
	OverlapSeconds Optional[int64] `json:"overlap_seconds,omitzero" minimum:"0" maximum:"604800" doc:"For how long the old key is still good; an hour, if it is not there."`
}

// defaultOverlap is how long a rotated key is still good.
const defaultOverlap = time.Hour

const tagKeys = "API keys"

func (c *core) keyEndpoints() []endpoint {
	return []endpoint{
		inOrder(Operation{
			ID: "listApiKeys", Method: http.MethodGet, Path: "/v1/api-keys", Tag: tagKeys,
			Summary: "List API keys", Description: "One's own, or with the permission `members.manage` all of the organisation; the ended ones among them, the oldest first. A key that is bound to a project sees those that are bound to the same.",
			Authority: AnyKey(),
			Examples:  []Example{{Summary: "All API keys", Path: "/v1/api-keys"}},
		}, func(p *Paging) Paging { return *p }, func(ctx context.Context, call *Call, _ *Paging, after tocsin.ID, limit int) ([]*tocsin.APIKey, error) {
			return c.Members.KeyPage(ctx, call.Actor, after, limit)
		}, showKey),
		c.createKey(),
		byID(Operation{
			ID: "getApiKey", Method: http.MethodGet, Path: "/v1/api-keys/{id}", Tag: tagKeys,
			Summary: "Read an API key", Description: "One's own, or with the permission `members.manage` any. Without its token, which is not stored.",
			Authority: AnyKey(), On: tocsin.KindAPIKey,
			Examples: []Example{{Summary: "One API key", Path: "/v1/api-keys/" + SampleKey}},
		}, c.findKey, showKey),
		c.updateKey(),
		onID(Operation{
			ID: "revokeApiKey", Method: http.MethodDelete, Path: "/v1/api-keys/{id}", Tag: tagKeys,
			Summary:     "Revoke an API key",
			Description: "One's own, or with the permission `members.manage` any; but without it no restricted key can revoke one that may do more. It ends at once and for good, on every node within a second; the record stays, with `revoked_at`.",
			Authority:   AnyKey(), On: tocsin.KindAPIKey,
			Refusals: []tocsin.Code{tocsin.Forbidden},
			Examples: []Example{{Summary: "See what it would come to", Path: "/v1/api-keys/" + SampleKey + "?dry_run=true"}},
		}, c.findKey, func(ctx context.Context, actor tocsin.Actor, id tocsin.ID) (*tocsin.APIKey, error) {
			return c.Members.EndKey(ctx, actor, id)
		}, showKey),
		c.rotateKey(),
	}
}

func (c *core) findKey(ctx context.Context, actor tocsin.Actor, id tocsin.ID) (*tocsin.APIKey, error) {
	return c.Members.Key(ctx, actor, id)
}

// newKey is what a use case that makes a key returned, as Made.
func newKey(k *tocsin.APIKey, token string, err error) (Made, error) {
	m, err := made(referring(k, err))
	m.Secret = token
	return m, err
}

func showNewKey(m Made) NewAPIKey {
	return NewAPIKey{APIKey: showKey(m.Objects[0].(*tocsin.APIKey)), Token: shownOnce(m)}
}

func (c *core) createKey() endpoint {
	type input struct{ Body APIKeyDraft }
	return write(writer[input, NewAPIKey]{
		Operation: Operation{
			ID: "createApiKey", Method: http.MethodPost, Path: "/v1/api-keys", Tag: tagKeys,
			Summary: "Make an API key",
			Description: "The answer has its `token`, once: it is not stored. A restricted key can make only keys that are restricted at least as much.\n\n" +
				"Sent again with the same `Idempotency-Key`, the answer has no token: revoke the key and make another.",
			Authority: Needs(tocsin.ManageMembers), Status: http.StatusCreated, Location: "/v1/api-keys/{id}",
			Names:    map[string]string{"user": "/owner_id", "project": "/project_id"},
			Refusals: []tocsin.Code{tocsin.Conflict},
			Examples: []Example{{
				Summary: "Make one for a wallboard", Path: "/v1/api-keys",
				Body: `{"name":"Wallboard","project_id":"` + SampleProject + `","permissions":["incidents.view"]}`,
			}},
		},
		Find: manages[input](c),
		Do: func(ctx context.Context, call *Call, in *input) (Made, error) {
			p, err := permissionsOf(in.Body.Permissions)
			if err != nil {
				return Made{}, err
			}
			d := tocsin.KeyDraft{
				Owner: tocsin.ID(in.Body.OwnerID), Name: in.Body.Name, Project: tocsin.ID(in.Body.ProjectID),
				Permissions: p, ExpiresAt: time.Time(in.Body.ExpiresAt),
			}
			if d.Owner.IsZero() {
				d.Owner = call.Actor.User
			}
			return newKey(c.Members.CreateKey(ctx, call.Actor, d))
		},
		Show: func(_ *input, m Made) NewAPIKey { return showNewKey(m) },
	})
}

func (c *core) updateKey() endpoint {
	type input struct {
		idPath
		Body APIKeyPatch
	}
	return write(writer[input, APIKey]{
		Operation: Operation{
			ID: "updateApiKey", Method: http.MethodPatch, Path: "/v1/api-keys/{id}", Tag: tagKeys,
			Summary: "Change an API key", Description: "A JSON Merge Patch of its name and its end. A key's restrictions stay as they were made, and one that has ended stays ended. A restricted key cannot lengthen the life of one that may do more.",
			Authority: Needs(tocsin.ManageMembers), On: tocsin.KindAPIKey,
			Refusals: []tocsin.Code{tocsin.Conflict},
			Examples: []Example{{Summary: "Rename it", Path: "/v1/api-keys/" + SampleKey, Body: `{"name":"Pager script"}`}},
		},
		Find: func(ctx context.Context, call *Call, in *input) error {
			if _, err := c.Members.Key(ctx, call.Actor, in.id()); err != nil {
				return err
			}
			return c.Members.MayManage(ctx, call.Actor)
		},
		Do: func(ctx context.Context, call *Call, in *input) (Made, error) {
			expires := convert(in.Body.ExpiresAt, func(t Time) time.Time { return time.Time(t) })
			return made(c.Members.UpdateKey(ctx, call.Actor, in.id(), in.Body.Name.pointer(), expires))
		},
		Show: func(_ *input, m Made) APIKey { return showKey(m.Objects[0].(*tocsin.APIKey)) },
	})
}

func (c *core) rotateKey() endpoint {
	type input struct {
		idPath
		Body Rotation
	}
	return write(writer[input, NewAPIKey]{
		Operation: Operation{
			ID: "rotateApiKey", Method: http.MethodPost, Path: "/v1/api-keys/{id}/rotate", Tag: tagKeys,
			Summary: "Rotate an API key",
			Description: "Makes a new key with the name, the owner, the restrictions and the end of the old one, and ends the old one after the overlap: one change. " +
				"The answer has the new key's `token`, once. One's own keys, or with the permission `members.manage` any; but no restricted key can rotate one that may do more.\n\n" +
				"An old key has an end from then on, which a key made of it by another rotation would have too: rotate the new one instead.",
			Authority: AnyKey(), Status: http.StatusCreated, On: tocsin.KindAPIKey, Location: "/v1/api-keys/{id}",
			Refusals: []tocsin.Code{tocsin.Forbidden, tocsin.Conflict},
			Examples: []Example{{Summary: "Let the old key go on for ten minutes", Path: "/v1/api-keys/" + SampleKey + "/rotate", Body: `{"overlap_seconds":600}`}},
		},
		Find: keep(func(in *input) tocsin.ID { return in.id() }, c.findKey),
		Do: func(ctx context.Context, call *Call, in *input) (Made, error) {
			overlap := defaultOverlap
			if in.Body.OverlapSeconds.Given {
				overlap = time.Duration(in.Body.OverlapSeconds.Value) * time.Second
			}
			return newKey(c.Members.RotateKey(ctx, call.Actor, in.id(), overlap))
		},
		Show: func(_ *input, m Made) NewAPIKey { return showNewKey(m) },
	})
}
