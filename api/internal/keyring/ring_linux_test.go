package keyring_test

import (
	"os"
	"runtime"
	"sync"
	"syscall"
	"testing"
)

func TestAFileThatMayNotBeReadAnyMoreLeavesTheKnownKeysInUse(t *testing.T) {
	t.Parallel()
	r := openFile(t, listOf("k1"))
	if err := os.Chmod(r.file, 0); err != nil {
		t.Fatal(err)
	}
	const nobody = 65534
	var reader sync.WaitGroup
	reader.Go(func() {
		runtime.LockOSThread() // for good: the thread ends with the function, and its rights with it
		if err := syscall.Setfsuid(nobody); err != nil && os.Getuid() == 0 {
			t.Error(err)
		}
		for range 5 {
			r.look()
		}
	})
	reader.Wait()
	r.has("k1")
	r.logged(1, `error="permission denied"`)
}
