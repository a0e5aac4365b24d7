// Package requirements reads pip's requirements files: PEP 508 requirements,
// direct references, local paths, version control addresses and the options
// that pip knows in such files.
//
// A line that can't be read is reported and the rest is still parsed.
package requirements

import (
	"fmt"
	"path"
	"strings"
)

// Kind says what a line asks for.
type Kind int

// The kinds of lines.
const (
	Package    Kind = iota // a name that an index resolves
	Local                  // a directory or archive on disk: ./lib, file:///…, dist/x.whl
	VCS                    // git+https://…
	Remote                 // an archive at an address
	Include                // -r FILE
	Constraint             // -c FILE
	Option                 // --index-url and the like
)

// Line is one logical line of a requirements file.
type Line struct {
	Number   int // of its first physical line, counted from 1
	Kind     Kind
	Text     string // without comment, continuations joined
	Name     string // normalised (PEP 503); "" when the line does not say
	Extras   []string
	Specs    []Specifier
	Marker   string // after the semicolon, as written
	Target   string // address or path, for every kind but Package and Option
	Editable bool
	Hashes   []string // algorithm:digest
	Option   string   // with its dashes, for Option
	Value    string   // the option's value
}

// Specifier is one version condition: >=, 1.2.
type Specifier struct{ Op, Version string }

// Error is a line that could not be read.
type Error struct {
	Line    int
	Message string
}

func (e *Error) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Message) }

// Parse reads a requirements file.
func Parse(src []byte) ([]Line, []*Error) {
	var lines []Line
	var errs []*Error
	for _, l := range logicalLines(decode(src)) {
		line, err := parseLine(l.text)
		if err != nil {
			errs = append(errs, &Error{l.number, err.Error()})
			continue
		}
		line.Number, line.Text = l.number, l.text
		lines = append(lines, line)
	}
	return lines, errs
}

// ParseRequirement reads one requirement as it stands on pip's command line.
func ParseRequirement(text string) (Line, error) {
	line, err := requirement(strings.TrimSpace(text))
	line.Number, line.Text = 1, text
	return line, err
}

func parseLine(text string) (Line, error) {
	if strings.HasPrefix(text, "-") {
		return option(text)
	}
	text, options := cutOptions(text)
	line, err := requirement(text)
	for _, w := range options {
		if digest, ok := strings.CutPrefix(w, "--hash="); ok {
			line.Hashes = append(line.Hashes, digest)
		}
	}
	return line, err
}

// cutOptions splits off the options of a single requirement: from the first word that starts with a dash.
func cutOptions(text string) (string, []string) {
	for i := 0; i+1 < len(text); i++ {
		if (text[i] == ' ' || text[i] == '\t') && text[i+1] == '-' {
			return strings.TrimSpace(text[:i]), normaliseHashes(words(text[i+1:]))
		}
	}
	return text, nil
}

// normaliseHashes turns "--hash X" into "--hash=X".
func normaliseHashes(list []string) []string {
	var out []string
	for i := 0; i < len(list); i++ {
		if list[i] == "--hash" && i+1 < len(list) {
			i++
			out = append(out, "--hash="+list[i])
			continue
		}
		out = append(out, list[i])
	}
	return out
}

// long names the options by their one-letter forms.
var long = map[string]string{
	"-r": "--requirement", "-c": "--constraint", "-e": "--editable",
	"-i": "--index-url", "-f": "--find-links",
}

// flags are the options without a value; all others in requirements files have one.
var flags = map[string]bool{"--no-index": true, "--pre": true, "--prefer-binary": true, "--require-hashes": true}

func option(text string) (Line, error) {
	name, value := splitOption(text)
	if full, ok := long[name]; ok {
		name = full
	}
	if flags[name] {
		return Line{Kind: Option, Option: name}, nil
	}
	if value == "" {
		return Line{}, fmt.Errorf("option %s wants a value", name)
	}
	switch name {
	case "--requirement":
		return Line{Kind: Include, Target: value}, nil
	case "--constraint":
		return Line{Kind: Constraint, Target: value}, nil
	case "--editable":
		value, _ = cutOptions(value)
		line, err := requirement(value)
		line.Editable = true
		return line, err
	}
	return Line{Kind: Option, Option: name, Value: value}, nil
}

// splitOption splits "--name=value", "--name value", "-rvalue" and "-r value".
func splitOption(text string) (name, value string) {
	if !strings.HasPrefix(text, "--") && len(text) > 2 {
		name, value = text[:2], text[2:]
	} else if i := strings.IndexAny(text, "= \t"); i >= 0 {
		name, value = text[:i], text[i+1:]
	} else {
		name = text
	}
	value = strings.TrimSpace(value)
	if list := words(value); len(list) == 1 {
		value = list[0]
	}
	return name, value
}

// requirement reads a requirement without its options.
func requirement(text string) (Line, error) {
	if name, target, ok := directReference(text); ok {
		return reference(name, target)
	}
	if isAddress(text) {
		return reference("", text)
	}
	body, marker, _ := strings.Cut(text, ";")
	body, marker = strings.TrimSpace(body), strings.TrimSpace(marker)
	if isPath(body) {
		target, extras := cutExtras(body)
		return Line{Kind: Local, Target: target, Extras: extras, Marker: marker}, nil
	}
	line, err := named(body)
	line.Marker = marker
	return line, err
}

// directReference recognises "name[extras] @ address".
func directReference(text string) (name, target string, ok bool) {
	name, target, ok = strings.Cut(text, "@")
	name, target = strings.TrimSpace(name), strings.TrimSpace(target)
	if !ok || target == "" {
		return "", "", false
	}
	_, err := named(name)
	return name, target, err == nil && !isAddress(name)
}

func reference(name, target string) (Line, error) {
	line := Line{}
	if name != "" {
		var err error
		if line, err = named(name); err != nil {
			return line, err
		}
	}
	target, marker, _ := strings.Cut(target, " ;")
	if marker == "" {
		target, marker, _ = strings.Cut(target, "; ")
	}
	line.Target, line.Marker = strings.TrimSpace(target), strings.TrimSpace(marker)
	line.Kind = addressKind(line.Target)
	if line.Kind == Local {
		line.Target = localPath(line.Target)
	}
	if line.Name == "" {
		line.Name = eggName(line.Target)
	}
	return line, nil
}

func isAddress(s string) bool {
	scheme, _, ok := strings.Cut(s, ":")
	if !ok {
		return false
	}
	switch vcs, _, _ := strings.Cut(scheme, "+"); strings.ToLower(vcs) {
	case "http", "https", "ftp", "file", "git", "hg", "svn", "bzr", "ssh":
		return true
	}
	return false
}

func addressKind(target string) Kind {
	scheme, _, _ := strings.Cut(strings.ToLower(target), ":")
	switch {
	case !isAddress(target) || scheme == "file":
		return Local
	case scheme == "http" || scheme == "https" || scheme == "ftp":
		return Remote
	}
	return VCS
}

// localPath turns file:///a/b and file:./b into paths.
func localPath(target string) string {
	target, _, _ = strings.Cut(strings.TrimPrefix(target, "file:"), "#")
	if rest, ok := strings.CutPrefix(target, "//"); ok {
		target = strings.TrimPrefix(rest, "localhost")
	}
	return target
}

// eggName reads the name in "#egg=name[extra]&subdirectory=…".
func eggName(target string) string {
	_, fragment, _ := strings.Cut(target, "#")
	for _, part := range strings.Split(fragment, "&") {
		if name, ok := strings.CutPrefix(part, "egg="); ok {
			name, _, _ = strings.Cut(name, "[")
			return Normalise(name)
		}
	}
	return ""
}

var archives = []string{".whl", ".zip", ".tar.gz", ".tgz", ".tar", ".tar.bz2", ".tar.xz"}

func isPath(s string) bool {
	bare, _ := cutExtras(s)
	if strings.HasPrefix(s, ".") || strings.Contains(bare, "/") {
		return true
	}
	for _, ext := range archives {
		if strings.HasSuffix(strings.ToLower(bare), ext) && !strings.Contains(bare, "==") {
			return true
		}
	}
	return false
}

// cutExtras splits "path[a,b]".
func cutExtras(s string) (string, []string) {
	i := strings.LastIndexByte(s, '[')
	if i < 0 || !strings.HasSuffix(s, "]") {
		return s, nil
	}
	return path.Clean(s[:i]), splitExtras(s[i+1 : len(s)-1])
}
