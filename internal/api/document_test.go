package api_test

import (
	"encoding/json"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"tocsin/internal/api"
)

func TestTheDocumentIsOpenAPI(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(api.Document("https://tocsin.example.org"))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Error(err)
	}
}
