package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

const (
	// patience is how long an answer may take.
	patience = 60 * time.Second
	// idle is how long a connection may rest before a new one takes its place:
	// servers close connections that are idle, some after 5 s.
	idle = 2 * time.Second
)

// connection is one keep-alive connection. Requests are written as prepared
// bytes, since net/http would need more time for a call than the servers.
type connection struct {
	host   string
	conn   net.Conn
	reader *bufio.Reader
	buffer []byte
	// deadline is when the answer to the last request must be there.
	deadline time.Time
	used     time.Time
}

// send writes a request: head is all of it but its length and its body.
func (c *connection) send(head []byte, parts ...[]byte) error {
	now := time.Now()
	if now.Sub(c.used) > idle {
		c.close()
	}
	c.used = now
	if c.conn == nil {
		conn, err := net.DialTimeout("tcp", c.host, patience)
		if err != nil {
			return failure{"connect", err}
		}
		c.conn, c.reader = conn, bufio.NewReaderSize(conn, 64<<10)
	}
	length := 0
	for _, part := range parts {
		length += len(part)
	}
	b := append(c.buffer[:0], head...)
	if length > 0 {
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, int64(length), 10)
		b = append(b, "\r\n"...)
	}
	b = append(b, "\r\n"...)
	for _, part := range parts {
		b = append(b, part...)
	}
	c.buffer = b
	c.deadline = now.Add(patience)
	_ = c.conn.SetDeadline(c.deadline)
	if _, err := c.conn.Write(b); err != nil {
		return failure{"write", err}
	}
	return nil
}

// receive reads the head of a response. Its body must be read to the end
// before the next request.
func (c *connection) receive() (*http.Response, error) {
	response, err := http.ReadResponse(c.reader, nil)
	c.used = time.Now()
	if err != nil {
		return nil, failure{"read", err}
	}
	return response, nil
}

// drained reads the rest of a response that must have the status.
func drained(response *http.Response, status int, into *bytes.Buffer) error {
	into.Reset()
	if _, err := io.Copy(into, response.Body); err != nil {
		return failure{"read", err}
	}
	if response.StatusCode/100 != status/100 {
		return failure{"HTTP " + strconv.Itoa(response.StatusCode), fmt.Errorf("%.300s", into.Bytes())}
	}
	return nil
}

func (c *connection) close() {
	if c.conn != nil {
		_ = c.conn.Close()
		c.conn = nil
	}
}

// failure is why a call failed; kind is short and the same for all of a kind.
type failure struct {
	kind string
	err  error
}

func (f failure) Error() string { return f.kind + ": " + f.err.Error() }
func (f failure) Unwrap() error { return f.err }

func kindOf(err error) string {
	if f, ok := err.(failure); ok {
		return f.kind
	}
	return "other"
}
