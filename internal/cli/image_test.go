package cli

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"

	"github.com/plimsoll/plimsoll/internal/image"
	"github.com/rogpeppe/go-internal/testscript"
)

// writeImage writes a docker-archive: a deleted file, a mode changed alone and
// a credential that a later layer hides. "small" has one file less, and a user.
func writeImage(ts *testscript.TestScript, neg bool, args []string) {
	small := len(args) == 2 && args[1] == "small"
	token := "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a" // in two parts: scanners search this file too
	layers := [][]*tar.Header{{
		{Name: "data/big", Size: 3000, Mode: 0o644},
		{Name: "app/config.txt", Size: int64(len(token) + 7), Mode: 0o600},
		{Name: "app/run", Size: 300, Mode: 0o644},
		{Name: "app/extra", Size: 2000, Mode: 0o644},
	}, {{Name: "data/.wh.big"}}, {{Name: "app/run", Size: 300, Mode: 0o755}, {Name: "app/.wh.config.txt"}}}
	config := map[string]any{"os": "linux", "architecture": "amd64", "history": []any{
		map[string]any{"created_by": "COPY . /"}, map[string]any{"created_by": "RUN rm /data/big"}, map[string]any{"created_by": "RUN chmod +x /app/run"},
	}}
	if small {
		layers[0] = layers[0][:3]
		config["config"] = map[string]any{"User": "app"}
	}
	files, names := map[string][]byte{}, []string{"0", "1", "2"}
	var diffs []string
	for i, headers := range layers {
		files[names[i]] = tarOf(ts, headers, func(name string) []byte {
			return map[string][]byte{"app/config.txt": []byte("first\n" + token + "\n")}[name]
		})
		sum := sha256.Sum256(files[names[i]])
		diffs = append(diffs, "sha256:"+hex.EncodeToString(sum[:]))
	}
	config["rootfs"] = map[string]any{"diff_ids": diffs}
	var err error
	files["config.json"], err = json.Marshal(config)
	ts.Check(err)
	files["manifest.json"], err = json.Marshal([]any{map[string]any{"Config": "config.json", "Layers": names}})
	ts.Check(err)
	var all []*tar.Header
	for name, content := range files {
		all = append(all, &tar.Header{Name: name, Size: int64(len(content)), Mode: 0o644})
	}
	archive := tarOf(ts, all, func(name string) []byte { return files[name] })
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), archive, 0o600))
}

// serveImage serves an archive's image at REGISTRY, under a repository and a tag; its digest is DIGEST.
func serveImage(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: registry ARCHIVE REPOSITORY TAG")
	}
	registry, err := image.StartRegistry(ts.MkAbs("registry"))
	ts.Check(err)
	ts.Defer(func() { _ = registry.Close() }) // once more, if the script did
	_, err = registry.Load(context.Background(), ts.MkAbs(args[0]), args[1], args[2])
	ts.Check(err)
	family, err := image.Lookup(context.Background(), registry.Addr()+"/"+args[1]+":"+args[2], image.Options{})
	ts.Check(err)
	asked, _ := family.Asked()
	ts.Setenv("REGISTRY", registry.Addr())
	ts.Setenv("DIGEST", asked.Digest)
	ts.Value(served{}).(*served).registry = registry
}

// served is the registry of a script.
type served struct{ registry *image.Registry }

func stopRegistry(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Check(ts.Value(served{}).(*served).registry.Close())
}

func tarOf(ts *testscript.TestScript, headers []*tar.Header, content func(string) []byte) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range headers {
		text := content(h.Name)
		if text == nil {
			text = []byte(strings.Repeat("x", int(h.Size)))
		}
		h.Size, h.Typeflag = int64(len(text)), tar.TypeReg
		ts.Check(w.WriteHeader(h))
		_, err := w.Write(text)
		ts.Check(err)
	}
	ts.Check(w.Close())
	return b.Bytes()
}
