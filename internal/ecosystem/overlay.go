package ecosystem

import (
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strings"
)

// With lays what was observed over what was read in files: an observed fact outranks one that was read, which stays
// beside it as a second proof. workdir is the working directory that relative paths are below. The facts
// themselves are not changed. Of an application that no ecosystem recognised (nil), a run that was seen as a whole
// makes facts of its own.
func (f *Facts) With(seen *Observed, workdir string) *Facts {
	if f == nil && seen.whole() {
		f = &Facts{}
	}
	if f == nil || seen == nil {
		return f
	}
	next := *f
	next.Port, next.Loopback = seen.port(f.Port), seen.loopback()
	if !f.Health.Known() && slices.Contains(seen.Answered, "/") {
		next.Health = Fact[string]{Value: "/", Source: Source{Note: "observed: it answered GET / with status 200"}}
	}
	next.Writes, next.Notes = seen.writes(f.Writes, f.Notes, workdir)
	next.Process, next.ProcessDir = seen.serving(workdir)
	if f.Bundle == nil || f.Bundle.Runner == nil { // on another base something else may run
		next.RunPackages = seen.runPackages(f.RunPackages)
	}
	next.keepGone(seen, workdir)
	return &next
}

// whole reports whether everything was seen of a run.
func (o *Observed) whole() bool { return o != nil && len(o.Programs) > 0 && len(o.Incomplete) == 0 }

// port is the port that answered.
func (o *Observed) port(read Fact[int]) Fact[int] {
	if o.Port == 0 {
		return read
	}
	fact := Fact[int]{Value: o.Port, Source: Source{Note: fmt.Sprintf("observed: it answered on port %d", o.Port)}, Read: read.Source}
	if read.Known() && read.Value != o.Port {
		fact.Read.Note = fmt.Sprintf("says %d", read.Value)
	}
	return fact
}

// loopback is the address of the port that answered, when no other than the container itself can reach it.
func (o *Observed) loopback() (fact Fact[string]) {
	for _, s := range o.Sockets {
		if s.Port != o.Port || o.Port == 0 {
			continue
		}
		address, err := netip.ParseAddr(s.Address)
		if err != nil || !address.Unmap().IsLoopback() {
			return Fact[string]{}
		}
		fact = Fact[string]{Value: s.Address, Source: Source{Note: fmt.Sprintf("observed: port %d is open on %s alone", o.Port, s.Address)}}
	}
	return fact
}

// maxWrites bounds the directories of which facts are made: each ends up in a Dockerfile.
const maxWrites = 30

// writes are the observed ones that a user can be given, and those that were only read: one run shows some of what an
// application does. What lies in directories of the system is noted.
func (o *Observed) writes(read []Fact[Write], notes []Note, workdir string) ([]Fact[Write], []Note) {
	notes = slices.Clip(notes)
	var all []Fact[Write]
	seen := map[string]bool{}
	for _, w := range o.Writes {
		dir := dirOf(w, workdir)
		switch {
		case passing(dir):
			continue
		case ofSystem(dir, workdir):
			notes = append(notes, Note{About: "writes", Text: "observed: it wrote " + w.Path + ", in a directory of the system, which no other user is given"})
			continue
		}
		fact := Fact[Write]{Value: w, Source: Source{Note: "observed: it wrote " + w.Path}}
		for _, r := range read {
			if at := dirOf(r.Value, workdir); at == dir || r.Value.Dir && strings.HasPrefix(dir, at+"/") {
				fact.Read = r.Source
				if at != dir { // a directory that belongs to the user covers what is made below it
					fact.Value = Write{Path: at, Dir: true}
				}
			}
		}
		at := dirOf(fact.Value, workdir)
		if seen[at] {
			continue
		}
		if len(all) == maxWrites {
			notes = append(notes, Note{About: "writes", Text: fmt.Sprintf("observed: it wrote to more than %d directories: name the one above them", maxWrites)})
			break
		}
		seen[at] = true
		all = append(all, fact)
	}
	for _, r := range read {
		if !seen[dirOf(r.Value, workdir)] {
			all = append(all, r)
		}
	}
	return all, notes
}

// dirOf is the absolute directory that has to be writable for a write.
func dirOf(w Write, workdir string) string {
	dir := w.Dirname()
	if !path.IsAbs(dir) {
		dir = path.Join(workdir, dir)
	}
	return path.Clean(dir)
}

// passing reports whether everybody may write in a directory, or the kernel keeps it.
func passing(dir string) bool {
	return below(dir, "/tmp", "/var/tmp", "/dev", "/proc", "/sys", "/run/lock")
}

// ofSystem reports whether a directory holds the system, or the administrator's own files: giving it to
// the application's user would let that change programs and accounts.
func ofSystem(dir, workdir string) bool {
	if dir == workdir && dir != "/" {
		return below(dir, "/etc", "/proc", "/sys", "/dev")
	}
	switch dir {
	case "/", "/var", "/run", "/home", "/opt", "/srv", "/mnt", "/media", "/var/lib", "/var/log", "/var/cache", "/var/spool":
		return true
	}
	return below(dir, "/etc", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/usr", "/boot", "/root", "/var/lib/dpkg", "/var/lib/apt", "/var/cache/apt")
}

func below(dir string, places ...string) bool {
	return slices.ContainsFunc(places, func(p string) bool { return dir == p || strings.HasPrefix(dir, p+"/") })
}

// serving is the process that has the socket which answered, and its working directory when that is not the image's.
func (o *Observed) serving(workdir string) (argv Fact[[]string], dir string) {
	i := slices.IndexFunc(o.Sockets, func(s Socket) bool { return s.Port == o.Port && s.PID != 0 })
	if o.Port == 0 || i < 0 {
		return argv, ""
	}
	j := slices.IndexFunc(o.Processes, func(p Process) bool { return p.PID == o.Sockets[i].PID })
	if j < 0 || len(o.Processes[j].Argv) == 0 {
		return argv, ""
	}
	p := o.Processes[j]
	if dir = p.Dir; path.Clean(dir) == path.Clean(workdir) {
		dir = ""
	}
	note := fmt.Sprintf("observed: process %d serves port %d", p.PID, o.Port)
	return Fact[[]string]{Value: p.Argv, Source: Source{Note: note}}, dir
}

// runPackages adds the packages that the rewritten image was seen to lack.
func (o *Observed) runPackages(known []Fact[string]) []Fact[string] {
	all := slices.Clone(known)
	for _, p := range o.Packages {
		if !slices.Contains(o.Lacking, p.Name) || slices.ContainsFunc(known, func(f Fact[string]) bool { return f.Value == p.Name }) {
			continue
		}
		note := "observed: it had " + path.Base(p.Files[0]) + " loaded, which the rewritten image does not have"
		all = append(all, Fact[string]{Value: p.Name, Source: Source{Note: note}})
	}
	return all
}
