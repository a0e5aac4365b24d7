package engines

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

const (
	// daemonFolder is how the names of daemons' folders start.
	daemonFolder = "plimsoll-d-"
	// ownerFile is locked in a folder that is in use, by the process whose it is.
	ownerFile = "owner"
)

// own makes a folder this process's until the file is closed, or the process ends.
func own(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, ".owner-")
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(dir, ownerFile)) // a sweep never sees it without its lock
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("locking %s: %w", f.Name(), err), f.Close())
	}
	return f, nil
}

// sweep removes what killed tests left of their daemons. It is not the fault of this test if that fails.
func sweep() {
	files, _ := filepath.Glob(filepath.Join(os.TempDir(), daemonFolder+"*", ownerFile))
	for _, file := range files {
		f, err := os.OpenFile(file, os.O_RDWR, 0)
		if err != nil {
			continue // swept meanwhile, or somebody else's
		}
		if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
			f.Close()
			continue
		}
		d := &Daemon{Dir: filepath.Dir(file), owner: f}
		if err := d.remove(); err != nil {
			fmt.Fprintf(os.Stderr, "engines: removing what a killed test left in %s: %v\n", d.Dir, err)
		}
	}
}
