package auth

import (
	"bytes"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
)

// Message is a request as a signature sees it.
type Message struct {
	Method    string
	Target    string // as it is on the wire
	Authority string
	Header    http.Header
}

func messageOf(r *http.Request) Message { return Message{r.Method, r.RequestURI, r.Host, r.Header} }

// component is a part of a request that a signature covers.
type component struct {
	name string // as it is in the signature: in small letters
	key  string // in the header; empty for a derived component
	bit  uint   // of those that the gate asks for; 0 for the others
}

// Covered are the headers that a signature must cover if the request has them: those that the
// API obeys. Each may be there once, as two and their combination would have the same signature.
var Covered = []string{
	"authorization", "content-digest", "x-sync-session", "x-sync-epoch", "x-correlation-id", "x-tb-client", "x-tb-tool",
	"idempotency-key", "if-match", "x-request-timeout-ms", "x-debug-sub",
}

// Always are the components that every signature must cover.
var Always = []string{"@method", "@path", "@query", "x-tb-tenant-id"}

// known are the components of both lists, and obeyed are those of headers.
var known, obeyed = func() (map[string]component, []component) {
	named, headers := map[string]component{}, []component{}
	for i, name := range slices.Concat(Always, Covered) {
		one := component{name, "", 1 << i}
		if name[0] != '@' {
			one.key = textproto.CanonicalMIMEHeaderKey(name)
			headers = append(headers, one)
		}
		named[name] = one
	}
	return named, headers
}()

// always are the bits of Always.
var always = uint(1)<<len(Always) - 1

// componentsOf appends the components with these names. Not ok: one is there twice, or has no
// name that a component can have.
func componentsOf(all []component, names []string) (_ []component, ok bool) {
	bits := uint(0)
	for _, name := range names {
		one, found := known[name]
		if !found {
			twice := slices.ContainsFunc(all, func(c component) bool { return c.name == name })
			derived := strings.HasPrefix(name, "@")
			if twice || name == "" || name != strings.ToLower(name) || derived && name != "@authority" {
				return nil, false
			}
			one.name = name
			if !derived {
				one.key = textproto.CanonicalMIMEHeaderKey(name)
			}
		}
		if bits&one.bit != 0 {
			return nil, false
		}
		bits |= one.bit
		all = append(all, one)
	}
	return all, true
}

// Base appends the signature base of a message (RFC 9421, section 2.5). The parameters are
// those of the member of Signature-Input, with the list of components before them. Not ok:
// the message lacks a component, or has one that cannot be in a base.
func (m Message) Base(base []byte, components []string, parameters string) (_ []byte, ok bool) {
	all, ok := componentsOf(nil, components)
	if !ok || strings.Contains(parameters, "\n") {
		return nil, false
	}
	return m.appendBase(base, all, parameters)
}

func (m Message) appendBase(base []byte, components []component, parameters string) (_ []byte, ok bool) {
	for _, one := range components {
		base = append(append(append(base, '"'), one.name...), `": `...)
		begin := len(base)
		if one.key == "" {
			base, ok = m.appendDerived(base, one.name)
		} else {
			base, ok = m.appendField(base, one.key)
		}
		if !ok || bytes.IndexByte(base[begin:], '\n') >= 0 {
			return nil, false
		}
		base = append(base, '\n')
	}
	return append(append(base, `"@signature-params": `...), parameters...), true
}

// appendField appends the value of a field (section 2.1): its lines without spaces around them,
// with commas between them.
func (m Message) appendField(base []byte, key string) (_ []byte, ok bool) {
	for i, line := range m.Header[key] {
		if i > 0 {
			base = append(base, ", "...)
		}
		base = append(base, textproto.TrimString(line)...)
	}
	return base, len(m.Header[key]) > 0
}

// appendDerived appends the value of a derived component (section 2.2).
func (m Message) appendDerived(base []byte, name string) (_ []byte, ok bool) {
	switch name {
	case "@method":
		return append(base, m.Method...), true
	case "@authority":
		return append(base, strings.TrimSuffix(strings.ToLower(m.Authority), ":80")...), true
	case "@path":
		path, ok := m.path()
		return append(base, path...), ok
	case "@query":
		_, query, _ := strings.Cut(m.Target, "?")
		return append(append(base, '?'), query...), true
	}
	return nil, false
}

// path is the path of a target in origin form or absolute form (RFC 9112, section 3.2), byte by
// byte as it was sent.
func (m Message) path() (path string, ok bool) {
	path, _, _ = strings.Cut(m.Target, "?")
	if strings.HasPrefix(path, "/") {
		return path, true
	}
	scheme, rest, found := strings.Cut(path, "://")
	if !found || !strings.EqualFold(scheme, "http") && !strings.EqualFold(scheme, "https") {
		return "", false
	}
	if begin := strings.IndexByte(rest, '/'); begin >= 0 {
		return rest[begin:], true
	}
	return "/", true
}
