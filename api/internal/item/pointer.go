package item

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// container is an object or array that is not closed yet, and the reader's place in
// it: at an index, behind a key, or before a key.
//
// encoding/json/jsontext has this as Decoder.StackPointer, together with the checks
// of decode.go. It can replace both files once it is no experiment any more.
type container struct {
	array  bool
	index  int
	key    string
	behind bool
}

// after notes a token that is a key or a whole value.
func (c *container) after(token json.Token) {
	key, isText := token.(string)
	switch {
	case c.array:
		c.index++
	case c.behind:
		c.behind = false
	case isText:
		c.key, c.behind = key, true
	}
}

var escapes = strings.NewReplacer("~", "~0", "/", "~1")

func (c *container) pointer() string {
	switch {
	case c.array:
		return "/" + strconv.Itoa(c.index)
	case c.behind:
		return "/" + escapes.Replace(c.key)
	}
	return ""
}

// pointer is the JSON Pointer of the place behind a top-level key and the beginning
// of its value.
func pointer(key string, before []byte) string {
	open := []container{{key: key, behind: true}}
	decoder := json.NewDecoder(bytes.NewReader(before))
	decoder.UseNumber()
	for token, err := decoder.Token(); err == nil; token, err = decoder.Token() {
		switch token {
		case json.Delim('{'), json.Delim('['):
			open = append(open, container{array: token == json.Delim('[')})
			continue
		case json.Delim('}'), json.Delim(']'):
			open = open[:len(open)-1]
		}
		open[len(open)-1].after(token)
	}
	var path strings.Builder
	for _, c := range open {
		path.WriteString(c.pointer())
	}
	return path.String()
}
