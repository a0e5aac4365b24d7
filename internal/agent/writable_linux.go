package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// maxPaths bounds the paths of one request.
const maxPaths = 1000

// writable tries to write to each path as the user.
func writable(ctx context.Context, r WritableRequest) (WritableAnswer, error) {
	id, err := accounts{"/"}.resolve(r.User)
	if err != nil {
		return WritableAnswer{}, err
	}
	if len(r.Paths) > maxPaths {
		return WritableAnswer{}, fmt.Errorf("%d paths are over the limit of %d", len(r.Paths), maxPaths)
	}
	a := WritableAnswer{Paths: []PathAccess{}}
	for _, path := range r.Paths {
		if err := ctx.Err(); err != nil {
			return a, err
		}
		access, err := tryPath(id, inOwnHome(id, r.Home, path))
		if err != nil {
			return a, err
		}
		a.Paths = append(a.Paths, access)
	}
	return a, nil
}

// inOwnHome is the path below the user's own home directory that one below another's stands for.
func inOwnHome(id identity, home, path string) string {
	if rest, ok := strings.CutPrefix(path, home+"/"); home != "" && ok {
		return filepath.Join(id.Home, rest)
	}
	return path
}

// tryPath describes a path, and tries to write to it or to its nearest parent that exists.
func tryPath(id identity, path string) (PathAccess, error) {
	a := PathAccess{Path: path, UID: -1, GID: -1}
	if !filepath.IsAbs(path) {
		return a, fmt.Errorf("path %q is not absolute", path)
	}
	tried, info := nearest(filepath.Clean(path))
	a.Tried = tried
	if tried == filepath.Clean(path) {
		a.describe(info)
	}
	if info == nil || !info.IsDir() && !a.Exists {
		a.Reason = tried + " is not a directory"
		return a, nil
	}
	err := asUser(id, func() error {
		err := tryWrite(tried, info)
		a.Writable, a.Reason = err == nil, reason(err)
		return nil
	})
	return a, err
}

func (a *PathAccess) describe(info os.FileInfo) {
	if info == nil {
		return
	}
	a.Exists, a.Dir, a.Mode = true, info.IsDir(), info.Mode().String()
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		a.UID, a.GID = int(st.Uid), int(st.Gid)
	}
}

// nearest is the path or the nearest parent of it that exists; info is nil when a
// parent is not a directory.
func nearest(path string) (string, os.FileInfo) {
	for {
		info, err := os.Stat(path)
		if err == nil {
			return path, info
		}
		if path == "/" || errors.Is(err, syscall.ELOOP) {
			return path, nil
		}
		path = filepath.Dir(path)
	}
}

// tryWrite makes and removes a file in a directory, or opens a file for
// writing without changing it.
func tryWrite(path string, info os.FileInfo) error {
	if !info.IsDir() {
		f, err := os.OpenFile(path, os.O_WRONLY|syscall.O_NONBLOCK, 0)
		if err != nil {
			return err
		}
		return f.Close()
	}
	f, err := os.CreateTemp(path, ".plimsoll-*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// reason is the system's own word for an error, without the name of a made-up file.
func reason(err error) string {
	if err == nil {
		return ""
	}
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno.Error()
	}
	return err.Error()
}
