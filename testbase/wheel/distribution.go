// Package wheel makes wheels (PEP 427) out of Debian's python3-* packages.
//
// Debian installs the same files that a wheel holds, with the distribution's
// metadata beside them; what has to be made anew is the list of requirements,
// the tag and the record of hashes.
package wheel

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Distribution is a Python distribution as a Debian package holds it.
type Distribution struct {
	Name    string // as its metadata spells it
	Version string // without a local part such as "+repack"
	Package string // "python3-fastapi"
	Depends map[string]Dependency

	meta        metadata
	entryPoints string
	requires    []Requirement
	extras      []string
	debianReqs  bool // Debian moved the plain requirements into Depends
	files       []file
	native      bool
}

type file struct {
	name string
	data []byte
	mode int64
}

const sitePackages = "usr/lib/python3/dist-packages/"

// maxFile bounds what is read of one file of a package.
const maxFile = 64 << 20

// ReadDistribution reads the unpacked form (a tar) of a Debian package with
// the value of its Depends field. Of a package with several distributions,
// part names the folder of the one to read; it is empty otherwise.
func ReadDistribution(pkg, depends, part string, r io.Reader) (*Distribution, error) {
	d := &Distribution{Package: pkg, Depends: debianDepends(depends)}
	info, kind, err := d.readFiles(part, r)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", pkg, err)
	}
	if err := d.describe(kind, info); err != nil {
		return nil, fmt.Errorf("reading %s: %w", pkg, err)
	}
	return d, nil
}

// Join adds the files of another package, which has no metadata of its own.
func (d *Distribution) Join(pkg string, r io.Reader) error {
	if _, _, err := d.readFiles("", r); err != nil {
		return fmt.Errorf("reading %s: %w", pkg, err)
	}
	delete(d.Depends, pkg)
	return nil
}

// readFiles takes the files of a package and returns those of its metadata.
func (d *Distribution) readFiles(part string, r io.Reader) (map[string]string, string, error) {
	info := map[string]string{}
	kind := ""
	for tr := tar.NewReader(r); ; {
		head, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, "", err
		}
		name, ok := strings.CutPrefix(path.Clean(head.Name), sitePackages)
		if !ok || head.Typeflag != tar.TypeReg || strings.Contains(name, "__pycache__/") || !inPart(name, part) {
			continue
		}
		if head.Size > maxFile {
			return nil, "", fmt.Errorf("%s has %d bytes", name, head.Size)
		}
		data, err := io.ReadAll(tr)
		if err != nil {
			return nil, "", err
		}
		if k, rest, ok := metadataFile(name); ok {
			kind = k
			info[rest] = string(data)
			continue
		}
		d.native = d.native || strings.HasSuffix(name, ".so")
		d.files = append(d.files, file{name: name, data: data, mode: head.Mode & 0o777})
	}
	return info, kind, nil
}

// inPart says whether a file is in the folder part, or in its metadata.
func inPart(name, part string) bool {
	top, _, _ := strings.Cut(name, "/")
	return part == "" || top == part || strings.HasPrefix(top, part+"-")
}

// metadataFile splits "x-1.0.dist-info/METADATA" into its kind and the name
// inside; a plain file "x-1.0.egg-info" is its own PKG-INFO.
func metadataFile(name string) (kind, rest string, ok bool) {
	top, rest, below := strings.Cut(name, "/")
	switch {
	case strings.HasSuffix(top, ".dist-info"):
		return "dist-info", rest, below
	case strings.HasSuffix(top, ".egg-info") && !below:
		return "egg-info", "PKG-INFO", true
	case strings.HasSuffix(top, ".egg-info"):
		return "egg-info", rest, true
	}
	return "", "", false
}

func (d *Distribution) describe(kind string, info map[string]string) error {
	var err error
	switch kind {
	case "dist-info":
		d.meta = parseMetadata(info["METADATA"])
		d.extras = d.meta.all("Provides-Extra")
		for _, text := range d.meta.all("Requires-Dist") {
			req, err := ParseRequirement(text)
			if err != nil {
				return err
			}
			d.requires = append(d.requires, req)
		}
	case "egg-info":
		d.meta = parseMetadata(info["PKG-INFO"])
		d.debianReqs = true
		if d.requires, d.extras, err = ParseRequires(info["requires.txt"]); err != nil {
			return err
		}
	default:
		return errors.New("it holds neither dist-info nor egg-info")
	}
	d.Name = d.meta.get("Name")
	d.Version, _, _ = strings.Cut(d.meta.get("Version"), "+")
	if d.Name == "" || release(d.Version) == nil {
		return fmt.Errorf("its metadata names %q, version %q", d.Name, d.Version)
	}
	d.entryPoints = trimLines(info["entry_points.txt"])
	return nil
}

func trimLines(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimSpace(line) + "\n")
	}
	return b.String()
}

var separators = regexp.MustCompile(`[-_.]+`)

// Normalize gives a distribution's name the form in which indexes know it (PEP 503).
func Normalize(name string) string {
	return strings.ToLower(separators.ReplaceAllString(name, "-"))
}

// Resolve settles what the wheels require, given that these distributions and
// the versions in others (normalised name → version) are all that can be had:
//   - where Debian moved requirements into Depends they come back from there;
//   - a requirement that Debian's version does not meet follows Debian's bound;
//   - requirements of extras that cannot be met are left out, those of other
//     systems (Poetry locks them too), and those that Debian's package does
//     without (hatchling's on editables).
//
// Another plain requirement on something that is not there is an error.
func Resolve(dists []*Distribution, others map[string]string) error {
	versions := map[string]string{}
	packages := map[string]string{
		"python3-setuptools": "setuptools", "python3-pkg-resources": "setuptools",
		"python3-cffi-backend-api-min": "cffi", "python3-cffi-backend-api-max": "cffi",
		"python3-ply-lex-3.10": "ply", "python3-ply-yacc-3.10": "ply",
	}
	for name, version := range others {
		versions[name] = version
	}
	for _, d := range dists {
		versions[Normalize(d.Name)] = d.Version
		packages[d.Package] = Normalize(d.Name)
	}
	for _, d := range dists {
		if err := d.resolve(versions, packages); err != nil {
			return err
		}
	}
	return nil
}

func (d *Distribution) resolve(versions, packages map[string]string) error {
	bounds, err := d.bounds(versions, packages)
	if err != nil {
		return err
	}
	var reqs []Requirement
	named := map[string]bool{} // with or without a condition
	for _, r := range d.requires {
		name := Normalize(r.Name)
		version, served := versions[name]
		switch {
		case !served && (r.optional() || r.elsewhere() || r.Marker == "" && !d.debianReqs && !d.dependsOn(name)):
			continue
		case !served && r.Marker == "":
			return fmt.Errorf("%s requires %s, which is not among the packages of the index", d.Name, r)
		case served && !Satisfies(version, r.Spec):
			if r.Spec = bounds[name]; !Satisfies(version, r.Spec) {
				r.Spec = ""
			}
		}
		named[name] = named[name] || !r.optional()
		reqs = append(reqs, r)
	}
	if d.debianReqs {
		for _, name := range sortedKeys(bounds) {
			if !named[name] {
				reqs = append(reqs, Requirement{Name: name, Spec: bounds[name]})
			}
		}
	}
	d.requires = reqs
	return nil
}

// dependsOn says whether Debian's package depends on that of a distribution,
// going by the names that such packages have.
func (d *Distribution) dependsOn(name string) bool {
	_, ok := d.Depends["python3-"+name]
	return ok
}

// bounds are Debian's own dependencies: distribution → specifier.
func (d *Distribution) bounds(versions, packages map[string]string) (map[string]string, error) {
	bounds := map[string]string{}
	for pkg, dep := range d.Depends {
		name, known := packages[pkg]
		switch {
		case known && name == Normalize(d.Name):
		case known && versions[name] != "":
			spec := dep.Spec
			if !Satisfies(versions[name], spec) {
				spec = "" // that of a virtual package, as of cffi's interface, is no version
			}
			if bounds[name] == "" {
				bounds[name] = spec
			}
		case d.debianReqs && !dep.Alternatives && strings.HasPrefix(pkg, "python3-") && !d.mentions(strings.TrimPrefix(pkg, "python3-")):
			return nil, fmt.Errorf("%s depends on %s, which is not among the packages of the index", d.Package, pkg)
		}
	}
	return bounds, nil
}

// mentions says whether a requirement, on whatever condition, names a distribution.
func (d *Distribution) mentions(name string) bool {
	return slices.ContainsFunc(d.requires, func(r Requirement) bool { return Normalize(r.Name) == name })
}

func sortedKeys(m map[string]string) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
