package reference

import (
	"net/http"
	"strconv"
)

// A page is one page, however it is rendered.
type page struct {
	// Path is where it is served; with ".md" behind it, its Markdown twin.
	Path  string
	Title string
	// Lead is Markdown.
	Lead     string
	Sections []section
}

// A section is what one anchor of a page leads to: prose beside samples.
type section struct {
	ID, Title string
	// Part groups the sections of a page: "Objects", "Operations", or nothing.
	Part string
	// Method and Path are those of an operation.
	Method, Path string
	// Prose is Markdown.
	Prose   string
	Facts   []fact
	Groups  []group
	Samples []sample
}

// A fact is a line about an operation: what it needs, what it can answer.
type fact struct {
	Name  string
	Items []link
}

// A link is a text that may lead somewhere. Code says that it is one word of the
// protocol.
type link struct {
	Text, Target string
	Code         bool
}

// A group is a list of fields under a title.
type group struct {
	Title  string
	Fields []field
}

// A field is a member of an object, a parameter, or one value of a few.
type field struct {
	ID, Name string
	// Type is its type in words; TypeLink, unless empty, where the type is described.
	Type, TypeLink string
	// Mark is "required" in a request, "not always there" in an answer, or empty.
	Mark string
	// Limits are its bounds and its default, in words.
	Limits []string
	// Text is Markdown.
	Text string
	// Values are those that it can have, if they are few.
	Values []link
	Fields []field
}

// A sample is a request and what the server answers to it.
type sample struct {
	Title string
	// Command is a complete command line, or empty for an object shown alone.
	Command string
	// Status is that of the answer, 0 for no answer.
	Status int
	Answer string
}

// Verdict is the status in numbers and words.
func (s sample) Verdict() string { return verdict(s.Status) }

func verdict(status int) string { return strconv.Itoa(status) + " " + http.StatusText(status) }
