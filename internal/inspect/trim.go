package inspect

import (
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

const (
	// keptUnused is how long the store keeps what no run asks for.
	keptUnused = 30 * 24 * time.Hour
	// trimEvery is how often it looks for that, and how exactly it knows when something was last asked for.
	trimEvery = 24 * time.Hour
)

// used notes that a file was asked for, in its time of modification.
func used(f *os.File, now time.Time) {
	info, err := f.Stat()
	if err == nil && now.Sub(info.ModTime()) > trimEvery {
		_ = os.Chtimes(f.Name(), now, now) // failing, it is made again in a month
	}
}

// trim takes away what was not asked for in a long time, and what killed runs left half written. A file tells by its
// time of modification when that was last done.
func (s recordStore) trim(now time.Time) {
	if s.dir == "" {
		return
	}
	stamp := filepath.Join(s.dir, "trimmed")
	if info, err := os.Stat(stamp); err == nil && now.Sub(info.ModTime()) < trimEvery {
		return
	}
	if os.WriteFile(stamp, nil, 0o600) != nil || os.Chtimes(stamp, now, now) != nil {
		return
	}
	for _, kind := range []string{"layers", "images"} {
		_ = filepath.WalkDir(filepath.Join(s.dir, kind), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return nil
			}
			if info, err := d.Info(); err == nil && now.Sub(info.ModTime()) > keptUnused {
				_ = os.Remove(path)
			}
			return nil
		})
	}
}
