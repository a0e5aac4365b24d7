package image

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"
	"time"
)

// unpacker writes one layer into a directory that nothing gets out of: all
// access goes through os.Root.
type unpacker struct {
	root    *os.Root
	made    map[string]bool // directories known to be there
	dirs    []*tar.Header   // whose mode and time are set last, for writing into them changes both
	asRoot  bool            // owners can be set
	skipped int
	buffer  []byte
}

const copySize = 256 << 10

func newUnpacker(dir string) (*unpacker, error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &unpacker{root: root, made: map[string]bool{".": true}, asRoot: os.Geteuid() == 0, buffer: make([]byte, copySize)}, nil
}

func (u *unpacker) close() { _ = u.root.Close() } // opened for looking up only

// entry unpacks one entry of the archive. What it may not or can't be, it skips.
func (u *unpacker) entry(header *tar.Header, content io.WriterTo) error {
	name := localName(header.Name)
	err := u.write(name, header, content)
	if isRefusal(err) {
		u.skipped++
		_, err = content.WriteTo(io.Discard)
	}
	return err
}

// localName makes an archive's path relative to the layer, with no ".." left.
func localName(name string) string { return strings.TrimPrefix(path.Clean("/"+name), "/") }

// errRefused marks an entry that is left out on purpose.
var errRefused = errors.New("not unpacked")

// isRefusal tells the entries that are wrong in themselves from a disk that is
// full. os.Root's error for a path that leads out can be told by its text only.
func isRefusal(err error) bool {
	for e := err; e != nil; e = errors.Unwrap(e) {
		if e.Error() == "path escapes from parent" {
			return true
		}
	}
	return errors.Is(err, errRefused)
}

func (u *unpacker) write(name string, header *tar.Header, content io.WriterTo) error {
	if name == "" || isWhiteout(name) {
		_, err := content.WriteTo(io.Discard)
		return err
	}
	if strings.ContainsRune(name, 0) || len(name) > 4096 {
		return errRefused
	}
	if err := u.parents(path.Dir(name)); err != nil {
		return err
	}
	switch header.Typeflag {
	case tar.TypeDir:
		return u.directory(name, header, content)
	case tar.TypeReg:
		return u.file(name, header, content)
	case tar.TypeSymlink:
		return u.link(name, header, content, func() error { return u.root.Symlink(header.Linkname, name) })
	case tar.TypeLink:
		old := localName(header.Linkname)
		return u.link(name, header, content, func() error { return u.root.Link(old, name) })
	}
	return errRefused
}

func (u *unpacker) parents(dir string) error {
	if u.made[dir] {
		return nil
	}
	if err := u.root.MkdirAll(dir, 0o755); err != nil {
		return notADirectory(err)
	}
	u.made[dir] = true
	return nil
}

// notADirectory refuses what an archive wants below something that is no directory.
func notADirectory(err error) error {
	if isPathFault(err) {
		return fmt.Errorf("%w: %w", errRefused, err)
	}
	return err
}

func (u *unpacker) directory(name string, header *tar.Header, content io.WriterTo) error {
	if !u.made[name] {
		err := u.root.Mkdir(name, 0o755)
		if errors.Is(err, fs.ErrExist) {
			err = u.replaceByDirectory(name)
		}
		if err != nil {
			return notADirectory(err)
		}
		u.made[name] = true
	}
	u.dirs = append(u.dirs, header)
	if err := u.own(header, func(uid, gid int) error { return u.root.Lchown(name, uid, gid) }); err != nil {
		return err
	}
	_, err := content.WriteTo(io.Discard)
	return err
}

// own sets an owner where that is possible. Root inside a user namespace may
// not be allowed to; from then on the owner is left alone.
func (u *unpacker) own(header *tar.Header, chown func(uid, gid int) error) error {
	if !u.asRoot {
		return nil
	}
	err := chown(header.Uid, header.Gid)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EINVAL) {
		u.asRoot = false
		return nil
	}
	return err
}

// replaceByDirectory keeps a directory and replaces anything else.
func (u *unpacker) replaceByDirectory(name string) error {
	info, err := u.root.Lstat(name)
	if err != nil || info.IsDir() {
		return err
	}
	if err := u.root.Remove(name); err != nil {
		return err
	}
	return u.root.Mkdir(name, 0o755)
}

func (u *unpacker) file(name string, header *tar.Header, content io.WriterTo) (err error) {
	f, err := u.create(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := content.WriteTo(f); err != nil {
		return err
	}
	if err := u.own(header, f.Chown); err != nil {
		return err
	}
	if err := f.Chmod(permissions(header)); err != nil {
		return err
	}
	return u.setTime(name, header)
}

func (u *unpacker) create(name string) (*os.File, error) {
	const flags = os.O_CREATE | os.O_EXCL | os.O_WRONLY
	f, err := u.root.OpenFile(name, flags, 0o600)
	if errors.Is(err, fs.ErrExist) {
		if err := u.remove(name); err != nil {
			return nil, err
		}
		f, err = u.root.OpenFile(name, flags, 0o600)
	}
	return f, notADirectory(err)
}

// remove makes way for an entry that the archive has a second time.
func (u *unpacker) remove(name string) error {
	info, err := u.root.Lstat(name)
	if err == nil && !info.IsDir() {
		return u.root.Remove(name)
	}
	for dir := range u.made {
		if dir == name || strings.HasPrefix(dir, name+"/") {
			delete(u.made, dir)
		}
	}
	return u.root.RemoveAll(name)
}

func (u *unpacker) link(name string, header *tar.Header, content io.WriterTo, create func() error) error {
	err := create()
	if errors.Is(err, fs.ErrExist) {
		if err := u.remove(name); err != nil {
			return err
		}
		err = create()
	}
	if err != nil {
		return notADirectory(err)
	}
	if header.Typeflag == tar.TypeSymlink {
		if err := u.own(header, func(uid, gid int) error { return u.root.Lchown(name, uid, gid) }); err != nil {
			return err
		}
	}
	_, err = content.WriteTo(io.Discard)
	return err
}

// finish sets what writing into directories would have changed again.
func (u *unpacker) finish() error {
	for _, header := range u.dirs {
		name := localName(header.Name)
		if !u.made[name] {
			continue // replaced by something else later on
		}
		if err := u.root.Chmod(name, permissions(header)); err != nil {
			return fmt.Errorf("%s: %w", printable(name), err)
		}
		if err := u.setTime(name, header); err != nil {
			return fmt.Errorf("%s: %w", printable(name), err)
		}
	}
	return nil
}

// permissions leaves set-user-id and its like out: an untrusted file must not
// get them on this host. The owner can always remove what was unpacked.
func permissions(header *tar.Header) fs.FileMode {
	mode := fs.FileMode(header.Mode).Perm()
	if header.Typeflag == tar.TypeDir {
		mode |= 0o700
	}
	return mode
}

func (u *unpacker) setTime(name string, header *tar.Header) error {
	when := header.ModTime
	if when.Year() < 1970 || when.Year() > 2200 { // out of what file systems keep
		when = time.Unix(0, 0)
	}
	return u.root.Chtimes(name, when, when)
}

// isPathFault tells errors that lie in the archive's names and links from
// those of the machine.
func isPathFault(err error) bool {
	for _, fault := range []error{syscall.ENOTDIR, syscall.ELOOP, syscall.ENAMETOOLONG, fs.ErrNotExist, fs.ErrExist, fs.ErrInvalid} {
		if errors.Is(err, fault) {
			return true
		}
	}
	return false
}
