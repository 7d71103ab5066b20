package httpkit

import (
	"bytes"
	"net"
)

// StrictListener returns a listener whose connections have net/http refuse
// three kinds of request head that it would accept, and that a proxy in front
// may read otherwise: Content-Length beside Transfer-Encoding, Transfer-Encoding
// before HTTP/1.1, and a header folded over several lines (RFC 9112, sections
// 5.2 and 6.1). The answer is net/http's own 400 in its turn, and the end of the
// connection. It is for plain HTTP/1 only: below TLS it would see noise, and a
// connection that leaves HTTP must not come from it.
func StrictListener(l net.Listener) net.Listener { return strictListener{l} }

type strictListener struct{ net.Listener }

func (l strictListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &strictConn{Conn: c}, nil
}

type strictConn struct {
	net.Conn
	heads headWatch
}

func (c *strictConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.heads.watch(p[:n])
	return n, err
}

// CloseWrite lets net/http end its answer before it closes, as on a TCP
// connection of its own.
func (c *strictConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// A headWatch follows the requests on one connection as they stream by, bodies
// too, so that it knows where each head begins. It spoils one byte of a head
// that must not pass, so that net/http finds a line without a name or a colon.
type headWatch struct {
	at part
	// left is how much of a body or chunk is to come.
	left int64
	// last are the last eight bytes of the request line.
	last uint64
	// name is the header's name so far; nameLen counts on when it is full.
	name    [len("transfer-encoding")]byte
	nameLen int
	// length and coding are set once such a header came, trailer after the body.
	length, coding, trailer bool
}

// A part is what the next byte belongs to.
type part uint8

const (
	requestLine part = iota
	lineStart
	headerName
	lengthValue
	headerValue
	fixedBody
	chunkSize
	chunkExtension
	chunkData
	chunkEnd
)

func (h *headWatch) watch(p []byte) {
	for i := 0; i < len(p); {
		switch h.at {
		case fixedBody, chunkData:
			n := min(h.left, int64(len(p)-i))
			h.left -= n
			i += int(n)
			h.endOfData()
			continue
		case headerValue, chunkExtension, chunkEnd:
			end := bytes.IndexByte(p[i:], '\n')
			if end < 0 {
				return
			}
			i += end
			h.endOfLine()
		default:
			p[i] = h.step(p[i])
		}
		i++
	}
}

func (h *headWatch) endOfData() {
	switch {
	case h.left > 0:
	case h.at == fixedBody:
		*h = headWatch{}
	default:
		h.at = chunkEnd
	}
}

func (h *headWatch) endOfLine() {
	switch h.at {
	case headerValue:
		h.at = lineStart
	case chunkEnd:
		h.at, h.left = chunkSize, 0
	case chunkExtension:
		if h.at = chunkData; h.left == 0 { // the last chunk; trailers are like headers
			h.at, h.trailer = lineStart, true
		}
	}
}

// step takes one byte of the parts that are read byte by byte, and returns what
// net/http shall see of it.
func (h *headWatch) step(c byte) byte {
	switch h.at {
	case requestLine:
		if c == '\n' && h.last != 0 { // net/http skips empty lines before it
			h.at = lineStart
		} else if c != '\r' && c != '\n' {
			h.last = h.last<<8 | uint64(c)
		}
	case lineStart:
		switch c {
		case ' ', '\t':
			h.at = headerValue
			return ':' // a folded header
		case '\n':
			h.endOfHead()
		case '\r':
		default:
			h.at, h.nameLen = headerName, 0
			h.addToName(c)
		}
	case headerName:
		switch c {
		case ':':
			return h.endOfName()
		case '\n':
			h.at = lineStart
		default:
			h.addToName(c)
		}
	case lengthValue:
		h.number(c, 10, headerValue)
	case chunkSize:
		h.number(c, 16, chunkExtension)
	}
	return c
}

func (h *headWatch) addToName(c byte) {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	if h.nameLen < len(h.name) {
		h.name[h.nameLen] = c
	}
	h.nameLen++
}

// endOfName takes the colon, and spoils it where the header must not be.
func (h *headWatch) endOfName() byte {
	const http11 = 'H'<<56 | 'T'<<48 | 'T'<<40 | 'P'<<32 | '/'<<24 | '1'<<16 | '.'<<8 | '1'
	h.at = headerValue
	if h.nameLen > len(h.name) {
		return ':'
	}
	switch string(h.name[:h.nameLen]) {
	case "content-length":
		h.at, h.length, h.left = lengthValue, true, 0
	case "transfer-encoding":
		h.coding = true
	default:
		return ':'
	}
	if h.coding && (h.length || h.last != http11) {
		return 0
	}
	return ':'
}

// number takes one byte of a length; what is no digit ends or precedes it. What
// net/http would not accept need not be understood.
func (h *headWatch) number(c byte, base int64, then part) {
	digit := int64(-1)
	switch {
	case '0' <= c && c <= '9':
		digit = int64(c - '0')
	case base == 16 && 'a' <= c|0x20 && c|0x20 <= 'f':
		digit = int64(c|0x20-'a') + 10
	}
	switch {
	case digit >= 0 && h.left < 1<<58:
		h.left = h.left*base + digit
	case c == '\n':
		h.at = then
		h.endOfLine()
	case c == ';':
		h.at = then
	}
}

func (h *headWatch) endOfHead() {
	switch {
	case h.coding && !h.trailer:
		h.at, h.left = chunkSize, 0
	case !h.trailer && h.left > 0:
		h.at = fixedBody
	default:
		*h = headWatch{}
	}
}
