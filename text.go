package tocsin

import (
	"fmt"
	"math"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxName and MaxURL are the most code points that a name, an address or a
// watched URL may have.
const (
	MaxName = 255
	MaxURL  = 2_048
)

// unlimited is the length of texts that only the door bounds.
const unlimited = math.MaxInt

// NameProblems names what is wrong with the name of something.
func NameProblems(name string) map[string]string {
	problems := make(map[string]string)
	if strings.TrimSpace(name) == "" || textProblem("name", name, 1, MaxName) != "" {
		problems["name"] = "name must be a text of 1 to 255 characters"
	}
	return problems
}

// UserProblems names what is wrong with a user's name and address.
func UserProblems(name, email string) map[string]string {
	problems := NameProblems(name)
	at := strings.LastIndexByte(email, '@')
	if at < 1 || at == len(email)-1 || strings.ContainsAny(email, " \t\r\n<>") || textProblem("email", email, 1, MaxName) != "" {
		problems["email"] = "email must be an address such as ada@example.org"
	}
	return problems
}

// CheckProblems names what is wrong with a check's name and URL.
func CheckProblems(name, url string) map[string]string {
	problems := NameProblems(name)
	set(problems, "url", textProblem("url", url, 0, MaxURL))
	return problems
}

// CommentProblems names what is wrong with a comment's message.
func CommentProblems(message string) map[string]string {
	problems := make(map[string]string)
	set(problems, "message", textProblem("message", message, 1, MaxNote))
	return problems
}

func set(problems map[string]string, name, problem string) {
	if problem != "" {
		problems[name] = problem
	}
}

func titleProblem(title string) string {
	if strings.TrimSpace(title) == "" {
		return "title must not be blank"
	}
	return textProblem("title", title, 1, unlimited)
}

// textProblem says what is wrong with a text: its length in code points, or
// bytes that one of the engines or the log's JSON cannot hold.
func textProblem(name, text string, least, most int) string {
	switch n := utf8.RuneCountInString(text); {
	case !utf8.ValidString(text) || strings.ContainsRune(text, 0):
		return name + " must be valid UTF-8 without U+0000"
	case n < least:
		return name + " must not be empty"
	case n > most:
		return fmt.Sprintf("%s must be at most %d characters", name, most)
	default:
		return ""
	}
}

func regionsProblem(name string, regions []string) string {
	if len(regions) > MaxRegions {
		return fmt.Sprintf("%s must have at most %d regions", name, MaxRegions)
	}
	for _, r := range regions {
		if textProblem("", r, 1, MaxRegionName) != "" {
			return fmt.Sprintf("%s must hold names of 1 to %d characters", name, MaxRegionName)
		}
	}
	return ""
}

// MaxLabelKey is the most characters of a label's key.
const MaxLabelKey = 63

// labelProblem says what is wrong with a label; a nil value takes one away.
func labelProblem(key string, value *string) string {
	if !ValidLabelKey(key) {
		return fmt.Sprintf("labels must have keys of 1 to %d characters a-z, 0-9, '.', '_', '/' and '-', the first and the last a letter or digit", MaxLabelKey)
	}
	if value == nil {
		return ""
	}
	if textProblem("labels", *value, 0, MaxName) != "" || strings.ContainsFunc(*value, unicode.IsControl) {
		return fmt.Sprintf("labels must have values of at most %d characters without control characters", MaxName)
	}
	return ""
}

// ValidLabelKey reports whether key can be a label's.
func ValidLabelKey(key string) bool {
	for i := range len(key) {
		c := key[i]
		alphanumeric := 'a' <= c && c <= 'z' || '0' <= c && c <= '9'
		if !alphanumeric && (i == 0 || i == len(key)-1 || !strings.ContainsRune("._/-", rune(c))) {
			return false
		}
	}
	return key != "" && len(key) <= MaxLabelKey
}

// linkProblem says what is wrong with a link. Only addresses that a browser may
// safely follow are taken.
func linkProblem(l Link) string {
	u, err := url.Parse(l.URL)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Host == "",
		textProblem("", l.URL, 1, MaxURL) != "", strings.ContainsFunc(l.URL, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }):
		return fmt.Sprintf("links must have an http or https url of at most %d characters", MaxURL)
	case textProblem("", l.Title, 0, MaxName) != "" || strings.ContainsFunc(l.Title, unicode.IsControl):
		return fmt.Sprintf("links must have titles of at most %d characters without control characters", MaxName)
	}
	return ""
}

// ReasonProblems names what is wrong with the reason of a redaction.
func ReasonProblems(reason string) map[string]string {
	problems := make(map[string]string)
	set(problems, "reason", textProblem("reason", reason, 1, MaxNote))
	return problems
}
