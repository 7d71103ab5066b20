package tocsin_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin"
)

func TestNameProblems(t *testing.T) {
	t.Parallel()
	for text, good := range map[string]bool{
		"Online shop": true, " x ": true, wide(255): true, "\u200b": true,
		"": false, " \t\n": false, wide(256): false, "a\x00b": false, "caf\xe9": false,
	} {
		if got := len(tocsin.NameProblems(text)) == 0; got != good {
			t.Errorf("name %q is taken: %t; want %t", text, got, good)
		}
	}
}

func TestUserProblems(t *testing.T) {
	t.Parallel()
	for email, good := range map[string]bool{
		"ada@example.org": true, "a@b": true, `"a@b"@example.org`: true, "j\u00f6rg@example.org": true,
		strings.Repeat("a", 253) + "@b": true, strings.Repeat("a", 254) + "@b": false,
		"": false, "ada": false, "@example.org": false, "ada@": false, "ada @example.org": false,
		"ada@example.org\r\nBcc: eve@example.org": false, "Ada <ada@example.org>": false, "a\x00@b": false, "a\xff@b": false,
	} {
		if got := len(tocsin.UserProblems("Ada", email)) == 0; got != good {
			t.Errorf("address %q is taken: %t; want %t", email, got, good)
		}
	}
	if diff := cmp.Diff([]string{"email", "name"}, problemNames(tocsin.UserProblems("", ""))); diff != "" {
		t.Errorf("both at once (-want +got):\n%s", diff)
	}
}

func TestCheckProblems(t *testing.T) {
	t.Parallel()
	for url, good := range map[string]bool{
		"": true, "https://example.com/health": true, wide(2048): true,
		wide(2049): false, "https://\x00": false, "\xff": false,
	} {
		if _, bad := tocsin.CheckProblems("shop", url)["url"]; bad == good {
			t.Errorf("URL of %d bytes is taken: %t; want %t", len(url), !bad, good)
		}
	}
}

func TestCommentProblems(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"a":        "",
		" ":        "",
		wide(1000): "",
		"":         "message must not be empty",
		wide(1001): "message must be at most 1000 characters",
		"a\x00":    "message must be valid UTF-8 without U+0000",
	} {
		if got := tocsin.CommentProblems(text)["message"]; got != want {
			t.Errorf("a message of %d bytes: %q; want %q", len(text), got, want)
		}
	}
}

// No engine may meet a text that only the other can hold, whichever door it
// came through. Other control characters are kept as they were sent.
func TestProblems_ofTextsThatCannotBeKept(t *testing.T) {
	t.Parallel()
	texts := []string{"affected_regions", "description", "error_message", "note", "resolution_notes", "title"}
	for text, bad := range map[string][]string{"a\x01\x1b\u2028b": nil, "a\x00": texts, "caf\xe9": texts, "\xed\xa0\x80": texts} {
		p := tocsin.Patch{
			Title: &text, Description: &text, ErrorMessage: &text, AffectedRegions: &[]string{text}, ResolutionNotes: &text, Note: text,
		}
		if diff := cmp.Diff(bad, problemNames(p.Problems())); diff != "" {
			t.Errorf("a patch with %q (-want +got):\n%s", text, diff)
		}
		d := tocsin.Draft{
			Title: text, Description: text, ErrorMessage: text, AffectedRegions: []string{text}, ResolutionNotes: text,
			Severity: tocsin.Major, Source: tocsin.FromManual,
		}
		bad = slices.DeleteFunc(slices.Clone(bad), func(name string) bool { return name == "note" }) // a draft has none
		if diff := cmp.Diff(bad, problemNames(d.Problems())); diff != "" {
			t.Errorf("a draft with %q (-want +got):\n%s", text, diff)
		}
	}
}
