package main

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// check says whether the message is the answer to the id. An answer that is an
// error is an error here.
func check(message []byte, id int) (found bool, err error) {
	var answered, failed, result []byte
	if err := members(message, func(name, value []byte) {
		switch string(name) {
		case "id":
			answered = value
		case "error":
			failed = value
		case "result":
			result = value
		}
	}); err != nil {
		return false, failure{"answer", err}
	}
	var wanted [20]byte
	if !bytes.Equal(answered, strconv.AppendInt(wanted[:0], int64(id), 10)) {
		return false, nil
	}
	if failed != nil {
		return true, failure{"error", fmt.Errorf("%.300s", failed)}
	}
	isError := false
	err = members(result, func(name, value []byte) {
		isError = isError || (string(name) == "isError" && string(value) == "true")
	})
	if err != nil {
		return true, failure{"answer", err}
	}
	if isError {
		return true, failure{"isError", fmt.Errorf("%.300s", result)}
	}
	return true, nil
}

var errNoObject = errors.New("is no object of JSON")

// members calls each for the members of an object of JSON, in order. It does
// not parse values, which the servers' tests do, but only finds their ends.
func members(text []byte, each func(name, value []byte)) error {
	text = bytes.TrimSpace(text)
	if len(text) < 2 || text[0] != '{' {
		return errNoObject
	}
	for at := skipSpace(text, 1); ; {
		if at < len(text) && text[at] == '}' {
			return nil
		}
		end := skipValue(text, at)
		if end < 0 || text[at] != '"' {
			return errNoObject
		}
		name := text[at+1 : end-1]
		at = skipSpace(text, end)
		if at >= len(text) || text[at] != ':' {
			return errNoObject
		}
		at = skipSpace(text, at+1)
		if end = skipValue(text, at); end < 0 {
			return errNoObject
		}
		each(name, text[at:end])
		at = skipSpace(text, end)
		if at < len(text) && text[at] == ',' {
			at = skipSpace(text, at+1)
		} else if at >= len(text) || text[at] != '}' {
			return errNoObject
		}
	}
}

func skipSpace(text []byte, at int) int {
	for at < len(text) && strings.IndexByte(" \t\r\n", text[at]) >= 0 {
		at++
	}
	return at
}

// skipValue returns the end of the value that begins there, or -1.
func skipValue(text []byte, at int) int {
	depth := 0
	for at < len(text) {
		switch text[at] {
		case '"':
			if at = skipString(text, at); at < 0 {
				return -1
			}
			if depth == 0 {
				return at
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return at
			}
			depth--
			if depth == 0 {
				return at + 1
			}
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return at
			}
		}
		at++
	}
	return -1
}

// skipString returns the end of the string that begins there, or -1.
func skipString(text []byte, at int) int {
	for at++; ; at += 2 {
		next := bytes.IndexAny(text[min(at, len(text)):], `"\`)
		if next < 0 {
			return -1
		}
		at += next
		if text[at] == '"' {
			return at + 1
		}
	}
}
