package app

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/engine"
	"github.com/plimsoll/plimsoll/internal/project"
	"github.com/plimsoll/plimsoll/internal/report"
)

// runnable says before anything is built what of a project the engine can't run.
func (p *proof) runnable() error {
	for _, from := range []*project.Project{p.project, p.result.Project} {
		if f := foreign(from.File, p.engine.Info(), p.opts.Platform); f != nil {
			if f.Line > 0 {
				f.File = from.DockerfilePath
			}
			return f
		}
	}
	return nil
}

// foreign tells of the first stage that the engine can't run the programs of: the final one, which is run for the
// proof, or one with a RUN. Nil means that there is none.
func foreign(file *dockerfile.File, info engine.Info, target string) *report.Failure {
	target = cmp.Or(target, info.Platform)
	for _, stage := range file.Needed() {
		platform := file.PlatformOf(stage, target, info.Platform)
		if platform == "" || info.Runs(platform) || stage != file.Final() && !runs(stage) {
			continue
		}
		f := &report.Failure{
			Stage:   "starting the engine",
			Message: fmt.Sprintf("the %s engine runs no programs for %s, so nothing was built", info.Name, platform),
			Hint:    fmt.Sprintf("install an emulator where it runs (apt-get install qemu-user-static, or docker run --privileged --rm tonistiigi/binfmt --install %s), or prove on a machine of that platform", architecture(platform)),
		}
		if stage.Platform != "" {
			line := file.Position(stage.From.Span.Start).Line
			f.Line, f.Source = line, file.Text(file.Line(line))
		}
		return f
	}
	return nil
}

func runs(stage *dockerfile.Stage) bool {
	for ; stage != nil; stage = stage.Parent {
		for _, i := range stage.Instructions {
			if i.Keyword == "RUN" {
				return true
			}
		}
	}
	return false
}

func architecture(platform string) string {
	_, rest, _ := strings.Cut(platform, "/")
	arch, _, _ := strings.Cut(rest, "/")
	return cmp.Or(arch, platform)
}
