// Command tocsin is the incident server and its command line.
package main

import (
	"os"

	"tocsin/internal/cli"
)

func main() { os.Exit(cli.Run(os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr)) }
