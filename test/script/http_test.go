package script_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// call reads METHOD URL [-u USER:PASSWORD] [HEADER:VALUE…] [BODY] as a request.
// A body begins with a brace.
func call(ts *testscript.TestScript, args []string) (r *http.Request, body string) {
	if len(args) < 2 {
		ts.Fatalf("a request needs METHOD URL")
	}
	r, err := http.NewRequest(args[0], args[1], nil)
	ts.Check(err)
	for rest := args[2:]; len(rest) > 0; rest = rest[1:] {
		name, value, header := strings.Cut(rest[0], ":")
		switch {
		case rest[0] == "-u" && len(rest) > 1:
			user, password, _ := strings.Cut(rest[1], ":")
			r.SetBasicAuth(user, password)
			rest = rest[1:]
		case strings.HasPrefix(rest[0], "{"):
			body = rest[0]
			r.Header.Set("Content-Type", "application/json")
		case header:
			r.Header.Set(name, strings.TrimSpace(value))
		default:
			ts.Fatalf("%q is neither a header nor a body", rest[0])
		}
	}
	return r, body
}

// http [-until] STATUS METHOD URL …: sends a request and prints the body of the
// answer, which must have the status. With -until it asks again until it has.
func request(ts *testscript.TestScript, neg bool, args []string) {
	until := len(args) > 0 && args[0] == "-until"
	if until {
		args = args[1:]
	}
	if neg || len(args) < 3 {
		ts.Fatalf("usage: http [-until] STATUS METHOD URL [-u USER:PASSWORD] [HEADER:VALUE…] [BODY]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	client := http.Client{Timeout: patience}
	send := func() (int, []byte) {
		r, body := call(ts, args[1:])
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
		res, err := client.Do(r)
		ts.Check(err)
		defer res.Body.Close()
		answer, err := io.ReadAll(res.Body)
		ts.Check(err)
		return res.StatusCode, answer
	}
	status, answer := send()
	if until {
		poll(ts, "an answer of "+args[0], func() bool {
			if status != want {
				status, answer = send()
			}
			return status == want
		})
	}
	if status != want {
		ts.Fatalf("the answer is %d, not %d: %s", status, want, answer)
	}
	fmt.Fprintf(ts.Stdout(), "%s\n", answer)
}

// A heldRequest is one whose body the server waits for.
type heldRequest struct {
	conn   net.Conn
	answer *bufio.Reader
	body   string
}

// hold NAME METHOD URL …: sends a request without its body, and returns once
// the server asks for that.
func hold(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: hold NAME METHOD URL [HEADER:VALUE…] BODY")
	}
	r, body := call(ts, args[1:])
	conn, err := net.Dial("tcp", r.URL.Host)
	ts.Check(err)
	h := &heldRequest{conn: conn, answer: bufio.NewReader(conn), body: body}
	worldOf(ts).held[args[0]] = h
	var head strings.Builder
	fmt.Fprintf(&head, "%s %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\nExpect: 100-continue\r\n", r.Method, r.URL.RequestURI(), r.URL.Host, len(body))
	ts.Check(r.Header.Write(&head))
	_, err = conn.Write([]byte(head.String() + "\r\n"))
	ts.Check(err)
	line, err := h.answer.ReadString('\n')
	ts.Check(err)
	if !strings.HasPrefix(line, "HTTP/1.1 100 ") {
		ts.Fatalf("the server did not ask for the body but said %s", line)
	}
	_, err = h.answer.ReadString('\n') // the empty line after it
	ts.Check(err)
}

// release NAME STATUS: sends the body of a held request and prints the answer's,
// which must have the status.
func release(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 || worldOf(ts).held[args[0]] == nil {
		ts.Fatalf("usage: release NAME STATUS, of a request that is held")
	}
	h := worldOf(ts).held[args[0]]
	_, err := io.WriteString(h.conn, h.body)
	ts.Check(err)
	res, err := http.ReadResponse(h.answer, nil)
	ts.Check(err)
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	ts.Check(err)
	if strconv.Itoa(res.StatusCode) != args[1] {
		ts.Fatalf("the answer is %d, not %s: %s", res.StatusCode, args[1], answer)
	}
	fmt.Fprintf(ts.Stdout(), "%s\n", answer)
}
