package wheel

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/csv"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

// pack makes the tar of a Debian package out of its dist-packages.
func pack(t *testing.T, files map[string]string) io.Reader {
	t.Helper()
	var b bytes.Buffer
	out := tar.NewWriter(&b)
	for name, text := range files {
		if err := out.WriteHeader(&tar.Header{Name: "./" + sitePackages + name, Mode: 0o644, Size: int64(len(text))}); err != nil {
			t.Fatal(err)
		}
		if _, err := out.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	return &b
}

func distribution(t *testing.T, pkg, depends string, files map[string]string) *Distribution {
	t.Helper()
	d, err := ReadDistribution(pkg, depends, "", pack(t, files))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func egg(name, version, requires string) map[string]string {
	info := name + "-" + version + ".egg-info/"
	return map[string]string{
		name + "/__init__.py":  "",
		info + "PKG-INFO":      fmt.Sprintf("Metadata-Version: 1.2\nName: %s\nVersion: %s\nSummary: two\n        lines\n\nText.\n", name, version),
		info + "requires.txt":  requires,
		info + "top_level.txt": name,
	}
}

func contents(t *testing.T, d *Distribution) map[string]string {
	t.Helper()
	var b bytes.Buffer
	if err := d.WriteWheel(&b, time.Unix(1_600_000_000, 0)); err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[f.Name] = string(text)
	}
	return files
}

func TestRequirementsOfWheels(t *testing.T) {
	server := egg("server", "0.17.6", "\n[fast]\nturbo\n")
	server["server-0.17.6.egg-info/entry_points.txt"] = "\n    [console_scripts]\n    server=server:main\n"
	web := map[string]string{
		"web/__init__.py":               "",
		"web-0.92.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: web\nVersion: 0.92.0\nRequires-Dist: Toolkit<0.26,>=0.25\nProvides-Extra: all\nRequires-Dist: missing; extra == 'all'\nRequires-Dist: server>=0.1; extra == 'all'\n\n",
		"web-0.92.0.dist-info/RECORD":   "stale",
	}
	dists := []*Distribution{
		distribution(t, "python3-web", "python3-toolkit (>= 0.25.1-2), python3-server", web),
		distribution(t, "python3-toolkit", "python3:any", egg("toolkit", "0.26.1+repack", "colors; platform_system == 'Windows'\n")),
		distribution(t, "python3-server", "python3-toolkit (>= 0.20), python3-pkg-resources, libc6 (>= 2)", server),
	}
	if err := Resolve(dists, map[string]string{"setuptools": "65.5.0"}); err != nil {
		t.Fatal(err)
	}
	want := []struct{ file, lines string }{
		// Debian's toolkit is newer than web's own bound: Debian's bound holds.
		{"web-0.92.0.dist-info/METADATA", "Provides-Extra: all\nRequires-Dist: Toolkit>=0.25.1\nRequires-Dist: server>=0.1; extra == 'all'\n\n"},
		// The local part of a version is Debian's, pins do not have it.
		{"toolkit-0.26.1.dist-info/METADATA", "Version: 0.26.1\nSummary: two\n        lines\n\nText.\n"},
		// What Debian moved out of requires.txt comes back; extras that can't be had go.
		{"server-0.17.6.dist-info/METADATA", "Provides-Extra: fast\nRequires-Dist: setuptools\nRequires-Dist: toolkit>=0.20\n\n"},
	}
	for i, w := range want {
		files := contents(t, dists[i])
		if !strings.Contains(files[w.file], w.lines) {
			t.Errorf("%s is\n%s\nwant in it\n%s", w.file, files[w.file], w.lines)
		}
	}
	if got := contents(t, dists[2])["server-0.17.6.dist-info/entry_points.txt"]; !strings.Contains(got, "\n[console_scripts]\nserver=server:main\n") {
		t.Errorf("entry points: %q", got)
	}
}

func TestMissingRequirementIsAnError(t *testing.T) {
	for name, d := range map[string]*Distribution{
		"in metadata": distribution(t, "python3-a", "python3-nowhere", map[string]string{"a-1.dist-info/METADATA": "Name: a\nVersion: 1\nRequires-Dist: nowhere\n\n"}),
		"in Depends":  distribution(t, "python3-b", "python3-nowhere", egg("b", "1", "")),
	} {
		if err := Resolve([]*Distribution{d}, nil); err == nil || !strings.Contains(err.Error(), "nowhere") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	fine := distribution(t, "python3-c", "python3-nowhere | python3 (>> 3.10)", egg("c", "1", ""))
	// Debian's package does without what the metadata still names.
	without := distribution(t, "python3-d", "python3", map[string]string{"d-1.dist-info/METADATA": "Name: d\nVersion: 1\nRequires-Dist: nowhere\n\n"})
	if err := Resolve([]*Distribution{fine, without}, nil); err != nil {
		t.Error(err)
	}
	if got := contents(t, without)["d-1.dist-info/METADATA"]; strings.Contains(got, "nowhere") {
		t.Errorf("metadata:\n%s", got)
	}
}

func TestPartsAndJoinedPackages(t *testing.T) {
	files := map[string]string{
		"tool/__init__.py": "", "tool-1.dist-info/METADATA": "Name: tool\nVersion: 1\n\n",
		"tool_core/__init__.py": "", "tool_core-2.dist-info/METADATA": "Name: tool_core\nVersion: 2\n\n",
	}
	d, err := ReadDistribution("tool", "tool-backend", "tool_core", pack(t, files))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Join("tool-backend", pack(t, map[string]string{"_backend.py": "old"})); err != nil {
		t.Fatal(err)
	}
	if err := d.Replace("_backend.py", "old", "new"); err != nil {
		t.Error(err)
	}
	if err := d.Replace("_backend.py", "old", "new"); err == nil {
		t.Error("replaced what is not there")
	}
	d.Add("tool_core/data", []byte("x"))
	got := contents(t, d)
	if d.Filename() != "tool_core-2-py3-none-any.whl" || got["_backend.py"] != "new" || got["tool_core/data"] != "x" {
		t.Errorf("%s: %v", d.Filename(), got)
	}
	if _, other := got["tool/__init__.py"]; other || len(got) != 6 {
		t.Errorf("%d files, of both distributions: %v", len(got), got)
	}
}

func TestRecordListsEveryFile(t *testing.T) {
	d := distribution(t, "python3-a", "", egg("Some.Thing", "1.0", ""))
	if got, want := d.Filename(), "some_thing-1.0-py3-none-any.whl"; got != want {
		t.Errorf("file name %s, want %s", got, want)
	}
	files := contents(t, d)
	rows, err := csv.NewReader(strings.NewReader(files["some_thing-1.0.dist-info/RECORD"])).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != len(files) {
		t.Errorf("%d records for %d files", len(rows), len(files))
	}
	for _, row := range rows {
		text, ok := files[row[0]]
		if !ok {
			t.Errorf("a record of %s, which is not there", row[0])
		}
		if strings.HasSuffix(row[0], "/RECORD") {
			if row[1] != "" || row[2] != "" {
				t.Errorf("the record of itself is %q", row)
			}
			continue
		}
		sum := sha256.Sum256([]byte(text))
		if want := "sha256=" + base64.RawURLEncoding.EncodeToString(sum[:]); row[1] != want || row[2] != fmt.Sprint(len(text)) {
			t.Errorf("%s is recorded as %q", row[0], row)
		}
	}
}

func TestExtensionsDecideTheTag(t *testing.T) {
	files := egg("fast", "1", "")
	files["fast/_c.cpython-311-x86_64-linux-gnu.so"] = "not read here"
	d := distribution(t, "python3-fast", "", files)
	if got, want := d.Filename(), "fast-1-cp311-cp311-manylinux_2_36_x86_64.whl"; got != want {
		t.Errorf("file name %s, want %s", got, want)
	}
	if got := contents(t, d)["fast-1.dist-info/WHEEL"]; !strings.Contains(got, "Root-Is-Purelib: false\nTag: cp311-cp311-manylinux_2_36_x86_64\n") {
		t.Errorf("WHEEL is %q", got)
	}
	if err := d.CheckLinks(true); err == nil {
		t.Error("what is no library was taken for one")
	}
}

func TestPackageWithoutMetadata(t *testing.T) {
	if _, err := ReadDistribution("python3-x", "", "", pack(t, map[string]string{"x.py": ""})); err == nil {
		t.Error("no error")
	}
}
