package api

import (
	"context"
	"encoding/binary"
	"errors"
	"net/http"

	"tocsin"
)

// Directory are the use cases of what incidents live in; see package directory.
type Directory interface {
	Organisation(ctx context.Context, actor tocsin.Actor) (*tocsin.Organisation, error)
	User(ctx context.Context, actor tocsin.Actor, id tocsin.ID) (*tocsin.User, error)
	UpdateOrganisation(ctx context.Context, actor tocsin.Actor, name *string, requireIfMatch *bool) (*tocsin.Organisation, error)

	Project(ctx context.Context, actor tocsin.Actor, id tocsin.ID) (*tocsin.Project, error)
	ManageableProject(ctx context.Context, actor tocsin.Actor, id tocsin.ID) (*tocsin.Project, error)
	ProjectPage(ctx context.Context, actor tocsin.Actor, after tocsin.ID, limit int) ([]*tocsin.Project, error)
	CreateProject(ctx context.Context, actor tocsin.Actor, name string) (*tocsin.Project, error)
	UpdateProject(ctx context.Context, actor tocsin.Actor, id tocsin.ID, name *string) (*tocsin.Project, error)

	Dataset(ctx context.Context, actor tocsin.Actor, id tocsin.ID) (*tocsin.Dataset, error)
	ManageableDataset(ctx context.Context, actor tocsin.Actor, id tocsin.ID) (*tocsin.Dataset, error)
	DatasetPage(ctx context.Context, actor tocsin.Actor, project, after tocsin.ID, limit int) ([]*tocsin.Dataset, error)
	CreateDataset(ctx context.Context, actor tocsin.Actor, project tocsin.ID, name string) (*tocsin.Dataset, error)
	UpdateDataset(ctx context.Context, actor tocsin.Actor, id tocsin.ID, name *string) (*tocsin.Dataset, error)

	Check(ctx context.Context, actor tocsin.Actor, id tocsin.ID) (*tocsin.Check, error)
	ManageableCheck(ctx context.Context, actor tocsin.Actor, id tocsin.ID) (*tocsin.Check, error)
	CheckPage(ctx context.Context, actor tocsin.Actor, project, after tocsin.ID, limit int) ([]*tocsin.Check, error)
	CreateCheck(ctx context.Context, actor tocsin.Actor, project tocsin.ID, name, url string, datasets []tocsin.ID) (*tocsin.Check, error)
	UpdateCheck(ctx context.Context, actor tocsin.Actor, id tocsin.ID, name, url *string, datasets *[]tocsin.ID) (*tocsin.Check, error)
}

// Organisation is a tocsin.Organisation on the wire.
type Organisation struct {
	ID             ID     `json:"id"`
	Name           string `json:"name"`
	RequireIfMatch bool   `json:"require_if_match" doc:"Each change of what is there already must carry an If-Match."`
	AuditEpoch     int64  `json:"audit_epoch" doc:"Counts the times that the log was taken up again after a restore, from 1."`
	Version        int64  `json:"version" doc:"Counts the changes, from 1."`
	CreatedAt      Time   `json:"created_at"`
	UpdatedAt      Time   `json:"updated_at"`
}

func showOrganisation(o *tocsin.Organisation) Organisation {
	return Organisation{
		ID: ID(o.ID), Name: o.Name, RequireIfMatch: o.RequireIfMatch, AuditEpoch: o.AuditEpoch,
		Version: o.Version, CreatedAt: Time(o.CreatedAt), UpdatedAt: Time(o.UpdatedAt),
	}
}

// OrganisationPatch says what to change in an organisation, on the wire (RFC 7396).
type OrganisationPatch struct {
	Name           Optional[string] `json:"name,omitzero" minLength:"1" maxLength:"255"`
	RequireIfMatch Optional[bool]   `json:"require_if_match,omitzero"`
}

func (c *core) organisationEndpoints() []endpoint {
	return []endpoint{c.getOrganisation(), c.updateOrganisation()}
}

const tagOrganisation = "Organisation"

func (c *core) getOrganisation() endpoint {
	return read(reader[struct{}, Organisation]{
		Operation: Operation{
			ID: "getOrganisation", Method: http.MethodGet, Path: "/v1/organisation", Tag: tagOrganisation,
			Summary: "Read the organisation", Description: "The one that the API key belongs to. Any key may ask.",
			Authority: AnyKey(), On: tocsin.KindOrganisation,
			Examples: []Example{{Summary: "The organisation", Path: "/v1/organisation"}},
		},
		Do: func(ctx context.Context, call *Call, _ *struct{}) (Answer[Organisation], error) {
			return found(showOrganisation)(c.Directory.Organisation(ctx, call.Actor))
		},
	})
}

func (c *core) updateOrganisation() endpoint {
	type input struct{ Body OrganisationPatch }
	return write(writer[input, Organisation]{
		Operation: Operation{
			ID: "updateOrganisation", Method: http.MethodPatch, Path: "/v1/organisation", Tag: tagOrganisation,
			Summary: "Change the organisation",
			Description: "With `require_if_match` every later change through this API of something that is there already must carry an `If-Match`, " +
				"and is answered 428 without it: nobody overwrites what he has not seen.",
			Authority: Needs(tocsin.ManageSettings), On: tocsin.KindOrganisation,
			Examples: []Example{{Summary: "See what renaming it would come to", Path: "/v1/organisation?dry_run=true", Body: `{"name":"Meridian Payments"}`}},
		},
		Do: func(ctx context.Context, call *Call, in *input) (Made, error) {
			return made(c.Directory.UpdateOrganisation(ctx, call.Actor, in.Body.Name.pointer(), in.Body.RequireIfMatch.pointer()))
		},
		Show: func(_ *input, m Made) Organisation { return showOrganisation(m.Objects[0].(*tocsin.Organisation)) },
	})
}

// An idPath is the path of one object.
type idPath struct {
	ID ID `path:"id" doc:"The object's id."`
}

func (p idPath) id() tocsin.ID { return tocsin.ID(p.ID) }

// found turns what a use case returned into an answer.
func found[T tocsin.Object, Out any](show func(T) Out) func(T, error) (Answer[Out], error) {
	return func(o T, err error) (Answer[Out], error) {
		if err != nil {
			return Answer[Out]{}, err
		}
		return Answer[Out]{Body: show(o), Of: o}, nil
	}
}

// keep makes a Find of a use case that returns the object of the path.
func keep[In any, T tocsin.Object](id func(*In) tocsin.ID, find func(context.Context, tocsin.Actor, tocsin.ID) (T, error)) func(context.Context, *Call, *In) error {
	return func(ctx context.Context, call *Call, in *In) error {
		o, err := find(ctx, call.Actor, id(in))
		if err != nil {
			return err
		}
		call.Found = o
		return nil
	}
}

// byID serves an operation that shows the object of its path.
func byID[T tocsin.Object, Out any](op Operation, find func(context.Context, tocsin.Actor, tocsin.ID) (T, error), show func(T) Out) endpoint {
	return read(reader[idPath, Out]{
		Operation: op,
		Find:      keep(func(p *idPath) tocsin.ID { return p.id() }, find),
		Do: func(_ context.Context, call *Call, _ *idPath) (Answer[Out], error) {
			return found(show)(call.Found.(T), nil)
		},
	})
}

// onID serves an operation without a body that changes the object of its path.
func onID[T tocsin.Object, Out any](
	op Operation, find, change func(context.Context, tocsin.Actor, tocsin.ID) (T, error), show func(T) Out,
) endpoint {
	return write(writer[idPath, Out]{
		Operation: op,
		Find:      keep(func(p *idPath) tocsin.ID { return p.id() }, find),
		Do: func(ctx context.Context, call *Call, in *idPath) (Made, error) {
			return made(change(ctx, call.Actor, in.id()))
		},
		Show: func(_ *idPath, m Made) Out { return show(m.Objects[0].(T)) },
	})
}

// inOrder serves a list in order of creation. list returns up to limit objects
// with ids above after.
func inOrder[In any, T tocsin.Object, Out any](
	op Operation, paging func(*In) Paging, list func(ctx context.Context, call *Call, in *In, after tocsin.ID, limit int) ([]T, error), show func(T) Out,
) endpoint {
	return read(reader[In, Page[Out]]{Operation: op, Do: func(ctx context.Context, call *Call, in *In) (Answer[Page[Out]], error) {
		p := paging(in)
		position, err := call.after(p, 2)
		if err != nil {
			return Answer[Page[Out]]{}, err
		}
		all, err := list(ctx, call, in, idAt(position), p.limit()+1)
		if err != nil {
			return Answer[Page[Out]]{}, err
		}
		return cutPage(call, p, all, show, func(o T) []byte { return o.Head().ID[:] }), nil
	}})
}

// idAt returns the id that a position of two numbers is, zero for no position.
func idAt(position []int64) tocsin.ID {
	var id tocsin.ID
	if len(position) == 2 {
		binary.BigEndian.PutUint64(id[:8], uint64(position[0]))
		binary.BigEndian.PutUint64(id[8:], uint64(position[1]))
	}
	return id
}

// referring makes a value that does not hold of what a body names and is not
// there: the path names something that is.
func referring[T any](v T, err error) (T, error) {
	var own *tocsin.Error
	if errors.As(err, &own) && own.Code == tocsin.NotFound && len(own.Fields) > 0 {
		return v, &tocsin.Error{Code: tocsin.Invalid, Message: "some values are not valid", Fields: own.Fields}
	}
	return v, err
}
