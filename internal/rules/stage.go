package rules

import (
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/rule"
)

// endOfSetup is where a line goes that configures the final image: before the
// instruction that starts the application, with its comment, when nothing is built
// below it; else at the end of the stage.
func endOfSetup(p *rule.Pass) int {
	at := endOfStage(p)
	for i := len(p.Final.Instructions) - 1; i >= 0; i-- {
		switch inst := p.Final.Instructions[i]; {
		case builds(inst):
			return at
		case inst.Keyword == "CMD" || inst.Keyword == "ENTRYPOINT":
			at = p.File.Block(inst).Start
		}
	}
	return at
}

// builds reports whether an instruction changes the image's files, as the user in force.
func builds(inst *dockerfile.Instruction) bool {
	switch inst.Keyword {
	case "RUN", "COPY", "ADD", "WORKDIR":
		return true
	}
	return false
}

// endOfStage is the offset behind the last line of the final stage.
func endOfStage(p *rule.Pass) int {
	last := p.Final.From
	if n := len(p.Final.Instructions); n > 0 {
		last = p.Final.Instructions[n-1]
	}
	return p.File.Lines(last.Span).End
}

// line gives text its line end, and a line end before it when it would follow
// a last line without one.
func line(p *rule.Pass, offset int, text string) string {
	if offset > 0 && p.File.Source[offset-1] != '\n' {
		return "\n" + text
	}
	return text + "\n"
}

// keyword writes a keyword in the case that the author gives to FROM.
func keyword(p *rule.Pass, k string) string {
	return keywordAs(p.Text(p.Final.From.KeywordSpan), k)
}

// distribution tells what kind of system a stage's base is: "debian", "alpine",
// or "" when it is not known.
func distribution(p *rule.Pass, stage *dockerfile.Stage) string {
	for stage.Parent != nil {
		stage = stage.Parent
	}
	ref := p.File.BaseOf(stage)
	ref, _, digest := strings.Cut(ref, "@")
	name, tag := ref, ""
	if i := strings.LastIndexByte(ref, ':'); i > strings.LastIndexByte(ref, '/') {
		name, tag = ref[:i], ref[i+1:]
	}
	for _, prefix := range []string{"docker.io/", "index.docker.io/", "library/"} {
		name = strings.TrimPrefix(name, prefix)
	}
	switch {
	case strings.Contains(ref, "$") || digest && tag == "" || strings.Contains(tag, "windows") || strings.Contains(tag, "nanoserver"):
		return "" // the tag tells, and is not known
	case name == "alpine" || strings.Contains(tag, "alpine"):
		return "alpine"
	case debianImages[name]:
		return "debian"
	}
	return ""
}

// debianImages are the official images that are built on Debian or Ubuntu
// unless their tag names another distribution.
var debianImages = map[string]bool{
	"debian": true, "ubuntu": true, "buildpack-deps": true, "python": true, "node": true, "golang": true,
	"ruby": true, "rust": true, "php": true, "openjdk": true, "eclipse-temurin": true, "pypy": true, "perl": true,
}
