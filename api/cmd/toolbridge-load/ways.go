package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

const (
	handshakeRevision = "2025-11-25"
	statelessRevision = "2026-07-28"
	initialize        = `{"protocolVersion":"` + handshakeRevision +
		`","capabilities":{},"clientInfo":{"name":"toolbridge-load","version":"1"}}`
)

// way is how calls travel.
type way interface {
	prepare(call) prepared
	// open connects anew, whatever was before.
	open() error
	// call sends the call, and returns when its answer is there and is no error.
	call(c *prepared, id int, unique string) error
	close()
}

// prepared is a call as bytes.
type prepared struct {
	// head is that of its request, without the length.
	head []byte
	// parts are its body, with the id or the unique text between each two.
	parts  [][]byte
	unique bool
	keep   bool
}

func newWay(name string, address *url.URL, headers map[string]string) (way, error) {
	base := client{address: address, headers: headers}
	base.posts.host, base.stream.host = address.Host, address.Host
	switch name {
	case "rest":
		return &rest{base}, nil
	case "sse":
		return &overSSE{client: base}, nil
	case "session":
		return &streamable{client: base, withSession: true}, nil
	case "stateless":
		return &streamable{client: base}, nil
	}
	return nil, fmt.Errorf("%q is no way; there are rest, sse, session and stateless", name)
}

// client is what all ways share.
type client struct {
	address *url.URL
	headers map[string]string
	posts   connection
	stream  connection
	body    bytes.Buffer
}

func (c *client) close() {
	c.posts.close()
	c.stream.close()
}

// head is the beginning of a request.
func (c *client) head(method, target string, more ...string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, target, c.address.Host)
	for name, value := range c.headers {
		fmt.Fprintf(&b, "%s: %s\r\n", name, value)
	}
	for i := 0; i < len(more); i += 2 {
		fmt.Fprintf(&b, "%s: %s\r\n", more[i], more[i+1])
	}
	return b.Bytes()
}

// target is the path and query of the address.
func (c *client) target() string { return c.address.RequestURI() }

// fill puts the unique text between the parts.
func fill(parts [][]byte, unique string) [][]byte {
	if len(parts) < 2 {
		return parts
	}
	filled := make([][]byte, 0, 2*len(parts))
	for i, part := range parts {
		if i > 0 {
			filled = append(filled, []byte(unique))
		}
		filled = append(filled, part)
	}
	return filled
}

// rest calls a REST API.
type rest struct{ client }

func (r *rest) prepare(c call) prepared {
	p := prepared{head: r.head(c.Method, c.Path), keep: c.Keep}
	if len(c.Body) > 0 {
		p.head = r.head(c.Method, c.Path, "Content-Type", "application/json")
		p.parts = bytes.Split(c.Body, []byte("{unique}"))
		p.unique = len(p.parts) > 1
	}
	return p
}

func (r *rest) open() error {
	r.close()
	return nil
}

func (r *rest) call(c *prepared, _ int, unique string) error {
	if err := r.posts.send(c.head, fill(c.parts, unique)...); err != nil {
		return err
	}
	response, err := r.posts.receive()
	if err != nil {
		return err
	}
	return drained(response, http.StatusOK, &r.body)
}

// rpc is a message of JSON-RPC as parts: its id stands between the first two.
func rpc(method string, params []byte) [][]byte {
	end := []byte(`,"method":"` + method + `"}`)
	if len(params) > 0 {
		end = []byte(`,"method":"` + method + `","params":` + string(params) + `}`)
	}
	return [][]byte{[]byte(`{"jsonrpc":"2.0","id":`), end}
}

func (c *client) prepareRPC(planned call) prepared {
	parts := rpc(planned.Method, planned.Body)
	rest := bytes.Split(parts[1], []byte("{unique}"))
	return prepared{parts: append(parts[:1], rest...), unique: len(rest) > 1, keep: planned.Keep}
}

// message is a prepared call with its id and its unique text.
func (p *prepared) message(id int, unique string) [][]byte {
	filled := [][]byte{p.parts[0], strconv.AppendInt(nil, int64(id), 10)}
	return append(filled, fill(p.parts[1:], unique)...)
}

// initialized is the end of a handshake.
var initialized = []byte(`{"jsonrpc":"2.0","method":"notifications/initialized"}`)

// overSSE sends messages to an address that the stream names, and reads the
// answers from the stream. It has one call in flight, so that it needs no
// reader beside.
type overSSE struct {
	client
	post   []byte
	events events
}

func (s *overSSE) prepare(c call) prepared { return s.prepareRPC(c) }

func (s *overSSE) open() error {
	s.close()
	if err := s.stream.send(s.head("GET", s.target(), "Accept", "text/event-stream")); err != nil {
		return err
	}
	response, err := s.stream.receive()
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return drained(response, http.StatusOK, &s.body)
	}
	s.events = newEvents(response.Body)
	name, data, err := s.events.next()
	if err != nil || string(name) != "endpoint" {
		return failure{"stream", fmt.Errorf("no endpoint, but %q: %v", name, err)}
	}
	endpoint, err := s.address.Parse(string(data))
	if err != nil {
		return failure{"stream", err}
	}
	s.post = s.head("POST", endpoint.RequestURI(), "Content-Type", "application/json")
	hello := prepared{parts: rpc("initialize", []byte(initialize))}
	if err := s.call(&hello, 0, ""); err != nil {
		return err
	}
	return s.send(initialized)
}

func (s *overSSE) send(parts ...[]byte) error {
	if err := s.posts.send(s.post, parts...); err != nil {
		return err
	}
	response, err := s.posts.receive()
	if err != nil {
		return err
	}
	return drained(response, http.StatusAccepted, &s.body)
}

func (s *overSSE) call(c *prepared, id int, unique string) error {
	if s.stream.conn == nil {
		return failure{"stream", errors.New("closed")}
	}
	if err := s.send(c.message(id, unique)...); err != nil {
		return err
	}
	_ = s.stream.conn.SetReadDeadline(s.posts.deadline)
	return awaitAnswer(&s.events, id)
}

// awaitAnswer reads events until the answer with the id, which must be no error.
func awaitAnswer(events *events, id int) error {
	for {
		name, data, err := events.next()
		if err != nil {
			return failure{"stream", err}
		}
		if len(name) > 0 && string(name) != "message" {
			continue
		}
		found, err := check(data, id)
		if found || err != nil {
			return err
		}
	}
}

// streamable sends messages to /mcp, with or without a session.
type streamable struct {
	client
	withSession bool
	session     string
	post        []byte
}

func (s *streamable) prepare(c call) prepared {
	p := s.prepareRPC(c)
	if !s.withSession {
		p.head = s.postHead("MCP-Protocol-Version", statelessRevision, "Mcp-Method", c.Method)
		if c.Name != "" {
			p.head = append(p.head, "Mcp-Name: "+c.Name+"\r\n"...)
		}
	}
	return p
}

func (s *streamable) postHead(more ...string) []byte {
	always := []string{"Accept", "application/json, text/event-stream", "Content-Type", "application/json"}
	return s.head("POST", s.target(), append(always, more...)...)
}

func (s *streamable) open() error {
	s.close()
	s.session = ""
	if !s.withSession {
		return nil
	}
	hello := prepared{head: s.postHead(), parts: rpc("initialize", []byte(initialize))}
	if err := s.call(&hello, 0, ""); err != nil {
		return err
	}
	if s.session == "" {
		return failure{"session", errors.New("no Mcp-Session-Id")}
	}
	s.post = s.postHead("Mcp-Session-Id", s.session, "MCP-Protocol-Version", handshakeRevision)
	if err := s.posts.send(s.post, initialized); err != nil {
		return err
	}
	response, err := s.posts.receive()
	if err != nil {
		return err
	}
	return drained(response, http.StatusAccepted, &s.body)
}

func (s *streamable) call(c *prepared, id int, unique string) error {
	head := c.head
	if head == nil {
		head = s.post
	}
	if err := s.posts.send(head, c.message(id, unique)...); err != nil {
		return err
	}
	response, err := s.posts.receive()
	if err != nil {
		return err
	}
	if s.withSession && s.session == "" {
		s.session = response.Header.Get("Mcp-Session-Id")
	}
	if strings.HasPrefix(response.Header.Get("Content-Type"), "text/event-stream") {
		answers := newEvents(response.Body)
		if err := awaitAnswer(&answers, id); err != nil {
			return err
		}
		return drained(response, http.StatusOK, &s.body)
	}
	if err := drained(response, http.StatusOK, &s.body); err != nil {
		return err
	}
	found, err := check(s.body.Bytes(), id)
	if err == nil && !found {
		err = failure{"answer", fmt.Errorf("is not the one to %d: %.300s", id, s.body.Bytes())}
	}
	return err
}
