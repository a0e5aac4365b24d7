package bases

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/plimsoll/plimsoll/testbase/recipe"
)

const (
	caBundle = "etc/ssl/certs/ca-certificates.crt"
	caLocal  = "usr/local/share/ca-certificates"
)

// HostCA are the certificate authorities that a host trusts: builds in an
// image must trust a TLS-inspecting proxy as the host does.
type HostCA struct {
	bundle []byte            // nil when the host has none
	local  map[string][]byte // the administrator's own, by file name
}

// ReadHostCA reads the host's certificates, from where Debian keeps them.
func ReadHostCA(root string) (HostCA, error) {
	ca := HostCA{local: map[string][]byte{}}
	var err error
	if ca.bundle, err = os.ReadFile(filepath.Join(root, caBundle)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return ca, fmt.Errorf("reading the host's certificates: %w", err)
	}
	files, err := filepath.Glob(filepath.Join(root, caLocal, "*.crt"))
	if err != nil {
		return ca, err
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			return ca, fmt.Errorf("reading the host's certificates: %w", err)
		}
		ca.local[filepath.Base(name)] = text
	}
	return ca, nil
}

func (c HostCA) key() string { return recipe.Key(c.bundle, fmt.Sprint(c.local)) }

// install makes a root trust what the host trusts: the bundle for now, and the
// host's own certificates for when ca-certificates is installed or updated.
func (c HostCA) install(root string) error {
	for name, text := range c.local {
		if err := writeIfOther(filepath.Join(root, caLocal, name), text); err != nil {
			return err
		}
	}
	if c.bundle == nil {
		return nil
	}
	return writeIfOther(filepath.Join(root, caBundle), c.bundle)
}

// writeIfOther leaves a file alone that is as wanted, so that no layer holds it again.
func writeIfOther(name string, text []byte) error {
	if was, err := os.ReadFile(name); err == nil && bytes.Equal(was, text) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return fmt.Errorf("installing certificates: %w", err)
	}
	if err := os.WriteFile(name, text, 0o644); err != nil {
		return fmt.Errorf("installing certificates: %w", err)
	}
	return nil
}
