package wheel

import (
	"bytes"
	"debug/elf"
	"fmt"
	"slices"
	"strings"
)

// everywhere are the libraries that every Debian image has, and in the last
// line those that an image with CPython has as CPython links to them.
var everywhere = []string{
	"libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "librt.so.1",
	"libgcc_s.so.1", "libstdc++.so.6", "ld-linux-x86-64.so.2",
	"libssl.so.3", "libcrypto.so.3", "libffi.so.8", "libz.so.1", "libsqlite3.so.0",
}

// CheckLinks refuses extensions that need a library which an image may lack,
// or leaves them out where the package works without them.
func (d *Distribution) CheckLinks(leaveOut bool) error {
	var kept []file
	d.native = false
	for _, f := range d.files {
		if !strings.HasSuffix(f.name, ".so") {
			kept = append(kept, f)
			continue
		}
		foreign, err := foreignLibraries(f.data)
		if err != nil {
			return fmt.Errorf("reading %s of %s: %w", f.name, d.Package, err)
		}
		if len(foreign) == 0 {
			d.native = true
			kept = append(kept, f)
		} else if !leaveOut {
			return fmt.Errorf("%s of %s links to %s, which a slim image lacks", f.name, d.Package, strings.Join(foreign, ", "))
		}
	}
	d.files = kept
	return nil
}

func foreignLibraries(data []byte) ([]string, error) {
	bin, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	libraries, err := bin.ImportedLibraries()
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(libraries, func(lib string) bool { return slices.Contains(everywhere, lib) }), nil
}
