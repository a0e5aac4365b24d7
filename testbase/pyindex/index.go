package pyindex

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/testbase/wheel"
)

// Index lists the files of every project, by normalised name.
type Index struct {
	Projects map[string][]File `json:"projects"`
	dir      string
}

// File is one wheel or source archive.
type File struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
}

func load(dir string) (*Index, error) {
	text, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		return nil, fmt.Errorf("reading the package index: %w", err)
	}
	index := &Index{dir: filepath.Join(dir, "files")}
	if err := json.Unmarshal(text, index); err != nil {
		return nil, fmt.Errorf("reading the package index: %w", err)
	}
	return index, nil
}

// scan lists the files of a folder by the project that their names tell.
func scan(dir string) (*Index, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	index := &Index{Projects: map[string][]File{}, dir: dir}
	for _, entry := range entries {
		project, ok := projectOf(entry.Name())
		if !ok {
			return nil, fmt.Errorf("%s is neither a wheel nor a source archive", entry.Name())
		}
		sum, err := hashFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			return nil, err
		}
		index.Projects[project] = append(index.Projects[project], File{entry.Name(), sum})
	}
	return index, nil
}

// projectOf reads the project out of "name-1.0-py3-none-any.whl" or "some-name-1.0.tar.gz".
func projectOf(file string) (string, bool) {
	if stem, ok := strings.CutSuffix(file, ".whl"); ok {
		name, _, ok := strings.Cut(stem, "-")
		return wheel.Normalize(name), ok
	}
	stem, ok := strings.CutSuffix(file, ".tar.gz")
	i := strings.LastIndex(stem, "-")
	if !ok || i < 1 {
		return "", false
	}
	return wheel.Normalize(stem[:i]), true
}

func hashFile(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", fmt.Errorf("hashing %s: %w", name, err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

var page = template.Must(template.New("page").Parse(`<!DOCTYPE html>
<html><head><meta name="pypi:repository-version" content="1.0"><title>{{.Title}}</title></head>
<body>
{{range .Links}}<a href="{{.Href}}">{{.Text}}</a><br>
{{end}}</body></html>
`))

type link struct{ Href, Text string }

// ServeHTTP answers under /simple/ and /files/.
func (x *Index) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.Error(w, "the index is read-only", http.StatusMethodNotAllowed)
		return
	}
	if name, ok := strings.CutPrefix(r.URL.Path, "/files/"); ok {
		x.serveFile(w, r, name)
		return
	}
	rest, ok := strings.CutPrefix(r.URL.Path, "/simple/")
	project := strings.TrimSuffix(rest, "/")
	switch {
	case !ok:
		http.NotFound(w, r)
	case rest == "":
		x.render(w, "Simple index", x.projectLinks())
	case len(x.Projects[wheel.Normalize(project)]) == 0:
		http.NotFound(w, r)
	case project != wheel.Normalize(project) || !strings.HasSuffix(rest, "/"):
		http.Redirect(w, r, "/simple/"+wheel.Normalize(project)+"/", http.StatusMovedPermanently)
	default:
		x.render(w, "Links for "+project, fileLinks(x.Projects[project]))
	}
}

func (x *Index) serveFile(w http.ResponseWriter, r *http.Request, name string) {
	project, _ := projectOf(name)
	if !slices.ContainsFunc(x.Projects[project], func(f File) bool { return f.Name == name }) {
		http.NotFound(w, r)
		return
	}
	http.ServeFile(w, r, filepath.Join(x.dir, name))
}

func (x *Index) projectLinks() (links []link) {
	for name := range x.Projects {
		links = append(links, link{"/simple/" + name + "/", name})
	}
	slices.SortFunc(links, func(a, b link) int { return strings.Compare(a.Text, b.Text) })
	return links
}

func fileLinks(files []File) (links []link) {
	for _, f := range files {
		links = append(links, link{"/files/" + f.Name + "#sha256=" + f.SHA256, f.Name})
	}
	return links
}

func (x *Index) render(w http.ResponseWriter, title string, links []link) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	// The status is sent already: a client that went away is all that can fail.
	_ = page.Execute(w, struct {
		Title string
		Links []link
	}{title, links})
}
