package main

import (
	"io"
	"log/slog"
	"strings"
)

// newLog writes JSON lines with the gateway's field names, so that a container has
// one format.
func newLog(w io.Writer, level slog.Level) *slog.Logger {
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: renameLikeGateway}
	return slog.New(slog.NewJSONHandler(w, options)).With("logger", "toolbridge_api")
}

func renameLikeGateway(groups []string, attr slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return attr
	}
	switch attr.Key {
	case slog.MessageKey:
		attr.Key = "message"
	case slog.LevelKey:
		name := strings.ToLower(attr.Value.String())
		if name == "warn" {
			name = "warning"
		}
		attr.Value = slog.StringValue(name)
	}
	return attr
}
