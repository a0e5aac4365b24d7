package ecosystem

import (
	"path"
	"slices"
	"strings"
)

// Module is a package of the language that a run loaded, as an import names it ("@scope/name", "flask").
type Module struct{ Name, File string } // File is one that was opened, absolute

// Modules are the packages whose code the run opened, by name. Those that come with the image itself (npm's own) are left out.
func (o *Observed) Modules() (found []Module) {
	for _, file := range o.Opened {
		name := moduleOf(file)
		if name != "" && !slices.ContainsFunc(found, func(m Module) bool { return m.Name == name }) {
			found = append(found, Module{name, file})
		}
	}
	slices.SortFunc(found, func(a, b Module) int { return strings.Compare(a.Name, b.Name) })
	return found
}

// moduleOf is the package that a file of code belongs to, by where npm, pnpm, yarn and pip put it; empty when it belongs to none.
func moduleOf(file string) string {
	ext := path.Ext(file)
	switch {
	case slices.Contains([]string{".js", ".cjs", ".mjs", ".json", ".node", ".ts"}, ext):
		return installedModule(file)
	case slices.Contains([]string{".py", ".pyc", ".so"}, ext):
		return pythonModule(file)
	}
	return ""
}

// PackageOf is the package that a file of any kind belongs to, by where package managers put it; empty for one of the
// application's own, and of the system.
func PackageOf(file string) string {
	if name := nodeModule(file); name != "" {
		return name
	}
	return pythonModule(file)
}

// nodeModule is the name behind the last node_modules of a path.
func nodeModule(file string) string {
	const folder = "/node_modules/"
	at := strings.LastIndex(file, folder)
	if at < 0 {
		return ""
	}
	name, rest, inside := strings.Cut(file[at+len(folder):], "/")
	if strings.HasPrefix(name, "@") {
		inner, _, more := strings.Cut(rest, "/")
		name, inside = name+"/"+inner, more
	}
	if !inside || strings.HasPrefix(name, ".") {
		return ""
	}
	return name
}

// installedModule is the package of node_modules that a file belongs to which is opened for what it holds: those that list
// a package, and programs without an extension, managers open to look around. The image's own packages have none.
func installedModule(file string) string {
	if !inModules(file) {
		return ""
	}
	return nodeModule(file)
}

// inModules reports the same of a file that may belong to no package, as what is generated below node_modules/.prisma.
func inModules(file string) bool {
	_, inside, ok := strings.Cut(file, "/node_modules/")
	return ok && strings.Contains(inside, "/") && path.Ext(file) != "" && path.Base(file) != "package.json" &&
		!below(file, "/usr/local/lib/node_modules", "/usr/lib/node_modules")
}

// pythonModule is the top of what lies in site-packages, or Debian's dist-packages.
func pythonModule(file string) string {
	for _, folder := range []string{"/site-packages/", "/dist-packages/"} {
		_, rest, ok := strings.Cut(file, folder)
		if !ok {
			continue
		}
		rest = strings.TrimPrefix(rest, "__pycache__/")
		name, _, _ := strings.Cut(rest, "/")
		name, _, _ = strings.Cut(name, ".")
		return name
	}
	return ""
}

// OwnFile reports whether a file of the image belongs to the application itself: neither to the system, nor to the
// language, nor is it byte code, which is made anew.
func OwnFile(file, workdir string) bool {
	switch {
	case strings.HasSuffix(file, ".pyc"), path.Base(path.Dir(file)) == "__pycache__", passing(path.Dir(file)):
		return false
	case strings.Contains(file, "/pkg/mod/"): // where Go keeps modules, of which programs read lines of source for a stack trace
		return false
	case workdir != "/" && below(file, workdir):
		return true
	}
	return !below(file, "/etc", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/usr", "/boot", "/root", "/var", "/run", "/proc", "/sys", "/dev")
}

// keepGone takes account of the files that the original opened and the rewritten image lacks: code of a package means
// that development dependencies have to stay, a file of the application's own that it has to be carried.
func (f *Facts) keepGone(seen *Observed, workdir string) {
	if f.DevDependencies.Known() {
		f.keepDev(seen)
	}
	f.keepInstalled(seen)
	for _, file := range f.Missed(seen.Gone, workdir) {
		note := "observed: it opened " + file + ", which the rewritten image does not have"
		f.RunFiles = append(f.RunFiles, Fact[string]{Value: file, Source: Source{Note: note}})
	}
}

// Missed are those of the files that the original opened, and the rewritten image lacks, that the application itself
// wants: its own, where the image still starts the same program, and not what managers open of packages to look around.
func (f *Facts) Missed(gone []string, workdir string) (missed []string) {
	if f.StartsOther() {
		return nil
	}
	for _, file := range gone {
		looked := strings.Contains(file, "/node_modules/") && !inModules(file)
		if OwnFile(file, workdir) && moduleOf(file) == "" && !looked {
			missed = append(missed, file)
		}
	}
	return missed
}

// keepInstalled leaves what was installed as building left it, where the application opened a file of it that the rewritten
// image does not have: a development dependency's, or one that building put there, which pruning would take out as well.
func (f *Facts) keepInstalled(seen *Observed) {
	if f.Bundle == nil || f.StartsOther() || seen.wrapped() {
		return
	}
	for _, file := range seen.Gone {
		if !below(file, f.Bundle.Installed...) || !inModules(file) {
			continue
		}
		kept := *f.Bundle
		kept.Prune, kept.Installed, kept.Drop = "", nil, ""
		f.Bundle = &kept
		if f.DevDependencies.Known() && installedModule(file) == "" { // else it is told already
			f.keepsDev(file, "development dependencies stay in the image: "+file+" was opened at run time, and what makes it is not known to do so without them: let the build write elsewhere")
		}
		return
	}
}

// StartsOther reports whether the runner starts another program than the original, as a web server in the place of one
// for development: what the one opened says nothing about the other.
func (f *Facts) StartsOther() bool {
	if f == nil || f.Bundle == nil || f.Bundle.Runner == nil || len(f.Bundle.Runner.Start) == 0 {
		return false
	}
	return len(f.Start.Value) == 0 || path.Base(f.Start.Value[0]) != path.Base(f.Bundle.Runner.Start[0])
}

// keepDev notes that development dependencies are needed when code of them was opened.
func (f *Facts) keepDev(seen *Observed) {
	name, file := f.loadedDev(seen)
	if name == "" || seen.wrapped() {
		return
	}
	text := "development dependencies stay in the image: " + name + " comes with them and was loaded at run time (observed: " + file + "): list it, or what loads it, in the other dependencies"
	if f.Bundle != nil && below(file, f.Bundle.Installed...) {
		text = "development dependencies stay in the image: " + file + " was opened at run time, and comes with them or is made by the build: list " + name + ", or what loads it, in the other dependencies, or let the build write elsewhere"
	}
	f.keepsDev(file, text)
	if f.Bundle != nil && f.Bundle.Prune != "" {
		kept := *f.Bundle
		kept.Prune = ""
		f.Bundle = &kept
	}
}

func (f *Facts) keepsDev(opened, why string) {
	f.Notes = append(slices.Clip(f.Notes), Note{About: "dev-dependencies", Text: why, Source: Source{Note: "observed: it opened " + opened}})
}

// loadedDev is a package that only the development dependencies bring, with a file of it that was opened: one of
// node_modules that the rewritten image lacks, or one that is named as such. Empty when none was seen.
func (f *Facts) loadedDev(seen *Observed) (name, file string) {
	for _, file := range seen.Gone {
		if name := installedModule(file); name != "" {
			return name, file
		}
	}
	for _, m := range seen.Modules() {
		if slices.Contains(f.DevPackages, strings.ToLower(m.Name)) {
			return m.Name, m.File
		}
	}
	return "", ""
}

// wrapped reports whether another process than the serving one runs code of a package, as a watcher does that restarts
// the application: which of the two opened a file is not known then.
func (o *Observed) wrapped() bool {
	serving := 0
	for _, s := range o.Sockets {
		if s.Port == o.Port {
			serving = s.PID
		}
	}
	return slices.ContainsFunc(o.Processes, func(p Process) bool {
		return p.PID != serving && slices.ContainsFunc(p.Argv, func(arg string) bool { return strings.Contains(arg, "node_modules/") })
	})
}
