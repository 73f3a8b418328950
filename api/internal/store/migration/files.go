package migration

import (
	"fmt"
	"io/fs"
	"strings"
	"time"
)

// Bounds of a chunk, which is one transaction. It has at least one item.
const (
	ChunkItems = 1000
	ChunkBytes = 8 << 20 // of payloads
)

// Patience is how long a process waits while another one holds the lock of the
// database: to build one index may take minutes.
const Patience = 15 * time.Minute

// File is one migration.
type File struct {
	Name string
	Text string
}

// Files reads the migrations of a folder, sorted by name, hence by number.
func Files(folder fs.FS) ([]File, error) {
	names, err := fs.Glob(folder, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	files := make([]File, len(names))
	for i, name := range names {
		text, err := fs.ReadFile(folder, name)
		if err != nil {
			return nil, err
		}
		files[i] = File{Name: name, Text: string(text)}
	}
	return files, nil
}

// Statements are those of a file that has no semicolon but at the end of a statement.
func (f File) Statements() (all []string) {
	for text := range strings.SplitSeq(f.Text, ";\n") {
		if text = strings.TrimSpace(text); text != "" {
			all = append(all, text)
		}
	}
	return all
}

// CheckKnown refuses a database that a newer program has migrated.
func CheckKnown(version, known int) error {
	if version > known {
		return fmt.Errorf("has schema version %d, but this program knows only %d: run a newer one", version, known)
	}
	return nil
}
