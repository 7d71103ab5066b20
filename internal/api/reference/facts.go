package reference

import (
	"fmt"
	"slices"

	"tocsin"
	"tocsin/internal/api"
)

// permission says who may call an operation.
func permission(a api.Authority) fact {
	f := fact{Name: "Needs"}
	switch {
	case a.Open():
		f.Items = []link{{Text: "no API key"}}
	case a.Permission() == 0:
		f.Items = []link{{Text: "any API key", Target: guidePath + "#authentication"}}
	}
	for _, name := range a.Permission().Names() {
		f.Items = append(f.Items, link{Text: name, Target: guidePath + "#permission." + name, Code: true})
	}
	return f
}

// result says what an operation answers with.
func (b *builder) result(op api.Operation) fact {
	f := fact{Name: "Answers"}
	status := verdict(statusOf(op))
	switch name := b.answer(op); {
	case name == "":
		f.Items = []link{{Text: status + ", " + op.Media}}
	case b.isList(op):
		f.Items = []link{{Text: status + ", a page of"}, {Text: spaced(name), Target: b.homes[name]}}
	default:
		f.Items = []link{{Text: status + ", the object"}, {Text: spaced(name), Target: b.homes[name]}}
	}
	return f
}

// errorsOf lists the errors of an operation, in the order of their statuses.
func (b *builder) errorsOf(op api.Operation) fact {
	f := fact{Name: "Errors"}
	codes := slices.Clone(b.refusals[op.ID])
	slices.SortStableFunc(codes, func(a, c tocsin.Code) int { return statusOfCode(a) - statusOfCode(c) })
	for _, code := range codes {
		f.Items = append(f.Items, link{Text: fmt.Sprintf("%d %s", statusOfCode(code), code), Target: errorsPath + "#" + string(code), Code: true})
	}
	return f
}

func statusOfCode(code tocsin.Code) int {
	status, _ := api.StatusOf(code)
	return status
}

// anchorOf is where the guide explains a header, or a parameter that all writes
// have; "" for any other.
func anchorOf(name string) string {
	switch name {
	case "If-Match", "ETag":
		return guidePath + "#if-match"
	case "If-None-Match":
		return guidePath + "#if-none-match"
	case "Idempotency-Key", "Idempotent-Replayed":
		return guidePath + "#idempotency-key"
	case "dry_run":
		return guidePath + "#dry-run"
	case "Audit-Leaf":
		return guidePath + "#audit-leaf"
	case "Link":
		return guidePath + "#lists"
	default:
		return ""
	}
}
