package inspect

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"encoding/json"
	"path"
	"slices"
	"strconv"
	"strings"
)

// paragraphs reads "Key: value" blocks that blank lines part, as dpkg and apk
// have them. Continued lines are left out.
func paragraphs(text []byte, done func(fields map[string]string)) {
	fields := map[string]string{}
	flush := func() {
		if len(fields) > 0 {
			done(fields)
			clear(fields)
		}
	}
	for line := range bytes.Lines(text) {
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			flush()
			continue
		}
		key, value, ok := strings.Cut(string(line), ":")
		if ok && !strings.ContainsAny(key, " \t") {
			if _, twice := fields[key]; !twice {
				fields[key] = strings.TrimSpace(value)
			}
		}
	}
	flush()
}

// dpkgPackages reads dpkg's status. Installed-Size is in KiB (deb-control(5)).
func dpkgPackages(r *record, name string, text []byte) {
	paragraphs(text, func(f map[string]string) {
		if f["Package"] == "" || f["Status"] != "" && !strings.HasSuffix(f["Status"], " installed") {
			return
		}
		kib, _ := strconv.ParseInt(f["Installed-Size"], 10, 64)
		r.addPackage(Package{
			Ecosystem: "deb", Name: f["Package"], Version: f["Version"], Bytes: clamp(kib) * 1024, Declared: true, Source: name,
		})
	})
}

// apkPackages reads apk's database: P name, V version, I installed size in bytes.
func apkPackages(r *record, name string, text []byte) {
	paragraphs(text, func(f map[string]string) {
		if f["P"] == "" {
			return
		}
		size, _ := strconv.ParseInt(f["I"], 10, 64)
		r.addPackage(Package{Ecosystem: "apk", Name: f["P"], Version: f["V"], Bytes: clamp(size), Declared: true, Source: name})
	})
}

// clamp keeps what a package says of its size to what can be added up.
func clamp(n int64) int64 { return min(max(n, 0), 1<<40) }

// pythonPackage reads a distribution's METADATA for its name, and its RECORD
// for the sizes of its files ("Recording installed projects", packaging.python.org).
// The two are brought together later: either may come first, or alone.
func pythonPackage(r *record, name string, text []byte) {
	if path.Base(name) == "RECORD" {
		r.addPackage(Package{Ecosystem: "python", Bytes: recordedBytes(text), Declared: true, Source: path.Dir(name)})
		return
	}
	head, _, _ := bytes.Cut(text, []byte("\n\n"))
	paragraphs(head, func(f map[string]string) {
		r.addPackage(Package{Ecosystem: "python", Name: f["Name"], Version: f["Version"], Source: path.Dir(name)})
	})
}

func recordedBytes(text []byte) (sum int64) {
	lines := csv.NewReader(bytes.NewReader(text))
	lines.FieldsPerRecord, lines.ReuseRecord = -1, true
	for {
		fields, err := lines.Read()
		if err != nil {
			return sum
		}
		if len(fields) >= 3 {
			n, _ := strconv.ParseInt(fields[2], 10, 64)
			sum += clamp(n)
		}
	}
}

func npmPackage(r *record, name string, text []byte) {
	dir := path.Dir(name)
	parent := path.Dir(dir)
	if path.Base(parent) != "node_modules" && (path.Base(path.Dir(parent)) != "node_modules" || !strings.HasPrefix(path.Base(parent), "@")) {
		return // a package.json somewhere inside of a package
	}
	var p struct {
		Name    string `json:"name"`
		Version string `json:"version"`
	}
	if json.Unmarshal(text, &p) == nil && p.Name != "" {
		r.addPackage(Package{Ecosystem: "npm", Name: p.Name, Version: p.Version, Source: name})
	}
}

// installed are the packages of the final tree: those whose file there is the
// one of the layer that they were read from.
func (t *tree) installed(records []record) []Package {
	merged := map[string]Package{} // Python distributions by folder
	var out []Package
	for i, r := range records {
		for _, p := range r.packages {
			source := p.Source
			if p.Ecosystem == "python" {
				source += "/RECORD"
				if p.Name != "" {
					source = p.Source + "/METADATA"
				}
			}
			if n := t.find(path.Dir(source)); n == nil || n.children[path.Base(source)] == nil || n.children[path.Base(source)].layer != int32(i) {
				continue
			}
			if p.Ecosystem != "python" {
				out = append(out, t.measured(p))
				continue
			}
			m := merged[p.Source]
			m.Ecosystem, m.Source = p.Ecosystem, p.Source
			m.Name, m.Version = cmp.Or(p.Name, m.Name), cmp.Or(p.Version, m.Version)
			m.Bytes, m.Declared = max(p.Bytes, m.Bytes), p.Declared || m.Declared
			merged[p.Source] = m
		}
	}
	for _, p := range merged {
		if p.Name != "" {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b Package) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Ecosystem, b.Ecosystem), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Source, b.Source))
	})
	return out
}

// measured fills in the size of a package that is a folder of the tree,
// without the packages that it holds itself.
func (t *tree) measured(p Package) Package {
	if p.Ecosystem != "npm" {
		return p
	}
	var sum func(n *node) int64
	sum = func(n *node) (bytes int64) {
		for name, child := range n.children {
			switch {
			case child.inode != nil:
				bytes += child.inode.size
			case child.kind == directory && name != "node_modules":
				bytes += sum(child)
			}
		}
		return bytes
	}
	if dir := t.find(path.Dir(p.Source)); dir != nil {
		p.Bytes = sum(dir)
	}
	return p
}
