package inspect

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
)

// rpmDatabase was made by rpm 4.18: eight packages that rpmbuild built, the
// third with a header that needs overflow pages.
func rpmDatabase(t testing.TB) []byte {
	t.Helper()
	packed, err := os.ReadFile("testdata/rpmdb.sqlite.gz")
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	file, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// TestRPM reads what rpm -qa --qf '%{NAME} %{EPOCH}:%{VERSION}-%{RELEASE} %{SIZE}' says of the database.
func TestRPM(t *testing.T) {
	var r record
	rpmPackages(&r, "var/lib/rpm/rpmdb.sqlite", rpmDatabase(t))
	got := map[string]string{}
	for _, p := range r.packages {
		got[p.Name] = fmt.Sprintf("%s %d %s %v", p.Version, p.Bytes, p.Ecosystem, p.Declared)
	}
	want := map[string]string{
		"sample-1": "1.1-1 1000 rpm true", "sample-2": "1:1.2-2 2000 rpm true", "sample-3": "2:1.3-3 900000 rpm true", "sample-4": "3:1.4-4 4000 rpm true",
		"sample-5": "4:1.5-5 5000 rpm true", "sample-6": "5:1.6-6 6000 rpm true", "sample-7": "6:1.7-7 7000 rpm true", "sample-8": "7:1.8-8 8000 rpm true",
	}
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("%s: %q, want %q", name, got[name], want[name])
		}
	}
	if len(r.packages) != len(want) {
		t.Errorf("%d packages, want %d", len(r.packages), len(want))
	}
}

// TestRPMInAnImage finds the database where Fedora has it, and drops what a later layer deletes.
func TestRPMInAnImage(t *testing.T) {
	const name = "usr/lib/sysimage/rpm/rpmdb.sqlite"
	link := layerText(t, "d usr/lib/sysimage/rpm\nd var/lib\nl var/lib/rpm ../../usr/lib/sysimage/rpm")
	database := tarWith(t, name, strings.NewReader(string(rpmDatabase(t))))
	r, err := Image(t.Context(), archiveOf(t, nil, link, database), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Packages) != 8 || r.Packages[0].Name != "sample-3" || r.Packages[0].Source != name {
		t.Errorf("packages %+v", r.Packages)
	}
	if r, err = Image(t.Context(), archiveOf(t, nil, link, database, layerText(t, "w var/lib/rpm/rpmdb.sqlite")), Options{}); err != nil || len(r.Packages) != 0 {
		t.Errorf("deleted, and still there: %+v, %v", r.Packages, err)
	}
}

// FuzzRPM reads any database.
func FuzzRPM(f *testing.F) {
	whole := rpmDatabase(f)
	f.Add(whole)
	f.Add(whole[:5000])
	f.Add(append(bytes.Clone(whole[:8192]), make([]byte, 4096)...))
	f.Fuzz(func(t *testing.T, file []byte) {
		var r record
		rpmPackages(&r, "rpmdb.sqlite", file)
		for _, p := range r.packages {
			if p.Name == "" || p.Bytes < 0 {
				t.Errorf("package %+v", p)
			}
		}
	})
}

func tarWith(t testing.TB, name string, content *strings.Reader) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(fileHeader(name, int64(content.Len()))); err != nil {
		t.Fatal(err)
	}
	if _, err := content.WriteTo(w); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
