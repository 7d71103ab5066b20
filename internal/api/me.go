package api

import (
	"context"
	"net/http"
)

// Me is who calls, on the wire.
type Me struct {
	User struct {
		ID    ID     `json:"id"`
		Name  string `json:"name"`
		Email string `json:"email"`
	} `json:"user"`
	APIKey struct {
		ID          ID       `json:"id"`
		Name        string   `json:"name"`
		ProjectID   ID       `json:"project_id" nullable:"true" doc:"The only project that the key sees; null for all."`
		Permissions []string `json:"permissions" nullable:"false" doc:"What the key may do at most; empty for all that its owner may."`
		ExpiresAt   Time     `json:"expires_at" nullable:"true"`
	} `json:"api_key"`
	Organisation struct {
		ID   ID     `json:"id"`
		Name string `json:"name"`
	} `json:"organisation"`
}

func (c *core) meEndpoints() []endpoint {
	return []endpoint{read(reader[struct{}, Me]{
		Operation: Operation{
			ID: "getMe", Method: http.MethodGet, Path: "/v1/me", Tag: "Me",
			Summary: "Read who you are", Description: "The API key that the request came with, its owner and its organisation. Any key may ask.",
			Authority: AnyKey(),
			Examples:  []Example{{Summary: "Who am I", Path: "/v1/me"}},
		},
		Do: func(ctx context.Context, call *Call, _ *struct{}) (Answer[Me], error) {
			org, err := c.Directory.Organisation(ctx, call.Actor)
			if err != nil {
				return Answer[Me]{}, err
			}
			var me Me
			owner, key := call.Rights.Owner, call.Rights.Key
			me.User.ID, me.User.Name, me.User.Email = ID(owner.ID), owner.Name, owner.Email
			me.APIKey.ID, me.APIKey.Name, me.APIKey.ProjectID = ID(key.ID), key.Name, ID(key.Project)
			me.APIKey.Permissions, me.APIKey.ExpiresAt = key.Permissions.Names(), Time(key.ExpiresAt)
			me.Organisation.ID, me.Organisation.Name = ID(org.ID), org.Name
			return Answer[Me]{Body: me}, nil
		},
	})}
}
