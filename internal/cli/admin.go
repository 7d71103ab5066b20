package cli

type adminCommand struct{}
