package agent

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Limits of what is read of the package manager's records, which are some megabytes in a full image.
const (
	maxStatus = 64 << 20 // bytes of the list of packages
	maxList   = 16 << 20 // bytes of one package's list of files
	maxLists  = 20_000
)

// maxAsked bounds the names in one request about what an image lacks; maxChanges, the paths of one about what changed.
const (
	maxChanges = 10_000
	maxAsked   = 2 * maxChanges
)

// debian reads the records of dpkg below a root: which packages are installed, what files they hold, and what they depend on.
type debian struct{ root string }

// packagesOf finds the packages that hold files, with what each of them brings in of the others. Files that no
// package holds are left out; so is everything in an image without dpkg.
func (d debian) packagesOf(ctx context.Context, paths []string) []LoadedPackage {
	files := d.owners(ctx, paths)
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	known, _ := d.status()
	var found []LoadedPackage
	for _, name := range names {
		slices.Sort(files[name])
		p := LoadedPackage{Name: name, Files: files[name]}
		brought := known.closure(name)
		for _, other := range names {
			if other != name && brought[other] {
				p.Brings = append(p.Brings, other)
			}
		}
		found = append(found, p)
	}
	return found
}

// owners maps packages to those of the files that they hold.
func (d debian) owners(ctx context.Context, paths []string) map[string][]string {
	wanted := map[string]string{} // as a list may name the file → the file
	for _, p := range paths {
		wanted[p] = p
		// Where /lib is a link to /usr/lib, lists name the files by either.
		if short, ok := strings.CutPrefix(p, "/usr"); ok {
			wanted[short] = p
		}
	}
	lists, _ := filepath.Glob(filepath.Join(d.root, "var/lib/dpkg/info/*.list"))
	owners := map[string][]string{}
	for _, list := range lists[:min(len(lists), maxLists)] {
		if ctx.Err() != nil {
			return owners
		}
		data, err := readBounded(list, maxList)
		if err != nil {
			continue
		}
		name, _, _ := strings.Cut(strings.TrimSuffix(filepath.Base(list), ".list"), ":")
		for line := range strings.Lines(string(data)) {
			if file, ok := wanted[strings.TrimRight(line, "\n")]; ok && !slices.Contains(owners[name], file) {
				owners[name] = append(owners[name], file)
			}
		}
	}
	return owners
}

// dependencies maps the installed packages to those that they can't do without.
type dependencies map[string][]string

// status reads the list of packages; ok is false when the image has none.
func (d debian) status() (known dependencies, ok bool) {
	data, err := readBounded(filepath.Join(d.root, "var/lib/dpkg/status"), maxStatus)
	if err != nil {
		return nil, false
	}
	return parseStatusFile(string(data)), true
}

// parseStatusFile reads deb822 paragraphs, as Debian's policy manual has them, and keeps packages that are installed.
func parseStatusFile(data string) dependencies {
	known := dependencies{}
	name, installed := "", false
	var needs []string
	end := func() {
		if name != "" && installed {
			known[name] = append(known[name], needs...)
		}
		name, installed, needs = "", false, nil
	}
	for line := range strings.Lines(data) {
		line = strings.TrimRight(line, "\r\n")
		key, value, _ := strings.Cut(line, ":")
		switch value = strings.TrimSpace(value); {
		case line == "":
			end()
		case key == "Package":
			name = value
		case key == "Status":
			installed = strings.HasSuffix(value, " installed")
		case key == "Depends" || key == "Pre-Depends":
			needs = append(needs, withoutAlternative(value)...)
		}
	}
	end()
	return known
}

// withoutAlternative are the names in a list of dependencies that nothing else can stand in for.
func withoutAlternative(list string) (names []string) {
	for entry := range strings.SplitSeq(list, ",") {
		if strings.Contains(entry, "|") {
			continue
		}
		name, _, _ := strings.Cut(strings.TrimSpace(entry), " ")
		if name, _, _ = strings.Cut(name, ":"); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// closure is everything that comes with a package.
func (k dependencies) closure(name string) map[string]bool {
	brought := map[string]bool{}
	for queue := slices.Clone(k[name]); len(queue) > 0; queue = queue[1:] {
		if next := queue[0]; !brought[next] {
			brought[next] = true
			queue = append(queue, k[next]...)
		}
	}
	return brought
}

// lacks looks for directories, files and packages below the root.
func (d debian) lacks(ctx context.Context, r LacksRequest) (LacksAnswer, error) {
	if n := len(r.Dirs) + len(r.Files) + len(r.Packages); n > maxAsked {
		return LacksAnswer{}, fmt.Errorf("%d names are over the limit of %d", n, maxAsked)
	}
	var a LacksAnswer
	for _, dir := range r.Dirs {
		if err := ctx.Err(); err != nil {
			return a, err
		}
		if info, err := os.Stat(filepath.Join(d.root, dir)); err != nil || !info.IsDir() {
			a.Dirs = append(a.Dirs, dir)
		}
	}
	for _, file := range r.Files {
		if err := ctx.Err(); err != nil {
			return a, err
		}
		if _, err := os.Stat(filepath.Join(d.root, file)); err != nil {
			a.Files = append(a.Files, file)
		}
	}
	known, ok := d.status()
	if a.Debian = ok && fileExists(filepath.Join(d.root, "usr/bin/apt-get")); !a.Debian {
		return a, nil
	}
	for _, name := range r.Packages {
		if _, installed := known[name]; !installed {
			a.Packages = append(a.Packages, name)
		}
	}
	return a, nil
}
