// Package large makes docker-archives of any size, the same bytes every time,
// with deletions, copies, new versions and planted credentials.
package large

import (
	"archive/tar"
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
)

// Layers is how many layers an archive has.
const Layers = 8

// Shape says how large an archive is to be.
type Shape struct {
	Entries int
	Bytes   float64
	Seed    uint64
}

// Shapes are those that inspect is measured on, by their size in GB.
func Shapes() map[string]Shape {
	return map[string]Shape{"1.1": {26_000, 1_100e6, 11}, "2.8": {63_000, 2_800e6, 28}}
}

// Planted is a credential in an archive.
type Planted struct {
	Layer int    `json:"layer"` // from 1
	Path  string `json:"path"`
	Line  int    `json:"line"`
	Rule  string `json:"rule"`
}

// file is what was written at a path, to delete, copy or replace it later.
type file struct {
	path string
	size int
	seed uint64
	text bool
}

// generator writes one archive.
type generator struct {
	Shape
	random  *rand.Rand
	out     *os.File
	live    []file
	planted []Planted
	next    int
	noise   []byte
}

// Write makes an archive and returns what is planted in it. Half of the bytes are text, half are
// not. Of the later layers' entries a tenth are marks of deletion, a tenth copies
// with another mode, a tenth new versions.
func Write(name string, s Shape) (secrets []Planted, err error) {
	out, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	defer func() {
		if closeErr := out.Close(); err == nil {
			err = closeErr
		}
	}()
	g := &generator{Shape: s, random: rand.New(rand.NewPCG(s.Seed, 4)), out: out, noise: make([]byte, 8<<20)}
	for i := range g.noise {
		g.noise[i] = byte(g.random.Uint32())
	}
	var diffs, names []string
	for i := range Layers {
		layer := fmt.Sprintf("%d/layer.tar", i)
		digest, err := g.layer(i, layer)
		if err != nil {
			return nil, err
		}
		diffs, names = append(diffs, "sha256:"+digest), append(names, layer)
	}
	return g.planted, g.describe(diffs, names)
}

func (g *generator) describe(diffs, names []string) error {
	var history []any
	for i := range Layers {
		history = append(history, map[string]any{"created_by": fmt.Sprintf("RUN step %d", i+1)})
	}
	config, err := json.Marshal(map[string]any{
		"os": "linux", "architecture": "amd64", "created": "2026-01-01T00:00:00Z", "history": history,
		"rootfs": map[string]any{"type": "layers", "diff_ids": diffs},
	})
	if err != nil {
		return err
	}
	manifest, err := json.Marshal([]any{map[string]any{"Config": "config.json", "RepoTags": []string{"large:1"}, "Layers": names}})
	if err != nil {
		return err
	}
	w := tar.NewWriter(g.out)
	for name, text := range map[string][]byte{"config.json": config} {
		if err := put(w, &tar.Header{Name: name, Mode: 0o644}, text); err != nil {
			return err
		}
	}
	if err := put(w, &tar.Header{Name: "manifest.json", Mode: 0o644}, manifest); err != nil {
		return err
	}
	return w.Close()
}

func put(w *tar.Writer, h *tar.Header, content []byte) error {
	h.Size, h.Typeflag = int64(len(content)), tar.TypeReg
	if err := w.WriteHeader(h); err != nil {
		return err
	}
	_, err := w.Write(content)
	return err
}

// layer writes one layer into the archive, and its header in front when its size is known.
func (g *generator) layer(i int, name string) (digest string, err error) {
	start, err := g.out.Seek(0, io.SeekCurrent)
	if err != nil {
		return "", err
	}
	if _, err := g.out.Write(make([]byte, 512)); err != nil {
		return "", err
	}
	sum := sha256.New()
	buffered := bufio.NewWriterSize(io.MultiWriter(g.out, sum), 1<<20)
	w := tar.NewWriter(buffered)
	for n := range g.Entries / Layers {
		if err := g.entry(w, i, n); err != nil {
			return "", err
		}
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	if err := buffered.Flush(); err != nil {
		return "", err
	}
	end, err := g.out.Seek(0, io.SeekCurrent)
	if err != nil {
		return "", err
	}
	var header bytes.Buffer
	if err := tar.NewWriter(&header).WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: end - start - 512, Typeflag: tar.TypeReg}); err != nil {
		return "", err
	}
	if _, err := g.out.WriteAt(header.Bytes(), start); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil // an archive's end is whole blocks: nothing to pad
}

func (g *generator) entry(w *tar.Writer, layer, n int) error {
	if layer > 0 && n < len(secretLines()) && (n+layer)%4 == 0 {
		return g.plant(w, layer, n)
	}
	if layer == 0 || len(g.live) == 0 {
		return g.fresh(w)
	}
	at := g.random.IntN(len(g.live))
	old := g.live[at]
	switch g.random.IntN(10) {
	case 0:
		g.live = append(g.live[:at], g.live[at+1:]...)
		dir, base := split(old.path)
		return put(w, &tar.Header{Name: dir + ".wh." + base, Mode: 0o644}, nil)
	case 1:
		return put(w, &tar.Header{Name: old.path, Mode: 0o755}, g.content(old))
	case 2:
		old.seed = g.random.Uint64()
		g.live[at] = old
		return put(w, &tar.Header{Name: old.path, Mode: 0o644}, g.content(old))
	}
	return g.fresh(w)
}

func split(path string) (dir, base string) {
	for i := len(path) - 1; i >= 0; i-- {
		if path[i] == '/' {
			return path[:i+1], path[i+1:]
		}
	}
	return "", path
}

func (g *generator) fresh(w *tar.Writer) error {
	g.next++
	mean := g.Bytes / float64(g.Entries) * 1.08 // marks of deletion weigh nothing
	f := file{
		path: fmt.Sprintf("usr/share/part%d/folder%d/file%d", g.next/5000, g.next/60, g.next),
		size: int(mean * (0.1 + 1.8*g.random.Float64())), seed: g.random.Uint64(), text: g.random.IntN(2) == 0,
	}
	g.live = append(g.live, f)
	return put(w, &tar.Header{Name: f.path, Mode: 0o644}, g.content(f))
}

// content is always the same for the same file.
func (g *generator) content(f file) []byte {
	out := make([]byte, f.size)
	r := rand.New(rand.NewPCG(f.seed, 1))
	if !f.text {
		copy(out, g.noise[r.IntN(len(g.noise)-f.size):])
		for i := 0; i < len(out); i += 97 {
			out[i] = 0
		}
		return out
	}
	words := vocabulary()
	for at := 0; at < len(out); {
		at += copy(out[at:], words[r.IntN(len(words))])
		sep := " "
		if r.IntN(9) == 0 {
			sep = "\n"
		}
		at += copy(out[at:], sep)
	}
	return out
}

// vocabulary is words of programs and their documents, those among them that rules for credentials look out for.
func vocabulary() []string {
	return []string{
		"func", "return", "the", "of", "import", "value", "if err != nil {", "}", "self.name = name", "def load(path):", "package", "option",
		"key", "token := next()", "access the", "author", "apiVersion: v1", "they", "skip", "test", "for i in range(10):", "const", "string", "string(data)",
		"// see the documentation", "<div class=\"row\">", "0x1f", "12345", "password is required", "secret", "https://example.org/a/b", "user@example.org",
		"namespace", "template", "license", "warranty", "notice", "static", "void", "struct", "monkey", "map[string]int{}", "x = y + z;", "null", "true",
	}
}

// secretLines are made-up credentials, in two parts each: scanners look at this file too.
func secretLines() [][2]string {
	return [][2]string{
		{"github-pat", "token = \"ghp" + "_16C7e42F292c6912E7710c838347Ae178B4a\""},
		{"aws-access-token", "aws_id = AKIA" + "QYLPMN5HHHFPZAM2"},
		{"gitlab-pat", "GL=glpat" + "-Xq3vT8mK2pLw9RzB4nYc"},
		{"npm-access-token", "//registry.example/:_auth=npm" + "_a8f3k2m9x7q1w5e4r6t0y8u2i3o7p5s1d9f4"},
		{"generic-api-key", "service_api_key = \"8f3Kd92LmQ0zXw7RtY5u" + "Bv1NcE6pJh4G\""},
		{"digitalocean-pat", "do=dop_v1" + "_3f9a7c1e5b8d2046f7a9c3e1b5d8f0246a7c9e1b3d5f8a0c2e4b6d8f1a3c5e7b"},
		{"shopify-access-token", "shop=shpat" + "_8a3f9c1e7b5d2046f7a9c3e1b5d8f024"},
		{"linear-api-key", "lin=lin_api" + "_aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5bC7d"},
	}
}

// plant writes a text with a credential in its middle.
func (g *generator) plant(w *tar.Writer, layer, n int) error {
	secret := secretLines()[n]
	f := file{path: fmt.Sprintf("app/config/settings%d-%d.txt", layer, n), size: 9000, seed: g.random.Uint64(), text: true}
	text := g.content(f)
	half := bytes.LastIndexByte(text[:f.size/2], '\n') + 1
	g.planted = append(g.planted, Planted{Layer: layer + 1, Path: f.path, Line: bytes.Count(text[:half], []byte("\n")) + 1, Rule: secret[0]})
	content := append(append(bytes.Clone(text[:half]), secret[1]+"\n"...), text[half:]...)
	return put(w, &tar.Header{Name: f.path, Mode: 0o644}, content)
}
