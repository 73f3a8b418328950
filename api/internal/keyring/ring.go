package keyring

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"sync/atomic"
	"time"
)

const (
	lookEvery = time.Second
	maxFile   = 64 << 10
)

// Source says where keys are. Exactly one field is set.
type Source struct {
	Secret string // one bare secret
	List   string // as Parse reads it
	File   string // the path of a file with such a list
}

// Ring is the keys that are live now.
type Ring struct {
	keys    atomic.Pointer[[]Key]
	problem atomic.Pointer[string]
	file    string
	read    os.FileInfo // what the file was like when it was last read, also in vain
}

// Open returns the keys of a source. Only those of a file ever change: see Keep.
func (s Source) Open() (*Ring, error) {
	r := &Ring{file: s.File}
	keys, err := r.first(s)
	if err != nil {
		return nil, err
	}
	r.keys.Store(&keys)
	return r, nil
}

func (r *Ring) first(s Source) ([]Key, error) {
	switch {
	case s.File != "":
		return r.readFile()
	case s.List != "":
		return Parse(s.List)
	}
	return []Key{bare(s.Secret)}, nil
}

// OfSecret returns a ring with one bare secret, which never changes.
func OfSecret(secret string) *Ring {
	r := &Ring{}
	r.keys.Store(&[]Key{bare(secret)})
	return r
}

func bare(secret string) Key { return newKey(OnlyID, time.Time{}, secret) }

// Keys are those that are live now, at least one; the first signs. The pointer is another
// one when the keys are.
func (r *Ring) Keys() *[]Key { return r.keys.Load() }

// Problem says why the file cannot be used as it is now, so that earlier keys stay in use;
// empty if it can.
func (r *Ring) Problem() string {
	if problem := r.problem.Load(); problem != nil {
		return *problem
	}
	return ""
}

// Keep reads the file again within a second of each change, until ctx ends. While the file
// is wrong or gone, the keys that are known stay in use.
func (r *Ring) Keep(ctx context.Context, use string, log *slog.Logger) {
	if r.file == "" {
		return
	}
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			r.look(use, log)
		}
	}
}

func (r *Ring) look(use string, log *slog.Logger) {
	found, err := os.Stat(r.file)
	if err == nil && r.read != nil && same(found, r.read) {
		return
	}
	keys, err := r.readFile()
	if err != nil {
		r.report(err, use, log)
		return
	}
	r.keys.Store(&keys)
	r.problem.Store(nil)
	log.Info("read the keys again", "use", use, "keys", ids(keys))
}

// report logs a problem when it begins or becomes another one.
func (r *Ring) report(err error, use string, log *slog.Logger) {
	if text := err.Error(); text != r.Problem() {
		r.problem.Store(&text)
		log.Error("the file with the keys cannot be used, so the known keys stay in use", "use", use, "error", text)
	}
}

func (r *Ring) readFile() ([]Key, error) {
	file, err := os.Open(r.file)
	if err != nil {
		r.read = nil
		return nil, errors.Unwrap(err) // without the path
	}
	defer file.Close()
	if r.read, err = file.Stat(); err != nil {
		return nil, errors.Unwrap(err)
	}
	text, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	switch {
	case err != nil:
		return nil, errors.Unwrap(err)
	case len(text) > maxFile:
		return nil, errors.New("the file is too large for a list of keys")
	}
	return Parse(string(text))
}

// same reports whether a file is as it was: neither replaced nor written to.
func same(now, before os.FileInfo) bool {
	return os.SameFile(now, before) && now.ModTime().Equal(before.ModTime()) && now.Size() == before.Size()
}

func ids(keys []Key) (names []string) {
	for _, key := range keys {
		names = append(names, key.ID)
	}
	return names
}
