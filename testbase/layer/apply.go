package layer

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/gzip"
)

// Apply unpacks a layer that WriteChanges wrote onto the tree that it was
// written for. It needs the rights to set owners.
func Apply(ctx context.Context, blob, root string) error {
	cmd := exec.CommandContext(ctx, "tar", "--extract", "--gzip", "--numeric-owner", "--same-permissions", "--same-owner",
		"--exclude=.wh.*", "--file", blob, "--directory", root)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("unpacking the layer %s: %w: %s", blob, err, out)
	}
	gone, err := whiteouts(blob)
	if err != nil {
		return fmt.Errorf("reading the layer %s: %w", blob, err)
	}
	for _, p := range gone {
		if err := os.RemoveAll(filepath.Join(root, p)); err != nil {
			return fmt.Errorf("removing what the layer %s removes: %w", blob, err)
		}
	}
	return nil
}

// whiteouts lists the paths that a layer removes.
func whiteouts(blob string) (gone []string, err error) {
	f, err := os.Open(blob)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	plain, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	for in := tar.NewReader(plain); ; {
		head, err := in.Next()
		if errors.Is(err, io.EOF) {
			return gone, nil
		}
		if err != nil {
			return nil, err
		}
		dir, base := path.Split(head.Name)
		if name, ok := strings.CutPrefix(base, ".wh."); ok {
			gone = append(gone, dir+name)
		}
	}
}
