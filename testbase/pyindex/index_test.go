package pyindex

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll/plimsoll/testbase/sdist"
)

func testIndex(t *testing.T) *Index {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "files")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"typing_extensions-4.4.0-py3-none-any.whl", "some-thing-1.0.tar.gz"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "../secret"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	index, err := scan(dir)
	if err != nil {
		t.Fatal(err)
	}
	return index
}

func TestServing(t *testing.T) {
	const sum = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881" // of "x"
	tests := []struct {
		path   string
		status int
		holds  string
	}{
		{"/simple/", 200, `<a href="/simple/some-thing/">some-thing</a>`},
		{"/simple/typing-extensions/", 200, `<a href="/files/typing_extensions-4.4.0-py3-none-any.whl#sha256=` + sum + `">`},
		{"/simple/some-thing/", 200, "some-thing-1.0.tar.gz"},
		{"/simple/Typing.Extensions/", 301, "/simple/typing-extensions/"},
		{"/simple/typing-extensions", 301, "/simple/typing-extensions/"},
		{"/simple/other/", 404, ""},
		{"/files/some-thing-1.0.tar.gz", 200, "x"},
		{"/files/some-thing-2.0.tar.gz", 404, ""},
		{"/files/..%2fsecret", 404, ""},
		{"/elsewhere", 404, ""},
	}
	index := testIndex(t)
	for _, test := range tests {
		answer := httptest.NewRecorder()
		index.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, test.path, nil))
		if answer.Code != test.status || !strings.Contains(answer.Body.String(), test.holds) {
			t.Errorf("%s: %d %s", test.path, answer.Code, answer.Body)
		}
	}
	answer := httptest.NewRecorder()
	index.ServeHTTP(answer, httptest.NewRequest(http.MethodPost, "/simple/", nil))
	if answer.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", answer.Code)
	}
}

func TestOurSourcePackageIsNamedAsItsMetadataSays(t *testing.T) {
	project, ok := projectOf(sdist.Filename)
	info, err := sdist.Sources.ReadFile("plimsoll-checksum/PKG-INFO")
	if err != nil {
		t.Fatal(err)
	}
	if !ok || !strings.Contains(string(info), "\nName: "+project+"\nVersion: 1.0.0\n") {
		t.Errorf("%s is of project %q, its metadata is\n%s", sdist.Filename, project, info)
	}
	var b strings.Builder
	if err := sdist.Write(&b, time.Unix(0, 0)); err != nil || b.Len() == 0 {
		t.Errorf("packing: %d bytes, %v", b.Len(), err)
	}
}
