package main

import (
	"bufio"
	"bytes"
	"io"
)

// events reads server-sent events.
type events struct {
	reader     *bufio.Reader
	name, data []byte
}

func newEvents(from io.Reader) events {
	return events{reader: bufio.NewReaderSize(from, 32<<10)}
}

// next returns the name and the data of the next event that has data. Both are
// good until the next call. Comments, such as pings, are skipped.
func (e *events) next() (name, data []byte, err error) {
	e.name, e.data = e.name[:0], e.data[:0]
	lines := 0
	for {
		line, err := e.line()
		if err != nil {
			return nil, nil, err
		}
		field, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch {
		case len(line) == 0 && lines > 0:
			return e.name, e.data, nil
		case len(line) == 0:
			e.name = e.name[:0]
		case string(field) == "event":
			e.name = append(e.name[:0], value...)
		case string(field) == "data":
			if lines > 0 {
				e.data = append(e.data, '\n')
			}
			e.data = append(e.data, value...)
			lines++
		}
	}
}

// line returns the next line without its end.
func (e *events) line() ([]byte, error) {
	line, err := e.reader.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		whole := bytes.Clone(line)
		for err == bufio.ErrBufferFull {
			line, err = e.reader.ReadSlice('\n')
			whole = append(whole, line...)
		}
		line = whole
	}
	if err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(line[:len(line)-1], []byte("\r")), nil
}
