package wheel

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Unpack copies ready-made wheels into a folder, out of a tar that is a Debian
// package or CPython's release, and adds their versions to versions, by
// normalised name. Wheels that only tests need lie elsewhere and are left.
func Unpack(r io.Reader, dir string, versions map[string]string) error {
	for tr := tar.NewReader(r); ; {
		head, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("unpacking wheels: %w", err)
		}
		name := path.Base(head.Name)
		parts := strings.Split(name, "-")
		if in := path.Base(path.Dir(head.Name)); in != "python-wheels" && in != "_bundled" {
			continue
		}
		if head.Typeflag != tar.TypeReg || !strings.HasSuffix(name, ".whl") || len(parts) < 5 {
			continue
		}
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			return fmt.Errorf("unpacking wheels: %w", err)
		}
		if _, err := io.Copy(f, tr); err != nil {
			f.Close()
			return fmt.Errorf("unpacking %s: %w", name, err)
		}
		if err := f.Close(); err != nil {
			return fmt.Errorf("unpacking %s: %w", name, err)
		}
		versions[Normalize(parts[0])] = parts[1]
	}
}
