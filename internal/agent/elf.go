package agent

import (
	"bytes"
	"context"
	"debug/elf"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	maxELFFiles  = 20_000
	maxELFWalk   = 1_000_000 // entries looked at
	maxLibraries = 1000      // missing ones in an answer
)

// object is what the dynamic loader would read from one ELF file.
type object struct {
	class       elf.Class
	machine     elf.Machine
	interpreter string
	needed      []string
	rpath       []string // of DT_RUNPATH or else DT_RPATH, $ORIGIN replaced
	runpath     bool     // which of the two it was: the library path comes before DT_RUNPATH alone
}

// checkELF finds the shared libraries that the loader would not find.
func checkELF(ctx context.Context, r ELFRequest) (ELFAnswer, error) {
	c := newELFCheck(ctx, "/", r.LibraryPath)
	c.collect(r.Dirs, r.Files)
	c.examineAll()
	return c.answer, nil
}

// elfCheck examines files and the libraries that they lead to.
type elfCheck struct {
	ctx     context.Context
	loader  *loader
	queue   []string
	queued  map[string]bool
	objects map[string]*object // by path; nil for files that are not dynamic ELF
	byName  map[string]string  // file name → one path that has it
	answer  ELFAnswer
}

func newELFCheck(ctx context.Context, root, libraryPath string) *elfCheck {
	return &elfCheck{ctx: ctx, loader: newLoader(root, libraryPath), queued: map[string]bool{},
		objects: map[string]*object{}, byName: map[string]string{}}
}

// collect queues the ELF files among files and below dirs.
func (c *elfCheck) collect(dirs, files []string) {
	for _, f := range files {
		c.enqueue(filepath.Clean(f))
	}
	visited := 0
	for _, dir := range dirs {
		_ = filepath.WalkDir(filepath.Clean(dir), func(path string, d fs.DirEntry, err error) error {
			visited++
			switch {
			case c.ctx.Err() != nil:
				return c.stop("the time was over")
			case visited > maxELFWalk || len(c.queue) >= maxELFFiles:
				return c.stop(fmt.Sprintf("too many files (%d looked at, %d of them ELF)", visited, len(c.queue)))
			case err != nil:
				return nil
			case d.IsDir() && (path == "/proc" || path == "/sys" || path == "/dev"):
				return fs.SkipDir
			case d.Type().IsRegular():
				c.consider(path)
			}
			return nil
		})
	}
}

func (c *elfCheck) stop(why string) error {
	c.answer.Incomplete = why
	return fs.SkipAll
}

// consider queues a file if it begins like an ELF file.
func (c *elfCheck) consider(path string) {
	f, err := os.Open(path)
	if err != nil {
		return
	}
	defer f.Close()
	magic := make([]byte, len(elf.ELFMAG))
	if n, err := f.Read(magic); err == nil && n == len(magic) && bytes.Equal(magic, []byte(elf.ELFMAG)) {
		c.enqueue(path)
	}
}

func (c *elfCheck) enqueue(path string) {
	if c.queued[path] {
		return
	}
	c.queued[path] = true
	c.queue = append(c.queue, path)
	c.byName[filepath.Base(path)] = path
}

// examineAll works through the queue, which grows by the libraries found.
func (c *elfCheck) examineAll() {
	type gap struct{ file, library string }
	var gaps []gap
	for i := 0; i < len(c.queue) && c.ctx.Err() == nil; i++ {
		for _, library := range c.examine(c.queue[i]) {
			gaps = append(gaps, gap{c.queue[i], library})
		}
	}
	if c.ctx.Err() != nil {
		c.answer.Incomplete = "the time was over"
	}
	for _, g := range gaps[:min(len(gaps), maxLibraries)] {
		c.answer.Missing = append(c.answer.Missing, MissingLibrary{g.file, g.library, c.byName[filepath.Base(g.library)]})
	}
}

// examine queues the libraries that a file needs and returns those not found.
func (c *elfCheck) examine(path string) (missing []string) {
	o := c.object(path)
	if o == nil {
		return nil
	}
	c.answer.Examined++
	if o.interpreter != "" && !c.loader.exists(o.interpreter) {
		missing = append(missing, o.interpreter)
	}
	for _, library := range o.needed {
		if found := c.find(o, library); found != "" {
			c.enqueue(found)
		} else if !slices.Contains(missing, library) {
			missing = append(missing, library)
		}
	}
	return missing
}

// find returns the first candidate that fits the object's machine.
func (c *elfCheck) find(o *object, library string) string {
	for _, candidate := range c.loader.candidates(o, library) {
		if l := c.object(candidate); l != nil && l.class == o.class && l.machine == o.machine {
			return candidate
		}
	}
	return ""
}

// object reads a file once.
func (c *elfCheck) object(path string) *object {
	o, known := c.objects[path]
	if !known {
		o = readObject(path)
		c.objects[path] = o
	}
	return o
}

// readObject returns nil for files that are not dynamic ELF, or damaged ones.
// debug/elf is made for trusted files: what it panics on is damaged too.
func readObject(path string) (o *object) {
	defer func() {
		if recover() != nil {
			o = nil
		}
	}()
	f, err := elf.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	if f.Type != elf.ET_EXEC && f.Type != elf.ET_DYN || f.SectionByType(elf.SHT_DYNAMIC) == nil {
		return nil
	}
	o = &object{class: f.Class, machine: f.Machine, interpreter: interpreter(f)}
	if o.needed, err = f.ImportedLibraries(); err != nil {
		return nil
	}
	runpath, _ := f.DynString(elf.DT_RUNPATH)
	rpath, _ := f.DynString(elf.DT_RPATH)
	o.runpath = len(runpath) > 0
	if o.runpath {
		rpath = runpath
	}
	o.rpath = searchPath(rpath, filepath.Dir(path))
	return o
}

// interpreter is the program interpreter (PT_INTERP), "" if there is none.
func interpreter(f *elf.File) string {
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP && p.Filesz < 4096 {
			data := make([]byte, p.Filesz)
			if _, err := p.ReadAt(data, 0); err == nil {
				return strings.TrimRight(string(data), "\x00")
			}
		}
	}
	return ""
}

// searchPath splits colon-separated lists of directories and replaces $ORIGIN.
func searchPath(lists []string, origin string) []string {
	replace := strings.NewReplacer("${ORIGIN}", origin, "$ORIGIN", origin)
	var dirs []string
	for _, list := range lists {
		for dir := range strings.SplitSeq(list, ":") {
			if dir = replace.Replace(dir); filepath.IsAbs(dir) {
				dirs = append(dirs, filepath.Clean(dir))
			}
		}
	}
	return dirs
}
