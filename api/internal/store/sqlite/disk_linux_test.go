package sqlite

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// inNamespace is set where a test runs again, as root of namespaces of its own.
const inNamespace = "TOOLBRIDGE_TEST_IN_NAMESPACE"

// withSmallDisks runs a test that mounts small disks. Where this user may not mount,
// the test runs again in a new process that may: as root of a user namespace with
// mounts of its own.
func withSmallDisks(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	err := tryMount(t.TempDir())
	switch {
	case err == nil:
		test(t)
	case os.Getenv(inNamespace) != "":
		forbidden(t, err)
	default:
		runInNamespace(t)
	}
}

func tryMount(folder string) error {
	if err := mountSmall(folder); err != nil {
		return err
	}
	return syscall.Unmount(folder, 0)
}

func mountSmall(folder string) error { return syscall.Mount("tmpfs", folder, "tmpfs", 0, "size=12m") }

func runInNamespace(t *testing.T) {
	t.Helper()
	command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.count=1")
	command.Env = append(os.Environ(), inNamespace+"=1")
	command.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}},
	}
	output, err := command.CombinedOutput()
	switch {
	case err != nil && command.ProcessState == nil: // never started
		forbidden(t, err)
	case err != nil:
		t.Errorf("in a namespace: %v\n%s", err, output)
	}
}

func forbidden(t *testing.T, err error) {
	t.Helper()
	t.Fatalf("this test mounts a small disk, which is forbidden here (%v): run it as root with CAP_SYS_ADMIN, or allow user namespaces: "+
		"sysctl kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0, user.max_user_namespaces=1000, "+
		"as far as they exist", err)
}

// smallDisk is the folder of a disk of 12 MB. The test runs within withSmallDisks.
func smallDisk(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	if err := mountSmall(folder); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(folder, 0); err != nil {
			t.Error(err)
		}
	})
	return folder
}
