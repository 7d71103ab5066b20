package cli

import (
	"time"

	"tocsin"
)

type userCommand struct {
	Create userCreate `cmd:"" help:"Make a user and print the id."`
	List   userList   `cmd:"" help:"List the users."`
}

type userCreate struct {
	inOrg
	Email string `arg:"" help:"Address, by which other commands name the user."`
	Name  string `required:"" placeholder:"NAME" help:"Full name."`
}

// Help returns the example.
func (userCreate) Help() string {
	return "Example:\n\n  tocsin admin user create ada@example.org --name 'Ada Okafor'\n\nA new user may do nothing until 'tocsin admin grant create' gives a role."
}

// Run makes a user.
func (cmd userCreate) Run(c console, admin *adminCommand) error {
	return admin.within(c, cmd.inOrg, func(s *session) error {
		u, err := s.Access.CreateUser(s.ctx, s.actor, cmd.Name, cmd.Email)
		if err != nil {
			return making("user", cmd.Email, err)
		}
		return s.out.made(userRowOf(u), u.ID.String())
	})
}

type userList struct{ inOrg }

// Help returns the example.
func (userList) Help() string { return "Example:\n\n  tocsin admin user list" }

// Run lists the users.
func (cmd userList) Run(c console, admin *adminCommand) error {
	return admin.within(c, cmd.inOrg, func(s *session) error {
		all, err := s.Access.Users(s.ctx, s.actor)
		if err != nil {
			return err
		}
		return list(s.out, rowsOf(all, userRowOf))
	})
}

type userRow struct {
	ID        string    `json:"id"`
	Email     string    `json:"email"`
	Name      string    `json:"name"`
	CreatedAt time.Time `json:"created_at"`
}

func userRowOf(u *tocsin.User) userRow {
	return userRow{ID: u.ID.String(), Email: u.Email, Name: u.Name, CreatedAt: u.CreatedAt}
}

func (userRow) columns() []string { return []string{"id", "email", "name", "created"} }

func (r userRow) cells(o output) []string {
	return []string{r.ID, r.Email, r.Name, o.time(r.CreatedAt)}
}

// user returns the user that a flag names.
func (s *session) user(given string) (*tocsin.User, error) {
	all, err := s.Access.Users(s.ctx, s.actor)
	if err != nil {
		return nil, err
	}
	return pick(users, given, all)
}

// emails returns the addresses of all users.
func (s *session) emails() (map[tocsin.ID]string, error) {
	all, err := s.Access.Users(s.ctx, s.actor)
	return namesOf(users, all), err
}
