package replay

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/buildctx"
	"github.com/plimsoll/plimsoll/internal/dockerfile"
)

// model is a Dockerfile as the steps of its build, each with what its cache key is made of.
type model struct {
	file       *dockerfile.File
	steps      []*step
	selections []*selection
	// last is each stage's last step; -1 when it has none of its own and of its parents.
	last map[*dockerfile.Stage]int
	// varying are names whose value differs at every commit, at the place in the file that is being read.
	varying map[string]bool
}

// step is a step of the build. Indices are of the model's lists.
type step struct {
	inst  *dockerfile.Instruction
	says  string // what it does, and with which settings
	below int    // the step that it builds on; -1 for a base image, which says names
	// link is COPY --link: the layer does not depend on what is below it.
	link       bool
	selections []int
	stages     []int    // last steps of the stages that it copies or mounts from
	varying    []string // variables with another value at every commit
	doubt      string
}

func newModel(v Version) (*model, error) {
	m := &model{file: v.File, last: map[*dockerfile.Stage]int{}}
	target := v.File.Final()
	if target == nil {
		return nil, fmt.Errorf("%s has no stage", v.File.Name)
	}
	needed := map[*dockerfile.Stage]bool{}
	need(target, needed)
	for _, stage := range v.File.Stages {
		if !needed[stage] {
			continue // BuildKit does not build it
		}
		if err := m.stage(stage, v); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func need(s *dockerfile.Stage, needed map[*dockerfile.Stage]bool) {
	if needed[s] {
		return
	}
	needed[s] = true
	for _, u := range s.Uses {
		need(u, needed)
	}
}

func (m *model) stage(stage *dockerfile.Stage, v Version) error {
	below, base := -1, "FROM "+m.file.BaseOf(stage)+" "+stage.Platform
	if stage.Parent != nil {
		below = m.last[stage.Parent]
	}
	m.varying = m.inherited(stage, v)
	for _, inst := range stage.Instructions {
		s := &step{inst: inst, below: below, says: base}
		made := true
		var err error
		switch inst.Keyword {
		case "RUN":
			err = m.run(s, v)
		case "COPY", "ADD":
			err = m.copy(s, v)
		case "WORKDIR":
			made = m.workdir(s)
		default:
			m.define(inst, v)
			made = false
		}
		if err != nil {
			return fmt.Errorf("%s:%d: %w", m.file.Name, m.file.Position(inst.Span.Start).Line, err)
		}
		if made {
			m.steps = append(m.steps, s)
			below = len(m.steps) - 1
		}
	}
	m.last[stage] = below
	return nil
}

// inherited are the variables of a stage's parents that vary: its ENV, not its ARG.
func (m *model) inherited(stage *dockerfile.Stage, v Version) map[string]bool {
	varying := map[string]bool{}
	if stage.Parent == nil {
		return varying
	}
	saved := m.varying
	m.varying = m.inherited(stage.Parent, v)
	for _, inst := range stage.Parent.Instructions {
		m.define(inst, v)
	}
	for _, env := range m.file.EndState(stage.Parent).Env {
		if m.varying[env.Name] {
			varying[env.Name] = true
		}
	}
	m.varying = saved
	return varying
}

// define follows which variables vary.
func (m *model) define(inst *dockerfile.Instruction, v Version) {
	switch inst.Keyword {
	case "ARG":
		for _, p := range inst.Pairs() {
			if slices.Contains(v.PerCommit, p.Name) || len(m.uses(inst, p.Raw)) > 0 {
				m.varying[p.Name] = true
			}
		}
	case "ENV":
		for _, p := range inst.Pairs() {
			m.varying[p.Name] = len(m.uses(inst, p.Raw)) > 0
		}
	}
}

// uses are the varying variables that a text expands.
func (m *model) uses(inst *dockerfile.Instruction, text string) (names []string) {
	if len(m.varying) == 0 {
		return nil
	}
	_, _ = dockerfile.ExpandKnown(text, m.file.Escape, func(name string) (string, bool) {
		if m.varying[name] {
			names = append(names, name)
		}
		return "", false
	})
	return names
}

// run reads a RUN: its command sees every variable of the stage, used or not.
func (m *model) run(s *step, v Version) error {
	state := m.file.StateBefore(s.inst)
	var b strings.Builder
	fmt.Fprintln(&b, s.says, m.file.Text(s.inst.Span), state.Shell, state.User, state.Workdir)
	for _, v := range slices.Concat(state.Env, state.Args) {
		fmt.Fprintln(&b, v.Name, v.Value, v.Set)
	}
	s.says = b.String()
	for _, name := range slices.Sorted(maps.Keys(m.varying)) {
		if m.varying[name] {
			s.varying = append(s.varying, name)
		}
	}
	for _, mount := range s.inst.Mounts() {
		if mount.Type != "bind" {
			continue // caches, secrets and the like are in no key
		}
		if err := m.mount(s, mount, v); err != nil {
			return err
		}
	}
	return nil
}

func (m *model) mount(s *step, mount dockerfile.Mount, v Version) error {
	source := mount.Source
	if source == "" {
		source = "."
	}
	if mount.From == "" {
		return m.selects(s, []string{source}, buildctx.CopyOptions{}, v)
	}
	for _, stage := range s.inst.Stage.Uses {
		if strings.EqualFold(stage.Name, mount.From) || fmt.Sprint(stage.Index) == mount.From {
			m.stageInput(s, stage)
		}
	}
	return nil
}

func (m *model) copy(s *step, v Version) error {
	inst := s.inst
	state := m.file.StateBefore(inst)
	s.says += "\n" + m.file.Text(inst.Span) + "\n" + state.Workdir
	_, s.link = inst.Flag("link")
	s.varying = m.uses(inst, m.file.Text(inst.Rest))
	if flag, from := inst.Flag("from"); from {
		if stage := m.file.From(inst); stage != nil {
			m.stageInput(s, stage)
		} else {
			s.doubt = "the image " + flag.Value + " is taken to stay the same"
		}
		return nil
	}
	var sources []string
	for _, w := range inst.Sources() {
		text := state.Expand(inst, w.Text)
		if strings.Contains(text, "://") || strings.HasPrefix(text, "git@") {
			s.doubt = text + " is taken to stay the same"
			continue
		}
		if strings.HasPrefix(text, "<<") {
			continue // its text is in the Dockerfile
		}
		sources = append(sources, text)
	}
	return m.selects(s, sources, copyOptions(inst), v)
}

func copyOptions(inst *dockerfile.Instruction) (opts buildctx.CopyOptions) {
	for _, f := range inst.Flags {
		switch f.Name {
		case "exclude":
			opts.Exclude = append(opts.Exclude, f.Value)
		case "parents":
			opts.Parents = f.Value != "false"
		}
	}
	return opts
}

// selects adds files of the context to a step's inputs.
func (m *model) selects(s *step, sources []string, opts buildctx.CopyOptions, v Version) error {
	if len(sources) == 0 {
		return nil
	}
	selected, err := buildctx.NewSelection(v.Ignore, sources, opts)
	if err != nil {
		return err
	}
	m.selections = append(m.selections, &selection{Selection: selected})
	s.selections = append(s.selections, len(m.selections)-1)
	return nil
}

// stageInput adds files of another stage to a step's inputs.
func (m *model) stageInput(s *step, stage *dockerfile.Stage) {
	if last := m.last[stage]; last >= 0 {
		s.stages = append(s.stages, last)
	}
	name := stage.Name
	if name == "" {
		name = fmt.Sprintf("stage %d", stage.Index)
	}
	s.doubt = "what " + name + " makes may be the same as before, and the step a hit then"
}

// workdir makes a step only where a directory is made.
func (m *model) workdir(s *step) bool {
	state := m.file.StateBefore(s.inst)
	after := state.Expand(s.inst, m.file.Text(s.inst.Rest))
	s.says += "\nWORKDIR " + state.Workdir + " " + after
	s.varying = m.uses(s.inst, m.file.Text(s.inst.Rest))
	return after != "/"
}
