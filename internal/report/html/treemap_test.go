package htmlreport

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/plimsoll/plimsoll/internal/inspect"
)

const hostileName = "</script><img src=x onerror=alert(1)>\u202e\x1b[31m"

// sample inspects an image of two layers.
func sample(t *testing.T) *inspect.Report {
	t.Helper()
	layers := []map[string]int{
		{"app/big": 6000, "app/lib/one": 3000, "app/lib/two": 1000, "etc/" + hostileName: 500, "etc/tiny": 1},
		{"app/big": 5000, "app/lib/.wh.one": 0},
	}
	files, names, diffs := map[string][]byte{}, []string{"0", "1"}, []string{}
	for i, layer := range layers {
		content := map[string][]byte{}
		for name, size := range layer {
			content[name] = bytes.Repeat([]byte{'x'}, size)
		}
		files[names[i]] = tarOf(t, content)
		sum := sha256.Sum256(files[names[i]])
		diffs = append(diffs, "sha256:"+hex.EncodeToString(sum[:]))
	}
	files["config.json"] = jsonOf(t, map[string]any{
		"rootfs": map[string]any{"diff_ids": diffs}, "history": []any{map[string]any{"created_by": "COPY a /"}, map[string]any{"created_by": "RUN </script>"}},
	})
	files["manifest.json"] = jsonOf(t, []any{map[string]any{"Config": "config.json", "Layers": names}})
	name := filepath.Join(t.TempDir(), "image.tar")
	if err := os.WriteFile(name, tarOf(t, files), 0o644); err != nil {
		t.Fatal(err)
	}
	r, err := inspect.Image(t.Context(), name, inspect.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func tarOf(t *testing.T, files map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for name, content := range files {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content)), Typeflag: tar.TypeReg}); err != nil {
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

func jsonOf(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestTreemap holds that every rectangle is as large as those in it, that all
// bytes are there, and that names can't act.
func TestTreemap(t *testing.T) {
	r := sample(t)
	page := string(Treemap(r))
	data := regexp.MustCompile(`(?s)<script type="application/json" id="data">(.*?)</script>`).FindStringSubmatch(page)
	if data == nil {
		t.Fatalf("no data in\n%s", page)
	}
	var root box
	if err := json.Unmarshal([]byte(data[1]), &root); err != nil {
		t.Fatal(err)
	}
	var lines strings.Builder
	write(t, &lines, "", &root)
	want := `all layers 15501
all layers/final tree 6501
all layers/final tree/app 6000
all layers/final tree/app/big 5000
all layers/final tree/app/lib 1000
all layers/final tree/app/lib/two 1000
all layers/final tree/etc 501
all layers/final tree/etc/< 500
all layers/final tree/etc/</script><img src=x onerror=alert(1)>��[31m 500
all layers/final tree/etc/(1 smaller) 1
all layers/wasted 9000
all layers/wasted/deleted 3000
all layers/wasted/deleted//app/lib/one 3000 deleted by layer 2
all layers/wasted/shadowed 6000
all layers/wasted/shadowed//app/big 6000 shadowed by layer 2
`
	if lines.String() != want {
		t.Errorf("boxes\n%swant\n%s", &lines, want)
	}
	for _, never := range []string{"<img", "RUN </script>", "http://", "https://", "\x1b", "\u202e"} {
		if strings.Contains(page, never) {
			t.Errorf("%q is in the page", never)
		}
	}
	if n := strings.Count(page, "<script"); n != 3 {
		t.Errorf("%d scripts, want 3", n)
	}
}

func write(t *testing.T, lines *strings.Builder, prefix string, b *box) {
	t.Helper()
	fmt.Fprintln(lines, strings.TrimSpace(fmt.Sprintf("%s%s %d %s", prefix, b.Name, b.Size, b.Note)))
	var sum int64
	for _, inner := range b.Boxes {
		write(t, lines, prefix+b.Name+"/", inner)
		sum += inner.Size
	}
	if len(b.Boxes) > 0 && sum != b.Size {
		t.Errorf("%s%s has %d bytes, what is in it %d", prefix, b.Name, b.Size, sum)
	}
}
