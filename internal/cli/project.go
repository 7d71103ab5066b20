package cli

import "tocsin/client"

type projectsCommand struct {
	remote
	List   projectsList   `cmd:"" help:"List the projects that you can see."`
	Create projectsCreate `cmd:"" help:"Make a project; print its id."`
	Rename projectsRename `cmd:"" help:"Give a project another name."`
}

type projectsList struct{ shaped }

// Help returns the example.
func (projectsList) Help() string { return "Example:\n\n  tocsin project list" }

// Run lists projects.
func (cmd projectsList) Run(c console, r *remote) error {
	return call[client.Project](c, r, cmd.shaped, func(s *caller) error {
		found, err := collect(s.Projects.All(s.ctx), 0)
		if err != nil {
			return err
		}
		return show(s.out, found, []column[client.Project]{
			{name: "id", text: func(p client.Project) string { return p.ID }},
			{name: "name", text: func(p client.Project) string { return p.Name }, long: true},
			{name: "created", text: func(p client.Project) string { return s.out.time(p.CreatedAt) }},
		})
	})
}

type projectsCreate struct {
	shaped
	writing
	Name string `arg:"" help:"Its name."`
}

// Help returns the example.
func (projectsCreate) Help() string { return "Example:\n\n  tocsin project create 'Online shop'" }

// Run makes a project.
func (cmd projectsCreate) Run(c console, r *remote) error {
	return call[client.Project](c, r, cmd.shaped, func(s *caller) error {
		return change(s, cmd.writing, func(opts ...client.CallOption) (client.Project, error) {
			return s.Projects.Create(s.ctx, cmd.Name, opts...)
		}, func(p client.Project) error { return made(s.out, p, p.ID) })
	})
}

type projectsRename struct {
	shaped
	writing
	Project string `arg:"" help:"Its name or id."`
	Name    string `arg:"" name:"new-name" help:"The name that it shall have."`
}

// Help returns the example.
func (projectsRename) Help() string {
	return "Example:\n\n  tocsin project rename 'Online shop' 'Web shop'"
}

// Run renames a project.
func (cmd projectsRename) Run(c console, r *remote) error {
	return call[client.Project](c, r, cmd.shaped, func(s *caller) error {
		id, err := s.projectID(cmd.Project)
		if err != nil {
			return err
		}
		return change(s, cmd.writing, func(opts ...client.CallOption) (client.Project, error) {
			return s.Projects.Rename(s.ctx, id, cmd.Name, append(opts, client.IfMatch("*"))...)
		}, func(p client.Project) error {
			s.say("Renamed %s to %s", cmd.Project, p.Name)
			return nothing(s, p)
		})
	})
}
