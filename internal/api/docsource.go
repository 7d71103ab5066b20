package api

import "tocsin"

// Refusals returns the codes of the errors that each operation can answer with,
// by the operation's ID.
func Refusals() map[string][]tocsin.Code {
	c := &core{schemas: newRegistry()}
	out := map[string][]tocsin.Code{}
	for _, e := range c.endpoints() {
		out[e.ID] = refusals(e, newInput(c.schemas, e.in))
	}
	return out
}
