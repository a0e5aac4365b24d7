//go:build linux

package agent

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// elfFile writes a minimal dynamic 64-bit ELF file that needs libraries.
func elfFile(needed []string, tag elf.DynTag, path string) []byte {
	strtab := []byte{0}
	name := func(s string) uint64 {
		at := len(strtab)
		strtab = append(append(strtab, s...), 0)
		return uint64(at)
	}
	var dyn []elf.Dyn64
	for _, n := range needed {
		dyn = append(dyn, elf.Dyn64{Tag: int64(elf.DT_NEEDED), Val: name(n)})
	}
	if path != "" {
		dyn = append(dyn, elf.Dyn64{Tag: int64(tag), Val: name(path)})
	}
	dyn = append(dyn, elf.Dyn64{})
	var dynamic, out bytes.Buffer
	_ = binary.Write(&dynamic, binary.LittleEndian, dyn)
	const header, section = 64, 64
	stringsAt := uint64(header + dynamic.Len())
	sections := []elf.Section64{{},
		{Type: uint32(elf.SHT_DYNAMIC), Off: header, Size: uint64(dynamic.Len()), Link: 2, Entsize: 16},
		{Type: uint32(elf.SHT_STRTAB), Off: stringsAt, Size: uint64(len(strtab))},
	}
	h := elf.Header64{Type: uint16(elf.ET_DYN), Machine: uint16(elf.EM_X86_64), Version: 1, Ehsize: header, Phentsize: 56,
		Shoff: stringsAt + uint64(len(strtab)), Shentsize: section, Shnum: 3, Shstrndx: 2}
	copy(h.Ident[:], []byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), 1})
	_ = binary.Write(&out, binary.LittleEndian, h)
	out.Write(dynamic.Bytes())
	out.Write(strtab)
	_ = binary.Write(&out, binary.LittleEndian, sections)
	return out.Bytes()
}

// ldCache writes a loader's cache.
func ldCache(libraries map[string]string) []byte {
	var entries, names, out bytes.Buffer
	base := uint32(48 + 24*len(libraries))
	for name, path := range libraries {
		e := make([]byte, 24)
		binary.NativeEndian.PutUint32(e[4:], base+uint32(names.Len()))
		names.WriteString(name + "\x00")
		binary.NativeEndian.PutUint32(e[8:], base+uint32(names.Len()))
		names.WriteString(path + "\x00")
		entries.Write(e)
	}
	header := make([]byte, 48)
	copy(header, "glibc-ld.so.cache1.1")
	binary.NativeEndian.PutUint32(header[20:], uint32(len(libraries)))
	for _, b := range [][]byte{[]byte("ld.so-1.7.0 old table"), header, entries.Bytes(), names.Bytes()} {
		out.Write(b)
	}
	return out.Bytes()
}

func TestELFFindsMissingLibraries(t *testing.T) {
	root := t.TempDir()
	lib := string(elfFile(nil, 0, ""))
	for path, content := range map[string]string{
		"lib/libc.so.6":                lib,
		"usr/lib/libold.so":            "not an ELF file",
		"opt/cached/libcached.so.1":    string(elfFile([]string{"libdeep.so"}, 0, "")),
		"usr/lib/x86_64-linux-gnu/z.1": lib,
		"opt/extra/libextra.so":        lib,
		"etc/ld.so.cache":              string(ldCache(map[string]string{"libcached.so.1": "/opt/cached/libcached.so.1"})),
		"app/libs/liborigin.so":        string(elfFile([]string{"libc.so.6"}, 0, "")),
		"app/bin/ok":                   string(elfFile([]string{"libc.so.6", "z.1", "libcached.so.1", "libextra.so"}, 0, "")),
		"app/bin/origin":               string(elfFile([]string{"liborigin.so"}, elf.DT_RUNPATH, "${ORIGIN}/../libs")),
		"app/bin/rpath":                string(elfFile([]string{"liborigin.so"}, elf.DT_RPATH, "$ORIGIN/../libs")),
		"app/bin/preloaded":            string(elfFile([]string{"liborigin.so"}, 0, "")),
		"app/bin/broken":               string(elfFile([]string{"libpq.so.5", "libold.so", "libc.so.6"}, 0, "")),
		"app/bin/damaged":              lib[:70],
		"app/bin/script":               "#!/bin/sh\n",
	} {
		write(t, filepath.Join(root, path), content)
	}
	c := newELFCheck(t.Context(), root, "/opt/extra:relative")
	c.collect([]string{filepath.Join(root, "app")}, nil)
	c.examineAll()
	in := func(p string) string { return filepath.Join(root, p) }
	want := []MissingLibrary{
		{File: in("app/bin/broken"), Library: "libpq.so.5"},
		{File: in("app/bin/broken"), Library: "libold.so"},
		{File: in("app/bin/preloaded"), Library: "liborigin.so", Elsewhere: in("app/libs/liborigin.so")},
		{File: in("opt/cached/libcached.so.1"), Library: "libdeep.so"},
	}
	if !reflect.DeepEqual(c.answer.Missing, want) {
		t.Errorf("got  %+v\nwant %+v", c.answer.Missing, want)
	}
	if c.answer.Examined != 10 || c.answer.Incomplete != "" {
		t.Errorf("examined %d, incomplete %q; want 10 dynamic files", c.answer.Examined, c.answer.Incomplete)
	}
}

func TestELFOfThisHost(t *testing.T) {
	const program = "/bin/sh"
	if o := readObject(program); o == nil || len(o.needed) == 0 {
		t.Skip("no dynamic " + program + " here")
	}
	a, err := local().ELF(t.Context(), ELFRequest{Files: []string{program}})
	if err != nil || len(a.Missing) != 0 || a.Examined < 2 {
		t.Errorf("got %+v, %v; want the program and its libraries, none missing", a, err)
	}
}

func FuzzELF(f *testing.F) {
	f.Add(elfFile([]string{"libc.so.6"}, elf.DT_RUNPATH, "$ORIGIN"))
	f.Add([]byte("\x7fELF"))
	path := filepath.Join(f.TempDir(), "file")
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		_ = readObject(path)
	})
}

func FuzzParseCache(f *testing.F) {
	f.Add(ldCache(map[string]string{"a": "/lib/a"}))
	f.Add([]byte("glibc-ld.so.cache1.1"))
	f.Fuzz(func(_ *testing.T, data []byte) { parseCache(data) })
}
