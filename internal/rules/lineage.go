package rules

import (
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/rule"
)

// lineage is the stage with the stages that it builds on, the earliest first.
func lineage(stage *dockerfile.Stage) []*dockerfile.Stage {
	var list []*dockerfile.Stage
	for s := stage; s != nil; s = s.Parent {
		list = append(list, s)
	}
	slices.Reverse(list)
	return list
}

// officialBase is the name of the official image that a stage builds on in the end: "python";
// empty when it is another image, or is not known.
func officialBase(p *rule.Pass, stage *dockerfile.Stage) string {
	ref := p.File.BaseOf(lineage(stage)[0])
	if strings.Contains(ref, "$") {
		return ""
	}
	ref, _, _ = strings.Cut(ref, "@")
	if i := strings.LastIndexByte(ref, ':'); i > strings.LastIndexByte(ref, '/') {
		ref = ref[:i]
	}
	for _, prefix := range []string{"docker.io/", "index.docker.io/", "library/"} {
		ref = strings.TrimPrefix(ref, prefix)
	}
	if strings.Contains(ref, "/") {
		return ""
	}
	return ref
}

// runsAsRoot reports whether an instruction is known to run as root: by a USER above
// it, or because none is set and the base is an official image that sets none.
func runsAsRoot(p *rule.Pass, inst *dockerfile.Instruction) bool {
	user, _, _ := strings.Cut(p.File.StateBefore(inst).User, ":")
	switch user {
	case "root", "0":
		return true
	case "":
		return rootImages[officialBase(p, inst.Stage)]
	}
	return false
}

// rootImages are official images whose Dockerfile sets no USER.
var rootImages = map[string]bool{
	"alpine": true, "amazoncorretto": true, "buildpack-deps": true, "centos": true, "debian": true, "eclipse-temurin": true,
	"fedora": true, "golang": true, "node": true, "openjdk": true, "perl": true, "php": true, "pypy": true,
	"python": true, "ruby": true, "rust": true, "ubuntu": true, "nginx": true, "httpd": true, "maven": true,
}
