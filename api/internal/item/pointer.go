package item

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// container is an object or array that is not closed yet, and where in it a
// reader is: at an index, or behind a key, or before one.
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

// pointer gives the JSON Pointer of what comes next behind a top-level key and
// the beginning of its value.
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
