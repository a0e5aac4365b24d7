// Package container reads off a Dockerfile what every ecosystem wants to know
// of the container: where the files of the context lie in the image, which
// commands the build runs, and which one the container starts.
package container

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
)

// maxPlaced bounds the copies that are followed from stage to stage.
const maxPlaced = 2000

// placed is a file or directory of the context and where it lies in the image.
type placed struct {
	source string // in the context; "." for all of it
	dest   string // absolute in the image
	dir    bool
	inst   *dockerfile.Instruction // in the stage at hand
}

// Files tells where the files of a context lie in a stage's image.
type Files struct {
	context fs.FS
	list    []placed
}

// FilesAt is what lies in the image when the instruction runs; bind mounts of
// the instruction are in place.
func FilesAt(f *dockerfile.File, inst *dockerfile.Instruction, context fs.FS) *Files {
	r := newReader(f, context)
	files := &Files{context: context}
	for _, p := range r.stage(inst.Stage) {
		if p.inst.Index < inst.Index {
			files.list = append(files.list, p)
		}
	}
	files.list = append(files.list, r.mounts(inst)...)
	return files
}

// FilesOf is what lies in a stage's image at its end.
func FilesOf(f *dockerfile.File, stage *dockerfile.Stage, context fs.FS) *Files {
	return &Files{context: context, list: newReader(f, context).stage(stage)}
}

// Empty reports whether nothing of the context is known to be in the image.
func (l *Files) Empty() bool { return len(l.list) == 0 }

// InContext returns the path in the context of a file in the image. The last copy wins.
func (l *Files) InContext(image string) (string, bool) {
	image = path.Clean(image)
	for i := len(l.list) - 1; i >= 0; i-- {
		p := l.list[i]
		if image == p.dest {
			return p.source, true
		}
		if rest, ok := below(image, p.dest); ok && p.dir {
			name := path.Join(p.source, rest)
			if _, err := fs.Stat(l.context, name); err == nil {
				return name, true
			}
		}
	}
	return "", false
}

// InImage returns the absolute path in the image of a file of the context, "" when it is not copied.
func (l *Files) InImage(name string) string {
	name = path.Clean(name)
	for i := len(l.list) - 1; i >= 0; i-- {
		p := l.list[i]
		if name == p.source {
			return p.dest
		}
		if rest, ok := below(name, p.source); ok && p.dir {
			return path.Join(p.dest, rest)
		}
	}
	return ""
}

// below returns the part of name below dir.
func below(name, dir string) (string, bool) {
	switch {
	case name == dir:
		return ".", true
	case dir == "." && !path.IsAbs(name) && name != ".." && !strings.HasPrefix(name, "../"):
		return name, true
	case dir == "/":
		return strings.TrimPrefix(name, "/"), path.IsAbs(name)
	}
	return strings.CutPrefix(name, dir+"/")
}

// Again reports whether instructions from another one on bring all that an instruction brings, to the same places.
func (l *Files) Again(inst, from *dockerfile.Instruction) bool {
	return !slices.ContainsFunc(l.list, func(p placed) bool {
		return p.inst == inst && !slices.ContainsFunc(l.list, func(q placed) bool {
			rest, ok := below(p.dest, q.dest)
			return q.inst.Index >= from.Index && ok && path.Join(q.source, rest) == p.source
		})
	})
}

// reader works out the copies of each stage once.
type reader struct {
	file    *dockerfile.File
	context fs.FS
	done    map[*dockerfile.Stage][]placed
}

func newReader(f *dockerfile.File, context fs.FS) *reader {
	return &reader{file: f, context: context, done: map[*dockerfile.Stage][]placed{}}
}

// stage lists the copies of a stage, its parent's first.
func (r *reader) stage(s *dockerfile.Stage) []placed {
	if s == nil {
		return nil
	}
	if list, ok := r.done[s]; ok {
		return list
	}
	list := slices.Clone(r.stage(s.Parent))
	for i := range list {
		list[i].inst = s.From
	}
	for _, inst := range s.Instructions {
		if (inst.Keyword == "COPY" || inst.Keyword == "ADD") && len(list) < maxPlaced {
			list = append(list, r.copy(inst, list)...)
		}
	}
	r.done[s] = list
	return list
}

func (r *reader) copy(inst *dockerfile.Instruction, before []placed) []placed {
	state := r.file.StateBefore(inst)
	sources := inst.Sources()
	raw := state.Expand(inst, inst.Dest().Text)
	dest := raw
	if !path.IsAbs(dest) {
		dest = path.Join(state.Workdir, dest)
	}
	into := len(sources) > 1 || r.isDir(raw, path.Clean(dest), state.Workdir, before)
	var list []placed
	for _, w := range sources {
		for _, p := range r.source(inst, state.Expand(inst, w.Text)) {
			if p.dest == "" && !p.dir && into {
				p.dest = path.Base(p.source)
			}
			p.dest, p.inst = path.Join(dest, p.dest), inst
			list = append(list, p)
		}
	}
	return list
}

// common are directories that every image has.
var common = []string{"/", "/tmp", "/opt", "/srv", "/home", "/root", "/etc", "/usr/src", "/usr/local", "/usr/local/bin", "/usr/bin", "/var", "/bin", "/mnt"}

// isDir tells whether a destination is a directory, by its form or because it must exist as one.
func (r *reader) isDir(raw, dest, workdir string, before []placed) bool {
	if strings.HasSuffix(raw, "/") || path.Base(raw) == "." || path.Base(raw) == ".." {
		return true
	}
	if _, holds := below(workdir, dest); holds || slices.Contains(common, dest) {
		return true
	}
	return slices.ContainsFunc(before, func(p placed) bool {
		_, under := below(p.dest, dest)
		return under && (p.dir || p.dest != dest)
	})
}

// source returns what a source path means, with destinations relative to the copy's own.
func (r *reader) source(inst *dockerfile.Instruction, name string) []placed {
	if _, named := inst.Flag("from"); named {
		if from := r.file.From(inst); from != nil {
			return r.fromStage(from, name)
		}
		return nil
	}
	if strings.Contains(name, "://") {
		return nil
	}
	name = path.Clean("/" + name)[1:]
	if name == "" {
		return []placed{{source: ".", dir: true}}
	}
	names := []string{name}
	if strings.ContainsAny(name, "*?[") {
		// A malformed pattern matches nothing, here as in the builder.
		names, _ = fs.Glob(r.context, name)
	}
	var list []placed
	for _, n := range names {
		if info, err := fs.Stat(r.context, n); err == nil && len(list) < maxPlaced {
			list = append(list, placed{source: n, dir: info.IsDir()})
		}
	}
	return list
}

// fromStage finds what of the context lies under a path of an earlier stage, or under those that a pattern matches.
func (r *reader) fromStage(from *dockerfile.Stage, name string) []placed {
	name = path.Clean("/" + name)
	if !strings.ContainsAny(name, "*?[") {
		return r.under(from, name)
	}
	var list []placed
	for _, match := range r.matching(from, name) {
		list = append(list, r.under(from, match)...)
	}
	return list[:min(len(list), maxPlaced)]
}

// matching are the paths of files of the context in an earlier stage that match a pattern. A malformed one matches nothing.
func (r *reader) matching(from *dockerfile.Stage, pattern string) (names []string) {
	for _, p := range r.stage(from) {
		if ok, _ := path.Match(pattern, p.dest); ok {
			names = append(names, p.dest)
		}
		rest, ok := below(pattern, p.dest)
		if !ok || !p.dir {
			continue
		}
		found, _ := fs.Glob(r.context, path.Join(p.source, rest))
		for _, f := range found {
			inner, _ := below(f, p.source)
			names = append(names, path.Join(p.dest, inner))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// under finds what of the context lies under a path of an earlier stage.
func (r *reader) under(from *dockerfile.Stage, name string) []placed {
	var list []placed
	for _, p := range r.stage(from) {
		if len(list) >= maxPlaced {
			break
		}
		if rest, ok := below(p.dest, name); ok {
			list = append(list, placed{source: p.source, dest: trimDot(rest), dir: p.dir})
			continue
		}
		if rest, ok := below(name, p.dest); ok && p.dir {
			inner := path.Join(p.source, rest)
			if info, err := fs.Stat(r.context, inner); err == nil {
				list = append(list, placed{source: inner, dir: info.IsDir()})
			}
		}
	}
	return list
}

func trimDot(rest string) string {
	if rest == "." {
		return ""
	}
	return rest
}

// mounts are the bind mounts of a RUN.
func (r *reader) mounts(inst *dockerfile.Instruction) []placed {
	var list []placed
	workdir := r.file.StateBefore(inst).Workdir
	for _, m := range inst.Mounts() {
		if m.Type != "bind" {
			continue
		}
		target := m.Target
		if !path.IsAbs(target) {
			target = path.Join(workdir, target)
		}
		source := path.Clean("/" + m.Source)[1:]
		if source == "" {
			source = "."
		}
		info, err := fs.Stat(r.context, source)
		if m.From == "" && err == nil {
			list = append(list, placed{source, path.Clean(target), info.IsDir(), inst})
		}
	}
	return list
}
