package project

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/ecosystem"
)

// maxDockerfile bounds the size of a Dockerfile: BuildKit's own limit is 16 MB,
// no real one comes near a megabyte.
const maxDockerfile = 1 << 20

// maxInstructions bounds the work that a Dockerfile makes: rules look from each instruction at those above it.
// An image has at most some 125 layers, and a file of many targets a few hundred instructions.
const maxInstructions = 4000

// maxText bounds the other files that are read whole for rewriting.
const maxText = 1 << 20

// Options say how a project is read.
type Options struct {
	// Context is the context directory; empty means the Dockerfile's folder.
	Context string
	// Detectors find out what the application is, the first that knows it wins.
	Detectors []ecosystem.Detector
	// Build is the target that is built, and its arguments.
	Build dockerfile.Build
	// Shared keeps what projects of one folder have in common; nil reads all anew.
	Shared *Shared
	// Ports are those that the project says its container serves, beside the Dockerfile and the source.
	Ports []ecosystem.Fact[int]
	// Commands are those that the project starts the image with, beside the Dockerfile's own.
	Commands []ecosystem.Fact[ecosystem.Command]
}

// Load reads the project at path: a Dockerfile, or a folder that has one. An
// error that is a *dockerfile.SyntaxError names the place.
func Load(ctx context.Context, path string, opts Options) (*Project, error) {
	file, err := findDockerfile(path)
	if err != nil {
		return nil, err
	}
	root := opts.Context
	if root == "" {
		root = filepath.Dir(file)
	}
	src, err := readDockerfile(file, root)
	if err != nil {
		return nil, err
	}
	around, err := opts.Shared.around(ctx, root)
	if err != nil {
		return nil, fmt.Errorf("reading the build context: %w", err)
	}
	tree, err := around.context.For(file)
	if err != nil {
		return nil, fmt.Errorf("reading the build context: %w", err)
	}
	p := &Project{Root: tree.Root, DockerfilePath: relative(root, file), Context: tree, opts: opts, original: tree}
	p.IgnorePath = tree.IgnoreName
	if p.IgnorePath == "" {
		p.IgnorePath = ".dockerignore"
	}
	if err := p.parse(src); err != nil {
		return nil, err
	}
	p.Repository, p.RepositoryError, p.History = around.askGit(ctx)
	return p, p.detect()
}

// parse reads the Dockerfile's text.
func (p *Project) parse(src []byte) error {
	file, err := dockerfile.ParseFor(p.DockerfilePath, src, p.opts.Build)
	if err != nil {
		return err
	}
	if n := len(file.Instructions); n > maxInstructions {
		return fmt.Errorf("%s has %d instructions, over the limit of %d", p.DockerfilePath, n, maxInstructions)
	}
	if file.Final() == nil && p.opts.Build.Target != "" {
		return fmt.Errorf("%s has no stage %q to build: it has %s", p.DockerfilePath, p.opts.Build.Target, stageNames(file))
	}
	p.File, p.Final = file, file.Final()
	return nil
}

// detect finds out what the application is, and what the stages that it is made in build.
func (p *Project) detect() error {
	facts, err := p.detectIn(p.Final)
	if err != nil {
		return err
	}
	if facts != nil {
		p.takePort(facts)
	}
	p.Facts = facts.With(p.observed, p.File.EndState(p.Final).Workdir)
	p.stageFacts = map[*dockerfile.Stage]*ecosystem.Facts{}
	for _, stage := range p.File.Stages {
		if stage == p.Final || !runsSomething(stage) {
			continue
		}
		facts, err := p.detectIn(stage)
		if err != nil {
			return err
		}
		if facts != nil {
			p.stageFacts[stage] = facts
		}
	}
	return nil
}

func runsSomething(stage *dockerfile.Stage) bool {
	return slices.ContainsFunc(stage.Instructions, func(inst *dockerfile.Instruction) bool { return inst.Keyword == "RUN" })
}

// Commands are those that the project starts the image with, beside the Dockerfile's own.
func (p *Project) Commands() []ecosystem.Fact[ecosystem.Command] { return p.opts.Commands }

// detectIn finds out what an image of the stage would be.
func (p *Project) detectIn(stage *dockerfile.Stage) (*ecosystem.Facts, error) {
	for _, d := range p.opts.Detectors {
		in := ecosystem.Input{Context: p.Context.FS(), Dockerfile: p.File, Final: stage}
		if stage == p.Final {
			in.Commands = p.opts.Commands
		}
		facts, err := d.Detect(in)
		if err != nil {
			return nil, fmt.Errorf("looking for a %s application: %w", d.Name, err)
		}
		if facts != nil {
			return facts, nil
		}
	}
	return nil, nil
}

func relative(root, file string) string {
	absRoot, err1 := filepath.Abs(root)
	absFile, err2 := filepath.Abs(file)
	rel, err3 := filepath.Rel(absRoot, absFile)
	if errors.Join(err1, err2, err3) != nil {
		return filepath.ToSlash(file)
	}
	return filepath.ToSlash(rel)
}

// takePort takes the one port that the project names where the Dockerfile and the source tell none.
func (p *Project) takePort(facts *ecosystem.Facts) {
	if len(p.opts.Ports) == 1 && !facts.Port.Known() {
		facts.Port = p.opts.Ports[0]
	}
}

func stageNames(f *dockerfile.File) string {
	var names []string
	for _, s := range f.Stages {
		if s.Name != "" {
			names = append(names, s.Name)
		}
	}
	if len(names) == 0 {
		return "none with a name"
	}
	return strings.Join(names, ", ")
}
