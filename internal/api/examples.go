package api

import (
	"embed"
	"encoding/json"
	"fmt"

	"github.com/danielgtaylor/huma/v2"
)

// answers are what the server says to the examples of the operations. A test
// runs them and holds the files to it; -update writes them anew.
//
//go:embed all:examples
var answers embed.FS

// An ExampleAnswer is what the server says to an example.
type ExampleAnswer struct {
	Status int             `json:"status"`
	Body   json.RawMessage `json:"body"`
}

// ExampleFile is the name of the file with the answer to an operation's example.
func ExampleFile(op Operation, i int) string {
	return fmt.Sprintf("examples/%s-%d.json", op.ID, i+1)
}

// AnswerTo returns the answer to an operation's example, as the server gave it
// when the example was last run.
func AnswerTo(op Operation, i int) (ExampleAnswer, error) {
	var a ExampleAnswer
	text, err := answers.ReadFile(ExampleFile(op, i))
	if err != nil {
		return a, fmt.Errorf("example %d of %s was never run: %w", i+1, op.ID, err)
	}
	return a, json.Unmarshal(text, &a)
}

func responseExamples(op Operation, status int) map[string]*huma.Example {
	out := map[string]*huma.Example{}
	for i, x := range op.Examples {
		if a, err := AnswerTo(op, i); err == nil && a.Status == status && len(a.Body) > 0 {
			out[exampleName(i)] = &huma.Example{Summary: x.Summary, Value: a.Body}
		}
	}
	return out
}
