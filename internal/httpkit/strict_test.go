package httpkit

import (
	"bytes"
	"strings"
	"testing"
)

// These tests are inside the package to see the bytes that net/http is given.

// FuzzHeadWatch holds that how the bytes arrive changes nothing, and that no
// more than single bytes of a line's start or a colon are ever spoiled.
func FuzzHeadWatch(f *testing.F) {
	for _, seed := range []string{
		"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\n{}\r\n0\r\nX: y\r\n\r\nGET / HTTP/1.1\r\n\r\n",
		"PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\nX: a\r\n b\r\n\r\n",
		"\r\n\nPUT / HTTP/1.1\n\tX\n\r \n\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		var whole, split headWatch
		atOnce := bytes.Clone(stream)
		whole.watch(atOnce)
		byByte := bytes.Clone(stream)
		for i := range byByte {
			split.watch(byByte[i : i+1])
		}
		if !bytes.Equal(atOnce, byByte) || whole != split {
			t.Fatalf("whole it becomes %q, byte by byte %q", atOnce, byByte)
		}
		for i, c := range stream {
			folded := atOnce[i] == ':' && (c == ' ' || c == '\t') && i > 0 && (stream[i-1] == '\n' || stream[i-1] == '\r')
			barred := atOnce[i] == 0 && c == ':'
			if atOnce[i] != c && !folded && !barred {
				t.Fatalf("the byte %q at %d became %q", c, i, atOnce[i])
			}
		}
	})
}

func BenchmarkHeadWatch(b *testing.B) {
	request := []byte("PUT /api/incidents/0193 HTTP/1.1\r\nHost: tocsin.example\r\nUser-Agent: " + strings.Repeat("a", 60) +
		"\r\nAccept: */*\r\nAuthorization: Basic " + strings.Repeat("b", 180) +
		"\r\nContent-Type: application/json\r\nContent-Length: 60\r\n\r\n" + strings.Repeat("c", 60))
	var h headWatch
	b.ReportAllocs()
	for b.Loop() {
		h.watch(request)
	}
}
