package wheel

import (
	"fmt"
	"regexp"
	"strings"
)

// Requirement is one dependency as PEP 508 writes it: name[extras]spec; marker.
type Requirement struct {
	Name   string
	Extras string // "[security]" or ""
	Spec   string // ">=1.0,<2" or ""
	Marker string // "extra == 'standard'" or ""
}

var requirementForm = regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9._-]*)\s*(\[[^\]]*\])?\s*\(?([^;()]*)\)?\s*(?:;(.*))?$`)

// ParseRequirement reads one requirement. URLs are not understood: an error.
func ParseRequirement(text string) (Requirement, error) {
	m := requirementForm.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil || strings.HasPrefix(strings.TrimSpace(m[3]), "@") {
		return Requirement{}, fmt.Errorf("not a requirement: %q", text)
	}
	return Requirement{
		Name: m[1], Extras: m[2],
		Spec: strings.ReplaceAll(strings.TrimSpace(m[3]), " ", ""), Marker: strings.TrimSpace(m[4]),
	}, nil
}

func (r Requirement) String() string {
	s := r.Name + r.Extras + r.Spec
	if r.Marker != "" {
		s += "; " + r.Marker
	}
	return s
}

// optional says whether the requirement belongs to an extra.
func (r Requirement) optional() bool { return strings.Contains(r.Marker, "extra ==") }

// elsewhere says whether the requirement is for another system than Linux
// alone, or for an older Python. Markers that combine conditions with "or" are
// not understood: no.
func (r Requirement) elsewhere() bool {
	if strings.Contains(r.Marker, " or ") {
		return false
	}
	return otherSystem.MatchString(r.Marker)
}

var otherSystem = regexp.MustCompile(`(?:sys_platform|platform_system|os_name)\s*==\s*["'](?:win32|Windows|nt|darwin|Darwin)["']` +
	`|python_(?:full_)?version\s*<=?\s*["'](?:2|3\.(?:[0-9]|10)(?:\.|["']))`)

// ParseRequires reads setuptools' requires.txt, whose sections are
// "[extra]", "[:marker]" and "[extra:marker]", and names the extras.
func ParseRequires(text string) (reqs []Requirement, extras []string, err error) {
	marker := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if line[0] == '[' && line[len(line)-1] == ']' {
			extra := ""
			extra, marker = sectionMarker(line[1 : len(line)-1])
			extras = appendNew(extras, extra)
			continue
		}
		req, err := ParseRequirement(line)
		if err != nil {
			return nil, nil, fmt.Errorf("reading requires.txt: %w", err)
		}
		req.Marker = joinMarkers(req.Marker, marker)
		reqs = append(reqs, req)
	}
	return reqs, extras, nil
}

func sectionMarker(section string) (extra, marker string) {
	extra, marker, _ = strings.Cut(section, ":")
	if extra == "" {
		return "", marker
	}
	return extra, joinMarkers(marker, fmt.Sprintf("extra == '%s'", extra))
}

func joinMarkers(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	if strings.Contains(a, " or ") {
		a = "(" + a + ")"
	}
	return a + " and " + b
}

func appendNew(list []string, s string) []string {
	if s == "" {
		return list
	}
	for _, have := range list {
		if have == s {
			return list
		}
	}
	return append(list, s)
}

// Dependency is one entry of a Debian package's Depends field.
type Dependency struct {
	Spec         string // in Python's form
	Alternatives bool   // something else would do as well
}

// debianDepends reads a Depends field by package. Of alternatives the first counts.
func debianDepends(field string) map[string]Dependency {
	found := map[string]Dependency{}
	for entry := range strings.SplitSeq(field, ",") {
		first, _, alternatives := strings.Cut(entry, "|")
		name, bound, _ := strings.Cut(strings.TrimSpace(first), " ")
		name, _, _ = strings.Cut(name, ":")
		if name == "" {
			continue
		}
		spec := debianBound(bound)
		if was := found[name].Spec; was != "" && spec != "" {
			spec = was + "," + spec
		} else {
			spec = was + spec
		}
		found[name] = Dependency{spec, alternatives}
	}
	return found
}

// debianBound turns "(>= 1:2.3-1)" into ">=2.3": without epoch and revision.
// Other bounds than >= serve Debian's own transitions and are left out.
func debianBound(bound string) string {
	bound = strings.Trim(bound, "() ")
	version, ok := strings.CutPrefix(bound, ">=")
	if !ok {
		return ""
	}
	version = strings.TrimSpace(version)
	if _, after, ok := strings.Cut(version, ":"); ok {
		version = after
	}
	if i := strings.IndexAny(version, "-~+"); i >= 0 {
		version = version[:i]
	}
	if release(version) == nil {
		return ""
	}
	return ">=" + version
}
