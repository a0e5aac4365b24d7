package golang

import (
	"go/ast"
	"go/build/constraint"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
)

// holds says whether a build constraint holds in a build: what depends on a variable, or on the machine, may.
type holds int

const (
	never holds = iota
	maybe
	always
)

// tagging are the build constraints that hold in one step.
type tagging struct {
	tags    []string // of -tags
	unknown bool     // tags depend on a variable: any may be set
	arch    string   // empty when the machine that builds decides
	cgo     holds
}

// systems and architectures are the values of GOOS and GOARCH that file names may end in (go/build, syslist.go).
var (
	systems       = words("aix android darwin dragonfly freebsd hurd illumos ios js linux nacl netbsd openbsd plan9 solaris wasip1 windows zos")
	architectures = words("386 amd64 amd64p32 arm arm64 arm64be armbe loong64 mips mips64 mips64le mips64p32 mips64p32le mipsle ppc ppc64 ppc64le riscv riscv64 s390 s390x sparc sparc64 wasm")
)

func words(list string) []string { return strings.Fields(list) }

// taggings are those of all steps that build; of a plain build where none does.
func (d *detection) taggings() (list []tagging) {
	for _, s := range d.built.steps {
		if s.verb != "" {
			list = append(list, d.tagging(s))
		}
	}
	if len(list) == 0 {
		list = []tagging{{cgo: maybe}}
	}
	return list
}

// tagging reads what a step says of its target: its flags, GOFLAGS, GOARCH or the platform of its stage. Another than Linux is
// refused elsewhere.
func (d *detection) tagging(s *step) tagging {
	t := tagging{arch: s.env["GOARCH"], cgo: maybe}
	given := s.tags
	for _, flag := range words(s.env["GOFLAGS"]) {
		if value, ok := strings.CutPrefix(strings.TrimLeft(flag, "-"), "tags="); ok && !given.set {
			given.value = value // the last one counts
		}
	}
	t.tags = strings.FieldsFunc(given.value, func(r rune) bool { return r == ',' || r == ' ' })
	t.unknown = strings.Contains(given.value+s.env["GOFLAGS"], "$")
	if t.arch == "" {
		t.arch = archOf(d.built.stage)
	}
	if strings.Contains(t.arch, "$") {
		t.arch = ""
	}
	if s.env["CGO_ENABLED"] == "0" {
		t.cgo = never
	}
	return t
}

// archOf is the architecture that --platform gives the base of a stage; empty when it does not say.
func archOf(stage *dockerfile.Stage) string {
	for stage.Parent != nil {
		stage = stage.Parent
	}
	if platform, ok := stage.From.Flag("platform"); ok {
		if parts := strings.Split(platform.Value, "/"); len(parts) > 1 && parts[0] == "linux" {
			return parts[1]
		}
	}
	return ""
}

func (t tagging) tag(name string) holds {
	switch {
	case slices.Contains(t.tags, name), strings.HasPrefix(name, "go1."):
		return always
	case name == "linux", name == "unix", name == "gc", name == t.arch:
		return always
	case name == "cgo":
		return t.cgo
	case slices.Contains(architectures, name):
		if t.arch == "" && name != "wasm" {
			return maybe
		}
	case t.unknown && name != "ignore" && name != "gccgo" && !slices.Contains(systems, name):
		return maybe
	}
	return never
}

func (t tagging) eval(x constraint.Expr) holds {
	switch x := x.(type) {
	case *constraint.TagExpr:
		return t.tag(x.Tag)
	case *constraint.NotExpr:
		return always - t.eval(x.X)
	case *constraint.AndExpr:
		return min(t.eval(x.X), t.eval(x.Y))
	case *constraint.OrExpr:
		return max(t.eval(x.X), t.eval(x.Y))
	}
	return maybe
}

// leftOutOf tells whether no step can compile a file, by what its name ends in and by its build constraint.
func leftOutOf(list []tagging, name string, syntax *ast.File) bool {
	wanted := nameTags(name)
	for _, group := range syntax.Comments {
		if group.Pos() > syntax.Package {
			break
		}
		for _, c := range group.List {
			if expr, err := constraint.Parse(c.Text); constraint.IsGoBuild(c.Text) && err == nil {
				wanted = append(wanted, expr)
			}
		}
	}
	return !slices.ContainsFunc(list, func(t tagging) bool {
		return !slices.ContainsFunc(wanted, func(x constraint.Expr) bool { return t.eval(x) == never })
	})
}

// nameTags are the constraints of a name such as open_linux_arm64.go: a system, an architecture, or both, at its end.
func nameTags(name string) (list []constraint.Expr) {
	parts := strings.Split(strings.TrimSuffix(name, ".go"), "_")[1:]
	take := func(known []string) {
		if n := len(parts); n > 0 && slices.Contains(known, parts[n-1]) {
			list = append(list, &constraint.TagExpr{Tag: parts[n-1]})
			parts = parts[:n-1]
		}
	}
	take(architectures)
	take(systems)
	return list
}
