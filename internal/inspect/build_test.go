package inspect

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// layerText builds a layer's archive from lines:
//
//	f PATH SIZE [SEED]   a file; the same size and seed give the same content
//	t PATH TEXT          a file with a text, in which \n is a line end
//	d PATH               a directory
//	l PATH TARGET        a symbolic link
//	h PATH TARGET        a hard link
//	w PATH               the mark that PATH is deleted
//	o PATH               the mark that what lower layers have in the directory is deleted
//
// A mode in octal may follow the letter: f4755.
func layerText(t testing.TB, lines string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, line := range strings.Split(strings.TrimSpace(lines), "\n") {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		h := &tar.Header{Name: fields[1], Mode: 0o644, Typeflag: tar.TypeReg}
		if fields[0][0] == 'd' {
			h.Mode = 0o755
		}
		if mode := fields[0][1:]; mode != "" {
			n, err := strconv.ParseInt(mode, 8, 32)
			if err != nil {
				t.Fatal(err)
			}
			h.Mode = n
		}
		var content []byte
		switch fields[0][0] {
		case 'f':
			size, err := strconv.Atoi(fields[2])
			if err != nil {
				t.Fatal(err)
			}
			content = fileContent(size, strings.Join(fields[3:], " ")+fmt.Sprint(len(fields) == 3)+map[bool]string{true: fields[1] + strconv.Itoa(b.Len())}[len(fields) == 3])
		case 't':
			content = []byte(strings.ReplaceAll(strings.SplitN(line, " ", 3)[2], `\n`, "\n"))
		case 'd':
			h.Typeflag = tar.TypeDir
		case 'l':
			h.Typeflag, h.Linkname = tar.TypeSymlink, fields[2]
		case 'h':
			h.Typeflag, h.Linkname = tar.TypeLink, fields[2]
		case 'w':
			h.Name = path.Join(path.Dir(fields[1]), ".wh."+path.Base(fields[1]))
		case 'o':
			h.Name = path.Join(fields[1], ".wh..wh..opq")
		default:
			t.Fatalf("line %q", line)
		}
		h.Size = int64(len(content))
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func fileContent(size int, seed string) []byte {
	b := make([]byte, size)
	sum := sha256.Sum256([]byte(seed))
	for i := range b {
		b[i] = sum[i%32] | 1 // no NUL
	}
	return b
}

// archiveOf writes a docker-archive.
func archiveOf(t testing.TB, config map[string]any, layers ...[]byte) string {
	t.Helper()
	return archiveStoring(t, config, func(layer []byte) []byte { return layer }, layers)
}

// packedArchiveOf writes a docker-archive whose layers are compressed.
func packedArchiveOf(t testing.TB, config map[string]any, layers ...[]byte) string {
	t.Helper()
	return archiveStoring(t, config, func(layer []byte) []byte { return gzipped(t, layer).content }, layers)
}

func archiveStoring(t testing.TB, config map[string]any, stored func([]byte) []byte, layers [][]byte) string {
	t.Helper()
	var diffs, names []string
	files := map[string][]byte{}
	for i, l := range layers {
		sum := sha256.Sum256(l)
		diffs = append(diffs, "sha256:"+hex.EncodeToString(sum[:]))
		names = append(names, fmt.Sprintf("%d/layer.tar", i))
		files[names[i]] = stored(l)
	}
	if config == nil {
		config = map[string]any{}
	}
	config["rootfs"] = map[string]any{"type": "layers", "diff_ids": diffs}
	files["config.json"] = asJSON(t, config)
	files["manifest.json"] = asJSON(t, []any{map[string]any{"Config": "config.json", "Layers": names}})
	name := filepath.Join(t.TempDir(), "image.tar")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := tar.NewWriter(f)
	for _, n := range append(names, "config.json", "manifest.json") {
		if err := w.WriteHeader(&tar.Header{Name: n, Mode: 0o644, Size: int64(len(files[n])), Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(files[n]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return name
}

func asJSON(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
