package httpkit_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"tocsin"
	"tocsin/internal/httpkit"
)

func TestReadJSONTakesOnlyDeclaredJSON(t *testing.T) {
	t.Parallel()
	const mediaType = true
	tests := map[string]struct {
		headers []string
		refused bool
	}{
		"nothing declared":               {nil, false},
		"JSON":                           {[]string{"Content-Type: application/json"}, false},
		"another case, and a charset":    {[]string{"Content-Type: Application/JSON; charset=UTF-8"}, false},
		"a quoted charset":               {[]string{`Content-Type: application/json;charset="utf-8"`}, false},
		"another parameter":              {[]string{"Content-Type: application/json; v=1"}, false},
		"identity":                       {[]string{"Content-Encoding: identity"}, false},
		"plain text":                     {[]string{"Content-Type: text/plain"}, mediaType},
		"a form":                         {[]string{"Content-Type: application/x-www-form-urlencoded"}, mediaType},
		"a form with files":              {[]string{"Content-Type: multipart/form-data; boundary=x"}, mediaType},
		"something that only ends so":    {[]string{"Content-Type: application/merge-patch+json"}, mediaType},
		"a list of types":                {[]string{"Content-Type: application/json, text/plain"}, mediaType},
		"two headers":                    {[]string{"Content-Type: application/json", "Content-Type: application/json"}, mediaType},
		"an empty header":                {[]string{"Content-Type:"}, mediaType},
		"a malformed parameter":          {[]string{"Content-Type: application/json; charset"}, mediaType},
		"UTF-16":                         {[]string{"Content-Type: application/json; charset=utf-16"}, mediaType},
		"gzip":                           {[]string{"Content-Encoding: gzip"}, mediaType},
		"identity and gzip":              {[]string{"Content-Encoding: identity", "Content-Encoding: gzip"}, mediaType},
		"an encoding with an odd name":   {[]string{"Content-Encoding: "}, mediaType},
		"JSON, but compressed all right": {[]string{"Content-Type: application/json", "Content-Encoding: br"}, mediaType},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest("PUT", "/", strings.NewReader("{}"))
			for _, h := range test.headers {
				key, value, _ := strings.Cut(h, ":")
				r.Header.Add(key, strings.TrimSpace(value))
			}
			body, err := httpkit.ReadJSON(httptest.NewRecorder(), r, 100)
			if !test.refused {
				if err != nil || string(body) != "{}" {
					t.Errorf("ReadJSON returned %q, %v; want the body", body, err)
				}
				return
			}
			var refused *httpkit.BodyError
			if !errors.As(err, &refused) || !refused.MediaType || refused.TooLarge {
				t.Fatalf("ReadJSON returned %v, want a *BodyError about the media type", err)
			}
			if code := tocsin.CodeOf(err); code != tocsin.Invalid {
				t.Errorf("the code is %q, want %q", code, tocsin.Invalid)
			}
		})
	}
}

// endless is a body that counts what was read of it.
type endless struct{ read int64 }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	e.read += int64(len(p))
	return len(p), nil
}

func TestReadJSONReadsNoMoreThanTheLimit(t *testing.T) {
	t.Parallel()
	const limit = 1 << 20
	sized := func(n int) *http.Request {
		return httptest.NewRequest("PUT", "/", strings.NewReader(strings.Repeat(" ", n)))
	}
	if body, err := httpkit.ReadJSON(httptest.NewRecorder(), sized(limit), limit); err != nil || len(body) != limit {
		t.Errorf("a body of exactly the limit gave %d bytes, %v", len(body), err)
	}
	declared := &endless{}
	huge := httptest.NewRequest("PUT", "/", declared)
	huge.ContentLength = 5 << 30
	chunked := &endless{}
	undeclared := httptest.NewRequest("PUT", "/", chunked)
	undeclared.ContentLength = -1
	for name, r := range map[string]*http.Request{"one byte more": sized(limit + 1), "5 GB declared": huge, "endless": undeclared} {
		w := httptest.NewRecorder()
		_, err := httpkit.ReadJSON(w, r, limit)
		var refused *httpkit.BodyError
		if !errors.As(err, &refused) || !refused.TooLarge {
			t.Errorf("%s: ReadJSON returned %v, want a *BodyError that says too large", name, err)
		}
		if w.Header().Get("Connection") != "close" {
			t.Errorf("%s: the connection is not to be closed, though a body is unread", name)
		}
	}
	if declared.read != 0 {
		t.Errorf("%d bytes were read of a body that said it is too large", declared.read)
	}
	if chunked.read > 2*limit {
		t.Errorf("%d bytes were read of an endless body, want about the limit %d", chunked.read, limit)
	}
}

func TestABodyThatIsTooLargeEndsTheConnection(t *testing.T) {
	t.Parallel()
	effects := make(chan string, 1)
	k := start(t, nil, update(effects))
	for name, raw := range map[string]string{
		"declared": put("Content-Length: 5000000000\r\n", "{}"),
		"sent":     put("Transfer-Encoding: chunked\r\n", "100001\r\n"+strings.Repeat(" ", 1<<20+1)+"\r\n0\r\n\r\n"),
	} {
		got, closed := k.statuses(t, raw, 2)
		if len(got) != 1 || got[0] != 400 || !closed {
			t.Errorf("%s: the answers are %v (closed: %v), want one 400 and the end", name, got, closed)
		}
	}
	if len(effects) != 0 {
		t.Error("a body over the limit had an effect")
	}
}

func TestACompressedBombIsNeverInflated(t *testing.T) {
	t.Parallel()
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	_, _ = z.Write(make([]byte, 1<<20))
	_ = z.Close()
	k := start(t, nil, update(make(chan string, 1)))
	a := k.do(t, put(fmt.Sprintf("Content-Encoding: gzip\r\nContent-Length: %d\r\n", bomb.Len()), bomb.String()))
	if a.status != 400 || !strings.Contains(a.body, "compressed") {
		t.Errorf("the answer is %d %s, want 400 that names compression", a.status, a.body)
	}
}

func TestWriteJSON(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	if err := httpkit.WriteJSON(w, http.StatusCreated, map[string]string{"title": "<b> & \u2028"}); err != nil {
		t.Fatal(err)
	}
	const want = `{"title":"<b> & \u2028"}`
	if w.Code != 201 || w.Body.String() != want {
		t.Errorf("the answer is %d %s, want 201 %s", w.Code, w.Body, want)
	}
	if got := w.Header().Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type is %q, want application/json", got)
	}
	if got := w.Header().Get("Content-Length"); got != fmt.Sprint(len(want)) {
		t.Errorf("Content-Length is %q, want %d", got, len(want))
	}
}

func TestWriteJSONSendsNothingThatItCannotEncode(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	if err := httpkit.WriteJSON(w, http.StatusOK, math.NaN()); err == nil {
		t.Error("WriteJSON encoded NaN")
	}
	if w.Body.Len() != 0 || len(w.Header()) != 0 {
		t.Errorf("something went out: %v %s", w.Header(), w.Body)
	}
}

func TestRetryAfterIsWholeSecondsNeverTooEarly(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		-time.Hour: "1", 0: "1", 1: "1", time.Second: "1", time.Second + 1: "2", time.Minute: "60",
	} {
		h := http.Header{}
		httpkit.RetryAfter(h, d)
		if got := h.Get("Retry-After"); got != want {
			t.Errorf("after %v: Retry-After is %q, want %s", d, got, want)
		}
	}
}
