package keyring

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// lookEvery is how often a file is read. A change counts from the second look at it, so
	// within a second.
	lookEvery = 250 * time.Millisecond
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
	last    sight // what the last look found
	used    sight // what was found when the keys, or the problem, became what they are
}

// sight is what a look at a file found.
type sight struct {
	list    string
	problem string // why there is no list
	exposed bool   // whether others than its owner may read or write the file
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
		r.used = see(s.File)
		r.last = r.used
		return r.used.keys()
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
	log = log.With("use", use)
	r.warn(log)
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(lookEvery):
			r.look(log)
		}
	}
}

// look reads the file, as its time and size may be the same after a change. What it has
// counts once two looks in a row found the same, since a file that is not replaced at once
// may be seen when only a part of it is there, and that part may be a shorter list.
func (r *Ring) look(log *slog.Logger) {
	found := see(r.file)
	settled := found == r.last
	r.last = found
	if !settled || found == r.used {
		return
	}
	wasExposed := r.used.exposed
	r.used = found
	if !wasExposed {
		r.warn(log)
	}
	keys, err := found.keys()
	if err != nil {
		r.report(err, log)
		return
	}
	r.take(keys, log)
}

// take uses keys from now on. Keys that are the same stay where they are.
func (r *Ring) take(keys []Key, log *slog.Logger) {
	changed, repaired := !slices.EqualFunc(keys, *r.keys.Load(), Key.equal), r.Problem() != ""
	if changed {
		r.keys.Store(&keys)
	}
	r.problem.Store(nil)
	if changed || repaired {
		log.Info("read the keys again", "keys", ids(keys))
	}
}

// report logs a problem when it begins or becomes another one.
func (r *Ring) report(err error, log *slog.Logger) {
	if text := err.Error(); text != r.Problem() {
		r.problem.Store(&text)
		log.Error("the file with the keys cannot be used, so the known keys stay in use", "error", text)
	}
}

// warn logs that others may read the keys. It is no reason to refuse them: containers get
// files with whatever modes and owners the platform gives them.
func (r *Ring) warn(log *slog.Logger) {
	if r.used.exposed {
		log.Warn("others than its owner may read or write the file with the keys; its mode should be 0600")
	}
}

// see reads a file. A pipe is opened without waiting for somebody who writes to it.
func see(name string) sight {
	file, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return unseen(err)
	}
	defer file.Close()
	state, err := file.Stat()
	switch {
	case err != nil:
		return unseen(err)
	case !state.Mode().IsRegular():
		return sight{problem: "not a regular file"}
	}
	text, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	switch {
	case err != nil:
		return unseen(err)
	case len(text) > maxFile:
		return sight{problem: "the file is too large for a list of keys"}
	}
	return sight{list: string(text), exposed: state.Mode()&0o077 != 0}
}

// unseen is the sight of a file that cannot be read. The problem does not name it.
func unseen(err error) sight {
	var failed *fs.PathError
	if errors.As(err, &failed) {
		err = failed.Err
	}
	return sight{problem: err.Error()}
}

// keys are those of the list that was found.
func (s sight) keys() ([]Key, error) {
	if s.problem != "" {
		return nil, errors.New(s.problem)
	}
	return Parse(s.list)
}

func ids(keys []Key) (names []string) {
	for _, key := range keys {
		names = append(names, key.ID)
	}
	return names
}
