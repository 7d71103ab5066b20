package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"time"
)

// Me is whom the token stands for.
type Me struct {
	User struct {
		ID    string `json:"id"`
		Name  string `json:"name"`
		Email string `json:"email"`
	} `json:"user"`
	APIKey struct {
		ID          string    `json:"id"`
		Name        string    `json:"name"`
		ProjectID   string    `json:"project_id,omitempty"`
		Permissions []string  `json:"permissions"`
		ExpiresAt   time.Time `json:"expires_at,omitzero"`
	} `json:"api_key"`
	Organisation struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	} `json:"organisation"`
}

// Me returns whom the token stands for.
func (c *Client) Me(ctx context.Context, opts ...CallOption) (Me, error) {
	return get[Me](ctx, c, "/v1/me", opts)
}

// An Organisation is the tenant that the token belongs to.
type Organisation struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// RequireIfMatch refuses changes without IfMatch.
	RequireIfMatch bool `json:"require_if_match"`
	// AuditEpoch counts the times that the log was taken up again after a restore.
	AuditEpoch int64     `json:"audit_epoch"`
	Version    int64     `json:"version"`
	CreatedAt  time.Time `json:"created_at,omitzero"`
	UpdatedAt  time.Time `json:"updated_at,omitzero"`
}

// ETag returns the entity tag of this version, for IfMatch.
func (o Organisation) ETag() string { return ETag(o.ID, o.Version) }

// An OrganisationPatch is a change of the organisation; what is nil stays.
type OrganisationPatch struct {
	Name           *string `json:"name,omitempty"`
	RequireIfMatch *bool   `json:"require_if_match,omitempty"`
}

const organisationPath = "/v1/organisation"

// Organisation returns the organisation.
func (c *Client) Organisation(ctx context.Context, opts ...CallOption) (Organisation, error) {
	return get[Organisation](ctx, c, organisationPath, opts)
}

// UpdateOrganisation changes the organisation.
func (c *Client) UpdateOrganisation(ctx context.Context, p OrganisationPatch, opts ...CallOption) (Organisation, error) {
	return patch[Organisation](ctx, c, organisationPath, p, opts)
}

// A Project holds checks, datasets and incidents that belong together.
type Project struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Version   int64     `json:"version"`
	CreatedAt time.Time `json:"created_at,omitzero"`
	UpdatedAt time.Time `json:"updated_at,omitzero"`
}

// ETag returns the entity tag of this version, for IfMatch.
func (p Project) ETag() string { return ETag(p.ID, p.Version) }

// Projects is /v1/projects.
type Projects struct{ c *Client }

const projectsPath = "/v1/projects"

type named struct {
	Name string `json:"name"`
}

// List returns one part of the projects that the token can see.
func (s *Projects) List(ctx context.Context, o ListOptions, opts ...CallOption) (Page[Project], error) {
	return page[Project](ctx, s.c, projectsPath, nil, o, opts)
}

// All goes through the projects that the token can see.
func (s *Projects) All(ctx context.Context) iter.Seq2[Project, error] {
	return all(func(cursor string) (Page[Project], error) {
		return s.List(ctx, ListOptions{Limit: 100, Cursor: cursor})
	}, "")
}

// Get returns a project.
func (s *Projects) Get(ctx context.Context, id string, opts ...CallOption) (Project, error) {
	return get[Project](ctx, s.c, projectsPath+segment(id), opts)
}

// Create makes a project.
func (s *Projects) Create(ctx context.Context, name string, opts ...CallOption) (Project, error) {
	return post[Project](ctx, s.c, projectsPath, named{name}, opts)
}

// Rename gives a project another name.
func (s *Projects) Rename(ctx context.Context, id, name string, opts ...CallOption) (Project, error) {
	return patch[Project](ctx, s.c, projectsPath+segment(id), named{name}, opts)
}

// A Dataset is data that incidents may concern.
type Dataset struct {
	ID        string    `json:"id"`
	ProjectID string    `json:"project_id"`
	Name      string    `json:"name"`
	Version   int64     `json:"version"`
	CreatedAt time.Time `json:"created_at,omitzero"`
	UpdatedAt time.Time `json:"updated_at,omitzero"`
}

// ETag returns the entity tag of this version, for IfMatch.
func (d Dataset) ETag() string { return ETag(d.ID, d.Version) }

// A NewDataset is what a dataset begins with.
type NewDataset struct {
	ProjectID string `json:"project_id"`
	Name      string `json:"name"`
}

// Datasets is /v1/datasets.
type Datasets struct{ c *Client }

const datasetsPath = "/v1/datasets"

// List returns one part of the datasets, those of one project unless it is empty.
func (s *Datasets) List(ctx context.Context, projectID string, o ListOptions, opts ...CallOption) (Page[Dataset], error) {
	return page[Dataset](ctx, s.c, datasetsPath, ofProject(projectID), o, opts)
}

// All goes through the datasets, those of one project unless it is empty.
func (s *Datasets) All(ctx context.Context, projectID string) iter.Seq2[Dataset, error] {
	return all(func(cursor string) (Page[Dataset], error) {
		return s.List(ctx, projectID, ListOptions{Limit: 100, Cursor: cursor})
	}, "")
}

// Get returns a dataset.
func (s *Datasets) Get(ctx context.Context, id string, opts ...CallOption) (Dataset, error) {
	return get[Dataset](ctx, s.c, datasetsPath+segment(id), opts)
}

// Create makes a dataset.
func (s *Datasets) Create(ctx context.Context, n NewDataset, opts ...CallOption) (Dataset, error) {
	return post[Dataset](ctx, s.c, datasetsPath, n, opts)
}

// Rename gives a dataset another name.
func (s *Datasets) Rename(ctx context.Context, id, name string, opts ...CallOption) (Dataset, error) {
	return patch[Dataset](ctx, s.c, datasetsPath+segment(id), named{name}, opts)
}

// A Check watches something and is what a system incident is of.
type Check struct {
	ID         string    `json:"id"`
	ProjectID  string    `json:"project_id"`
	Name       string    `json:"name"`
	URL        string    `json:"url"`
	DatasetIDs []string  `json:"dataset_ids"`
	Version    int64     `json:"version"`
	CreatedAt  time.Time `json:"created_at,omitzero"`
	UpdatedAt  time.Time `json:"updated_at,omitzero"`
}

// ETag returns the entity tag of this version, for IfMatch.
func (c Check) ETag() string { return ETag(c.ID, c.Version) }

// A NewCheck is what a check begins with.
type NewCheck struct {
	ProjectID  string   `json:"project_id"`
	Name       string   `json:"name"`
	URL        string   `json:"url,omitempty"`
	DatasetIDs []string `json:"dataset_ids,omitempty"`
}

// A CheckPatch is a change of a check; what is nil stays.
type CheckPatch struct {
	Name       *string  `json:"name,omitempty"`
	URL        *string  `json:"url,omitempty"`
	DatasetIDs []string `json:"dataset_ids,omitzero"`
}

// Checks is /v1/checks.
type Checks struct{ c *Client }

const checksPath = "/v1/checks"

// List returns one part of the checks, those of one project unless it is empty.
func (s *Checks) List(ctx context.Context, projectID string, o ListOptions, opts ...CallOption) (Page[Check], error) {
	return page[Check](ctx, s.c, checksPath, ofProject(projectID), o, opts)
}

// All goes through the checks, those of one project unless it is empty.
func (s *Checks) All(ctx context.Context, projectID string) iter.Seq2[Check, error] {
	return all(func(cursor string) (Page[Check], error) {
		return s.List(ctx, projectID, ListOptions{Limit: 100, Cursor: cursor})
	}, "")
}

// Get returns a check.
func (s *Checks) Get(ctx context.Context, id string, opts ...CallOption) (Check, error) {
	return get[Check](ctx, s.c, checksPath+segment(id), opts)
}

// Create makes a check.
func (s *Checks) Create(ctx context.Context, n NewCheck, opts ...CallOption) (Check, error) {
	return post[Check](ctx, s.c, checksPath, n, opts)
}

// Update changes a check.
func (s *Checks) Update(ctx context.Context, id string, p CheckPatch, opts ...CallOption) (Check, error) {
	return ask[Check](ctx, s.c, request{method: http.MethodPatch, path: checksPath + segment(id)}, p, opts)
}

func ofProject(id string) url.Values {
	q := url.Values{}
	setText(q, "project_id", id)
	return q
}
