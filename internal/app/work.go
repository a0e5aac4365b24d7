package app

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// workFolder holds what a run pushes and pulls. The run has it locked, and the kernel lets go of the lock when the
// process ends, however it ends: so the next run can tell the folder of one that was killed, and takes it away.
type workFolder struct {
	path string
	lock *flock.Flock
}

// inUse is the file of a work folder that is locked. A folder without it was left for the user.
const inUse = "in-use"

// openWork makes a folder below parent, which no other user can write to, after taking away what killed runs left there.
// With an empty parent it makes one among the system's temporary folders, where nothing is taken away.
func openWork(parent string) (*workFolder, error) {
	if parent != "" {
		if err := os.MkdirAll(parent, 0o700); err != nil {
			return nil, fmt.Errorf("making the folder for what is pushed and pulled: %w", err)
		}
		sweepWork(parent)
	}
	const tries = 3 // another run may take a folder away before it is locked
	for range tries {
		path, err := os.MkdirTemp(parent, "plimsoll-")
		if err != nil {
			return nil, fmt.Errorf("making a folder for what is pushed and pulled: %w", err)
		}
		w := &workFolder{path, flock.New(filepath.Join(path, inUse))}
		locked, err := w.lock.TryLock()
		if err != nil {
			return nil, errors.Join(fmt.Errorf("locking %s: %w", path, err), os.RemoveAll(path))
		}
		if _, err := os.Lstat(w.lock.Path()); locked && err == nil {
			return w, nil
		}
		w.lock.Close()
	}
	return nil, fmt.Errorf("making a folder for what is pushed and pulled: others take it away in %s", parent)
}

// sweepWork takes away the folders of runs that are no more. What can't be taken away stays: it is in nobody's way.
func sweepWork(parent string) {
	locks, err := filepath.Glob(filepath.Join(parent, "plimsoll-*", inUse))
	if err != nil {
		return
	}
	for _, name := range locks {
		lock := flock.New(name)
		if locked, err := lock.TryLock(); err == nil && locked {
			_ = os.RemoveAll(filepath.Dir(name))
		}
		lock.Close()
	}
}

// close removes the folder, or leaves it to the user.
func (w *workFolder) close(keep bool) error {
	if !keep {
		return errors.Join(os.RemoveAll(w.path), w.lock.Close())
	}
	return errors.Join(os.Remove(w.lock.Path()), w.lock.Close())
}
