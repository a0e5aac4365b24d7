package wheel

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"
)

// nativeTag fits CPython 3.11 on systems with Debian 12's C library or a newer one.
const (
	nativeTag = "cp311-cp311-manylinux_2_36_x86_64"
	pureTag   = "py3-none-any"
)

// Filename is the wheel's file name, whose parts must be those of its metadata.
func (d *Distribution) Filename() string {
	return d.stem() + "-" + d.tag() + ".whl"
}

func (d *Distribution) stem() string {
	return strings.ReplaceAll(Normalize(d.Name), "-", "_") + "-" + d.Version
}

func (d *Distribution) tag() string {
	if d.native {
		return nativeTag
	}
	return pureTag
}

// WriteWheel writes the wheel; every file gets the same time, so that the same
// distribution always gives the same bytes.
func (d *Distribution) WriteWheel(w io.Writer, modified time.Time) error {
	files := slices.Clone(d.files)
	slices.SortFunc(files, func(a, b file) int { return strings.Compare(a.name, b.name) })
	info := d.stem() + ".dist-info/"
	add := func(name, text string) {
		files = append(files, file{name: info + name, data: []byte(text), mode: 0o644})
	}
	add("METADATA", d.meta.render(d.Version, d.extras, d.requires))
	add("WHEEL", fmt.Sprintf("Wheel-Version: 1.0\nGenerator: plimsoll testbase\nRoot-Is-Purelib: %t\nTag: %s\n", !d.native, d.tag()))
	if d.entryPoints != "" {
		add("entry_points.txt", d.entryPoints)
	}
	add("RECORD", record(files, info+"RECORD"))
	z := zip.NewWriter(w)
	for _, f := range files {
		if err := addFile(z, f, modified); err != nil {
			return fmt.Errorf("writing %s: %w", d.Filename(), err)
		}
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("writing %s: %w", d.Filename(), err)
	}
	return nil
}

// Add puts one more file into the wheel.
func (d *Distribution) Add(name string, data []byte) {
	d.files = append(d.files, file{name: name, data: data, mode: 0o644})
}

// Replace changes a text in one of the files, and fails where it is not.
func (d *Distribution) Replace(name, from, to string) error {
	for i, f := range d.files {
		if f.name == name && strings.Contains(string(f.data), from) {
			d.files[i].data = []byte(strings.ReplaceAll(string(f.data), from, to))
			return nil
		}
	}
	return fmt.Errorf("%s holds no %q in %s", d.Name, from, name)
}

func addFile(z *zip.Writer, f file, modified time.Time) error {
	head := &zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: modified}
	head.SetMode(fs.FileMode(f.mode))
	out, err := z.CreateHeader(head)
	if err != nil {
		return err
	}
	_, err = out.Write(f.data)
	return err
}

// record lists every file with its hash and size; itself without either.
func record(files []file, self string) string {
	var b strings.Builder
	for _, f := range files {
		sum := sha256.Sum256(f.data)
		fmt.Fprintf(&b, "%s,sha256=%s,%d\n", quote(f.name), base64.RawURLEncoding.EncodeToString(sum[:]), len(f.data))
	}
	return b.String() + self + ",,\n"
}

// quote writes a field of a CSV line.
func quote(name string) string {
	if strings.ContainsAny(name, `",`) {
		return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
	}
	return name
}
