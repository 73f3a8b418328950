package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"toolbridge/api/internal/config"
)

// newLog writes JSON lines with the gateway's field names, so that a container has
// one format, or lines for people.
func newLog(w io.Writer, level slog.Level, text bool) *slog.Logger {
	if text {
		return slog.New(&textHandler{level: level, out: w, mu: &sync.Mutex{}})
	}
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
		attr.Value = slog.StringValue(levelName(attr.Value.String()))
	}
	return attr
}

func levelName(level string) string {
	if name := strings.ToLower(level); name != "warn" {
		return name
	}
	return "warning"
}

// textHandler writes lines for people: time, level, message, and what is noted as
// name=value. A value with a space, a quote or anything invisible is quoted, so that one
// record is always one line.
type textHandler struct {
	level slog.Level
	out   io.Writer
	mu    *sync.Mutex
	noted string // by WithAttrs
}

func (h *textHandler) Enabled(_ context.Context, level slog.Level) bool { return level >= h.level }

func (h *textHandler) Handle(_ context.Context, record slog.Record) error {
	line := record.Time.AppendFormat(nil, "15:04:05.000 ")
	line = append(line, levelName(record.Level.String())+" api: "+record.Message+h.noted...)
	record.Attrs(func(attr slog.Attr) bool {
		line = appendNoted(line, attr)
		return true
	})
	h.mu.Lock()
	defer h.mu.Unlock()
	_, err := h.out.Write(append(line, '\n'))
	return err
}

func (h *textHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	further := *h
	for _, attr := range attrs {
		further.noted = string(appendNoted([]byte(further.noted), attr))
	}
	return &further
}

// WithGroup ignores the group, as the program has none.
func (h *textHandler) WithGroup(string) slog.Handler { return h }

func appendNoted(line []byte, attr slog.Attr) []byte {
	line = append(line, " "+attr.Key+"="...)
	value := attr.Value.String()
	if value == "" || strings.ContainsFunc(value, needsQuotes) {
		return strconv.AppendQuote(line, value)
	}
	return append(line, value...)
}

func needsQuotes(r rune) bool { return r == '"' || r == ' ' || r == '=' || !unicode.IsPrint(r) }

// shownSubject is how log lines and the operator's page name users, as the gateway's do.
func shownSubject(cfg config.Config) func(subject string) string {
	if !cfg.HashSubjects {
		return func(subject string) string { return subject }
	}
	return func(subject string) string {
		const digits = 16
		sum := sha256.Sum256([]byte(cfg.TenantID + "\n" + subject))
		return hex.EncodeToString(sum[:digits/2])
	}
}
