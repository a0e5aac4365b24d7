package python

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/finding"
)

// environment is where the builder installs; the runner has it at the same
// place, because scripts in it name their interpreter by its full path.
const environment = "/opt/venv"

// bundle is a virtual environment. It needs an interpreter with the venv module
// at the same path in both stages, which the official images have.
func (d *detection) bundle(in *install) *ecosystem.Bundle {
	b, why := d.environmentOf(in)
	if why != "" {
		d.note("bundle", why, ecosystem.Source{})
		return nil
	}
	b.Both = in.localOnly
	return b
}

// environmentOf says which environment is carried, or why none can be.
func (d *detection) environmentOf(in *install) (*ecosystem.Bundle, string) {
	switch {
	case in.other != "":
		return nil, in.other + " installs, and it is not known to install into a given environment: install with pip, or split by hand"
	case in.moves == "--user":
		return nil, "pip install --user puts packages below root's home, which no other user can read: leave out --user"
	case in.moves != "":
		return nil, "pip is told to install elsewhere: " + in.moves + "; leave it out, or copy that folder from a builder by hand"
	case !d.base.official:
		return nil, "the base is not an official Python image, so that venv and the interpreter's path are not certain: build on python, or split by hand"
	case in.tool != nil:
		return d.toolBundle(in)
	case in.uvPip && len(in.venvs) == 0:
		return nil, "uv pip installs into the interpreter itself: make an environment with uv venv /opt/venv and put its bin first in PATH"
	case len(in.venvs) > 0:
		return in.ownEnvironment()
	}
	return &ecosystem.Bundle{
		Carries: carries(environment),
		Create:  "python -m venv " + environment,
		Finish:  "pip uninstall --yes pip",
		Env:     []finding.EnvVar{{Name: "PATH", Value: environment + "/bin:$PATH"}},
	}, ""
}

func carries(place string) []ecosystem.Carry {
	return []ecosystem.Carry{{From: place, To: place, Why: "dependencies"}}
}

// ownEnvironment is the environment that the author makes.
func (in *install) ownEnvironment() (*ecosystem.Bundle, string) {
	place := in.venvs[0]
	switch {
	case len(in.venvs) > 1:
		return nil, "the Dockerfile makes more than one virtual environment: leave one"
	case place == "":
		return nil, "the Dockerfile makes a virtual environment with options that may tie it to the builder: leave them out"
	case in.outside > 0:
		return nil, fmt.Sprintf("line %d does not surely install into %s: put ENV PATH=\"%s/bin:$PATH\" above it", in.outside, place, place)
	}
	return &ecosystem.Bundle{Carries: carries(place), Env: in.pathWith(place)}, ""
}

// pathWith is what puts an environment first in PATH, unless the Dockerfile does already.
func (in *install) pathWith(place string) []finding.EnvVar {
	if strings.HasPrefix(in.env["PATH"], place+"/bin:") {
		return nil
	}
	for _, v := range in.state.Env {
		if v.Name == "PATH" && strings.HasPrefix(v.Value, place+"/bin:") {
			return nil
		}
	}
	return []finding.EnvVar{{Name: "PATH", Value: place + "/bin:$PATH"}}
}

// toolBundle is the environment that poetry, pipenv or uv installs into. Poetry and pipenv
// take the active one (VIRTUAL_ENV); uv makes its own beside the manifests.
func (d *detection) toolBundle(in *install) (*ecosystem.Bundle, string) {
	t := in.tool
	if t.refused != "" {
		return nil, t.refused
	}
	if len(in.venvs) > 0 {
		return nil, "the Dockerfile makes a virtual environment, and " + t.name + " may make its own: leave one"
	}
	start, why := d.withoutTool(t)
	if why != "" {
		return nil, why
	}
	b := &ecosystem.Bundle{Tool: in.brings(t.name), Start: start}
	switch {
	case t.system: // the interpreter of PATH, with the tool beside the dependencies
		b.Tool = ecosystem.Fact[string]{}
		b.Finish = "pip uninstall --yes " + t.name + " pip"
	case !b.Tool.Known() && in.installer(t.name) > 0:
		return nil, fmt.Sprintf("line %d installs %s by a script, of which it is not known what it leaves in the image: install it with pip, in a RUN of its own", in.installer(t.name), t.name)
	case !b.Tool.Known():
		return nil, fmt.Sprintf("no step of its own installs %s, so that it can't be kept out of the runner: give it a RUN before the one on line %d", t.name, t.line)
	}
	if t.inProject {
		place := t.place
		if place == "" {
			place = path.Join(t.dir, ".venv")
		}
		b.Carries, b.Env = carries(place), in.pathWith(place)
		if t.name == "uv" {
			b.BuilderEnv = []finding.EnvVar{{Name: "UV_PYTHON_DOWNLOADS", Value: "never"}}
		}
		return b, ""
	}
	if b.Finish == "" {
		b.Finish = "pip uninstall --yes pip"
	}
	b.Carries, b.Create = carries(environment), "python -m venv "+environment
	b.Env = []finding.EnvVar{{Name: "VIRTUAL_ENV", Value: environment}, {Name: "PATH", Value: environment + "/bin:$PATH"}}
	return b, ""
}

// syncing are options of "uv run" about what it installs first, which does not apply to an image.
var syncing = []string{"--no-sync", "--frozen", "--locked", "--no-dev"}

// withoutTool is the start command with the tool's "run" taken away; nil where it has none.
func (d *detection) withoutTool(t *tool) ([]string, string) {
	argv := d.launch.Start.Argv
	switch {
	case argv == nil && slices.Contains(d.launch.Likely, t.name):
		return nil, fmt.Sprintf("line %d starts the application through %s, which the runner does not have, and through a shell: start it by its own name", d.launch.Line, t.name)
	case len(argv) == 0 || argv[0] != t.name:
		return nil, ""
	}
	rest := argv[1:]
	if len(rest) > 0 && rest[0] == "run" {
		rest = rest[1:]
		for len(rest) > 0 && t.name == "uv" && slices.Contains(syncing, rest[0]) {
			rest = rest[1:]
		}
		if len(rest) > 0 && !strings.HasPrefix(rest[0], "-") && !strings.HasSuffix(rest[0], ".py") && !d.scripted(rest[0]) {
			return rest, ""
		}
	}
	return nil, fmt.Sprintf("line %d starts the application through %s, which the runner does not have: start it by its own name", d.launch.Line, t.name)
}

// scripted reports whether a name stands for a script that only the tool knows.
func (d *detection) scripted(name string) bool {
	for _, m := range d.facts.Manifests {
		text, _ := readSmall(d.in.Context, m.Value.Path)
		switch m.Value.Kind {
		case "pyproject":
			if parseProject(text).hasScript(name) {
				return true
			}
		case "pipfile":
			if _, ok := parsePipfile(text).Scripts[name]; ok {
				return true
			}
		}
	}
	return false
}
