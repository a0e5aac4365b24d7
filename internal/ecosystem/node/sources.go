package node

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/ecosystem/container"
)

// source is one file of the application.
type source struct {
	d     *detection
	file  string // in the context
	image string // absolute in the image; "" when it is not copied there
	toks  []token
	names map[string]int // where the value of a name that is given once begins; -1 when it is given again
	// modules are those whose default export a name stands for.
	modules map[string]string
}

func (s *source) at(line int, note string) ecosystem.Source {
	return ecosystem.Source{File: s.file, Line: line, Note: note}
}

// typed reports whether the file is compiled before it runs, so that it runs from elsewhere.
func (s *source) typed() bool {
	return slices.Contains([]string{".ts", ".tsx", ".mts", ".cts"}, path.Ext(s.file))
}

// Bounds of what is read of a project.
const (
	maxSources = 2000
	maxTotal   = 24 << 20 // bytes
)

var extensions = []string{".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".jsx", ".tsx"}

// components are files that hold script among other things.
var components = []string{".astro", ".vue", ".svelte"}

// skipped are folders that hold no source of the running application.
var skipped = []string{"node_modules", ".git", "test", "tests", "__tests__", "__mocks__", "spec", "e2e", "cypress", ".storybook", "coverage", "bower_components", ".yarn"}

// forTests are what stands before the extension of files that only tests and catalogues of components load.
var forTests = []string{".test", ".spec", ".e2e-spec", ".e2e", ".cy", ".stories"}

// tools are those that have settings in a file of their name (vite.config.ts), which the running application does not
// load; next start does, and needsDev asks it about its own.
var tools = []string{
	"astro", "ava", "babel", "commitlint", "craco", "cypress", "cz", "docusaurus", "drizzle", "esbuild", "eslint", "gruntfile", "gulpfile", "jest", "karma", "lint-staged",
	"metro", "next", "nuxt", "orval", "playwright", "postcss", "prettier", "prisma", "react-router", "release", "remix", "rollup", "rsbuild", "rspack", "stylelint",
	"svelte", "tailwind", "tsdown", "tsup", "unocss", "uno", "vite", "vitest", "vue", "webpack", "windi",
}

// load reads the files of the context that are code, those that the final stage has or, when it
// has none as they are, all of them.
func (d *detection) load() {
	if d.in.Context == nil {
		return
	}
	total := 0
	// What can't be walked is left out: the facts then rest on what was read.
	_ = fs.WalkDir(d.in.Context, ".", func(file string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil
		case e.IsDir() && file != "." && slices.Contains(skipped, e.Name()):
			return fs.SkipDir
		case !e.Type().IsRegular() || !d.isSource(file):
			return nil
		case len(d.src) >= maxSources || total > maxTotal:
			d.note("scan", "there is more source than is read", ecosystem.Source{})
			return fs.SkipAll
		}
		if text, ok := d.sourceText(file); ok {
			total += len(text)
			s := &source{d: d, file: file, image: d.files.InImage(file), toks: tokens(text)}
			s.declare()
			d.src = append(d.src, s)
		}
		return nil
	})
	if copied := slices.DeleteFunc(slices.Clone(d.src), func(s *source) bool { return s.image == "" }); len(copied) > 0 {
		d.src = copied
	}
}

func (d *detection) isSource(file string) bool {
	ext := path.Ext(file)
	stem := strings.TrimSuffix(path.Base(file), ext)
	switch {
	case slices.Contains(forTests, path.Ext(stem)) || strings.HasSuffix(file, ".d.ts") || strings.HasSuffix(file, ".min.js"):
		return false
	case path.Ext(stem) == ".config" && d.topOfPackage(file):
		return !slices.Contains(tools, strings.TrimSuffix(stem, ".config"))
	}
	return ext == "" || slices.Contains(extensions, ext) || slices.Contains(components, ext)
}

// topOfPackage reports whether a file lies beside a package.json, or at the top of the context.
func (d *detection) topOfPackage(file string) bool {
	dir := path.Dir(file)
	return dir == "." || exists(d.in.Context, path.Join(dir, "package.json"))
}

// sourceText is the text of a file of code. One without an extension is code when node is named on its first line (bin/www).
func (d *detection) sourceText(file string) (string, bool) {
	text, ok := readSmall(d.in.Context, file)
	if ok && slices.Contains(components, path.Ext(file)) {
		return scriptsIn(text), true
	}
	if !ok || path.Ext(file) != "" {
		return text, ok
	}
	first, _, _ := strings.Cut(text, "\n")
	return text, strings.HasPrefix(first, "#!") && strings.Contains(first, "node")
}

// scriptsIn are the parts of a component that are script, on the lines where they stand: what is fenced at its top, as
// Astro has it, and what is between <script> and </script>.
func scriptsIn(text string) string {
	var b strings.Builder
	blank := func(s string) { b.WriteString(strings.Repeat("\n", strings.Count(s, "\n"))) }
	if strings.HasPrefix(strings.TrimSpace(text), "---") {
		before, rest, _ := strings.Cut(text, "---")
		script, below, _ := strings.Cut(rest, "\n---")
		blank(before)
		b.WriteString(script + "\n")
		text = below
	}
	for {
		before, rest, found := strings.Cut(text, "<script")
		blank(before)
		tag, rest, opens := strings.Cut(rest, ">")
		if !found || !opens {
			return b.String()
		}
		blank(tag)
		script, below, _ := strings.Cut(rest, "</script>")
		b.WriteString(script + ";")
		text = below
	}
}

// findEntry finds the file that the command starts, and puts it first.
func (d *detection) findEntry() {
	argv := d.facts.Start.Value
	if len(argv) == 0 {
		argv = d.start.Likely
	}
	if len(argv) == 0 {
		return
	}
	if argv = withoutInit(argv); len(argv) < 2 || path.Base(argv[0]) != "node" {
		return
	}
	for _, a := range argv[1:] {
		if strings.HasPrefix(a, "-") {
			continue
		}
		want := container.Absolute(d.startDir(), a)
		for i, s := range d.src {
			if image := s.image; image == want || image == want+".js" || image == want+"/index.js" {
				d.entry = s
				d.src = slices.Insert(slices.Delete(d.src, i, i+1), 0, s)
				return
			}
		}
		return
	}
}

// imported is one module that a file loads.
type imported struct {
	path string
	line int
}

// imports are the modules that a file loads: require, import and export … from, with a literal name.
func (s *source) imports() (list []imported) {
	for i, t := range s.toks {
		if t.kind != text || i == 0 {
			continue
		}
		before := s.toks[i-1]
		switch {
		case before.is("from") && s.ofType(i-1):
			continue // only the compiler reads it
		case before.is("from") || before.is("import"):
		case before.is("(") && i > 1 && (s.toks[i-2].is("require") || s.toks[i-2].is("import")):
		case before.is("(") && i > 3 && s.toks[i-2].is("resolve") && s.toks[i-4].is("require"):
		default:
			continue
		}
		list = append(list, imported{t.text, t.line})
	}
	return list
}

// ofType reports whether the "from" at a place ends import type … or export type ….
func (s *source) ofType(from int) bool {
	at := from - 1
	for at > 0 && from-at < 200 && !s.toks[at].is("import") && !s.toks[at].is("export") {
		at--
	}
	return s.tok(at+1).is("type") && at+2 < from && !s.tok(at+2).is(",")
}

// packageOf is the package that a module's name belongs to; "" for files and for Node.js's own modules.
func packageOf(module string) string {
	if module == "" || strings.HasPrefix(module, ".") || strings.HasPrefix(module, "/") || strings.HasPrefix(module, "node:") || strings.HasPrefix(module, "#") {
		return ""
	}
	first, rest, _ := strings.Cut(module, "/")
	if strings.HasPrefix(first, "@") {
		second, _, _ := strings.Cut(rest, "/")
		first += "/" + second
	}
	return first
}

func (d *detection) envReads() (list []ecosystem.Fact[string]) {
	seen := map[string]bool{}
	for _, s := range d.src {
		for i := range s.toks {
			name, line := s.envRead(i)
			if name != "" && !seen[name] && len(list) < 500 {
				seen[name] = true
				list = append(list, ecosystem.Fact[string]{Value: name, Source: s.at(line, "reads it")})
			}
		}
		s.destructured(func(t token) {
			if !seen[t.text] && len(list) < 500 {
				seen[t.text] = true
				list = append(list, ecosystem.Fact[string]{Value: t.text, Source: s.at(t.line, "reads it")})
			}
		})
	}
	return list
}

// envRead reads process.env.NAME or process.env["NAME"] at a place.
func (s *source) envRead(i int) (string, int) {
	if !s.seq(i, "process", ".", "env") || i > 0 && s.toks[i-1].is(".") {
		return "", 0
	}
	switch next := s.tok(i + 3); {
	case next.is(".") && s.tok(i+4).kind == name:
		return s.tok(i + 4).text, next.line
	case next.is("[") && s.tok(i+4).kind == text:
		return s.tok(i + 4).text, next.line
	}
	return "", 0
}

// destructured gives the names of const { A, B } = process.env.
func (s *source) destructured(yield func(token)) {
	for i := range s.toks {
		if !s.seq(i, "}", "=", "process") || !s.seq(i+2, "process", ".", "env") || s.tok(i+5).is(".") {
			continue
		}
		for j := i - 1; j >= 0 && i-j < 200 && !s.toks[j].is("{"); j-- {
			if before := s.tok(j - 1); s.toks[j].kind == name && (before.is(",") || before.is("{")) {
				yield(s.toks[j])
			}
		}
	}
}

// tok is the token at a place; the zero token outside.
func (s *source) tok(i int) token {
	if i < 0 || i >= len(s.toks) {
		return token{}
	}
	return s.toks[i]
}

// seq reports whether the tokens at a place are these.
func (s *source) seq(i int, want ...string) bool {
	for n, w := range want {
		if !s.tok(i + n).is(w) {
			return false
		}
	}
	return true
}
