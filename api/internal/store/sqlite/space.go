package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"

	"modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"

	"toolbridge/api/internal/fault"
)

const (
	smallestReserve = 1 << 20
	largestReserve  = 16 << 20
	plenty          = 16 * largestReserve // of free space; nothing is reserved then
)

// space watches the disk of the database. Writes stop while there is still room, and
// when the disk fills up it holds a file in reserve: so that on a full disk there is
// room for what makes room, and for a start.
//
// A checkpoint can make the database grow by the size of the log. So a write needs as
// much free space as the log has, and as much again as the reserve. Free pages of the
// database count as free space.
type space struct {
	disk    func() (free, total int64) // bytes
	file    string                     // the database
	log     string                     // SQLite's write-ahead log
	reserve string
	size    int64      // of the reserve, when it is held
	mu      sync.Mutex // of the file
}

func newSpace(path string) *space {
	v := &space{file: path, log: path + "-wal", reserve: path + "-reserve"}
	v.disk = func() (free, total int64) { return diskOf(filepath.Dir(path)) }
	_, total := v.disk()
	v.size = min(max(total/16, smallestReserve), largestReserve)
	return v
}

// pages is how many pages SQLite's log has before it is written into the database.
func (v *space) pages() int64 {
	const page, usual = 4096, 1000
	return min(v.size/4/page, usual)
}

// short reports whether the disk has no room for another write. It takes the reserve
// when the disk begins to fill up. Db answers for the free pages of the database.
func (v *space) short(ctx context.Context, db querier) bool {
	free, _ := v.disk()
	if free >= plenty {
		return false
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	needed := v.size + fileSize(v.log)
	if fileSize(v.reserve) == 0 {
		needed += v.size
		if free >= needed && allocate(v.reserve, v.size) == nil {
			return false
		}
	}
	return free < needed && free+freePages(ctx, db) < needed
}

// querier is a database or a transaction.
type querier interface {
	QueryRowContext(ctx context.Context, text string, arguments ...any) *sql.Row
}

// freePages is how many bytes of the database file no content uses.
func freePages(ctx context.Context, db querier) int64 {
	var bytes int64
	const text = `SELECT freelist_count * page_size FROM pragma_freelist_count, pragma_page_size`
	if db.QueryRowContext(ctx, text).Scan(&bytes) != nil {
		return 0
	}
	return bytes
}

// release gives the reserve back to the disk.
func (v *space) release() {
	v.mu.Lock()
	defer v.mu.Unlock()
	_ = os.Remove(v.reserve)
}

// diskOf is how many bytes of a folder's disk are free, and how many it has.
func diskOf(folder string) (free, total int64) {
	var found syscall.Statfs_t
	if syscall.Statfs(folder, &found) != nil {
		return plenty, plenty // a disk that does not say
	}
	size := int64(found.Bsize)
	return int64(found.Bavail) * size, int64(found.Blocks) * size
}

func fileSize(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// allocate makes a file that takes its size on the disk, or none.
func allocate(path string, size int64) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	zeros := make([]byte, 64<<10)
	for done := int64(0); err == nil && done < size; done += int64(len(zeros)) {
		_, err = file.Write(zeros)
	}
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		_ = os.Remove(path)
	}
	return err
}

// filled reports whether an error may be that of a full disk. On some disks SQLite
// sees only that it cannot write.
func filled(err error) bool {
	var failed *sqlite.Error
	return errors.As(err, &failed) && slices.Contains([]int{codes.SQLITE_FULL, codes.SQLITE_IOERR, codes.SQLITE_CANTOPEN}, failed.Code()&primary)
}

// explain makes a disk_full fault of an error that a full disk explains.
func (v *space) explain(err error) error {
	var known *fault.Error
	if filled(err) && !errors.As(err, &known) && v.noneLeft() {
		return diskFull().Because(err)
	}
	return err
}

// noneLeft reports whether SQLite could not write anything.
func (v *space) noneLeft() bool {
	const block = 64 << 10
	free, _ := v.disk()
	return free < block
}

func diskFull() *fault.Error {
	return fault.New(fault.DiskFull, "the disk is full: reading, deleting and wiping work, other writes fail until the operator makes room")
}
