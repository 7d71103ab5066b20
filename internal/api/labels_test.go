package api_test

import (
	"encoding/json"
	"regexp"
	"testing"

	"pgregory.net/rapid"

	"tocsin"
)

// The document says of a label's key what the rule does.
func TestLabelKeysAreAsTheDocumentHasThem(t *testing.T) {
	t.Parallel()
	var doc struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]struct {
					PropertyNames struct{ Pattern string }
				}
			}
		}
	}
	if err := json.Unmarshal(document(t), &doc); err != nil {
		t.Fatal(err)
	}
	for _, schema := range []string{"IncidentDraft", "IncidentPatch"} {
		pattern := doc.Components.Schemas[schema].Properties["labels"].PropertyNames.Pattern
		if pattern == "" {
			t.Fatalf("%s says nothing about the keys of labels", schema)
		}
		said := regexp.MustCompile(pattern)
		rapid.Check(t, func(t *rapid.T) {
			key := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-z0-9._/-]{0,70}`), rapid.StringMatching(`[a-zA-Z0-9 _\n-]{0,3}`)).Draw(t, "key")
			if said.MatchString(key) != tocsin.ValidLabelKey(key) {
				t.Fatalf("%q: the document says %t", key, said.MatchString(key))
			}
		})
	}
}
