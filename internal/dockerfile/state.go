package dockerfile

import (
	"path"
	"slices"
)

// Var is a variable or label, its value expanded as far as it is known.
type Var struct {
	Name, Value string
	Set         bool // false for ARG NAME without a value
	By          *Instruction
	Pair        Pair // where it stands
}

// Value is a setting that one instruction made.
type Value struct {
	Text string
	By   *Instruction
}

// maxVars bounds a state's variables, arguments and labels each: no real file
// has so many, and all are looked through for every new one.
const maxVars = 1000

// State is what holds at a place in a stage, with what it inherits from
// earlier stages. What a base image sets is not known: User is "" then, and
// Workdir "/". Variables that the file does not define stay as written.
type State struct {
	User   string
	UserBy *Instruction

	Workdir   string // absolute
	WorkdirBy *Instruction

	Shell   []string
	ShellBy *Instruction // nil for the default, /bin/sh -c

	Env    []Var // in the order of their first definition
	Args   []Var // of this stage alone
	Labels []Var

	Entrypoint, Cmd, Healthcheck *Instruction

	StopSignal   string
	StopSignalBy *Instruction

	Expose  []Value
	Volumes []Value

	cmdHere bool // Cmd was set in this stage
}

// EnvVar is the environment variable of that name.
func (s *State) EnvVar(name string) (Var, bool) { return find(s.Env, name) }

// Arg is the build argument of that name.
func (s *State) Arg(name string) (Var, bool) { return find(s.Args, name) }

// Label is the label of that name.
func (s *State) Label(name string) (Var, bool) { return find(s.Labels, name) }

func find(vars []Var, name string) (Var, bool) {
	for _, v := range vars {
		if v.Name == name {
			return v, true
		}
	}
	return Var{}, false
}

func set(vars []Var, v Var) []Var {
	for n := range vars {
		if vars[n].Name == v.Name {
			vars[n] = v
			return vars
		}
	}
	if len(vars) >= maxVars {
		return vars
	}
	return append(vars, v)
}

// StateBefore is what holds when the instruction starts. FROM, and what stands
// before the first one, sees the arguments there alone.
func (f *File) StateBefore(i *Instruction) State {
	if i.Stage == nil || i.Keyword == "FROM" {
		s := newState()
		s.Args = f.globals(i.Index)
		return s
	}
	return f.state(i.Stage, i.Index)
}

// EndState is what holds at the end of a stage: what its image is configured with.
func (f *File) EndState(s *Stage) State { return f.state(s, len(f.Instructions)) }

func newState() State {
	return State{Workdir: "/", Shell: []string{"/bin/sh", "-c"}}
}

// state walks the chain of parents down to the stage.
func (f *File) state(last *Stage, before int) State {
	var chain []*Stage
	for s := last; s != nil; s = s.Parent {
		chain = append(chain, s)
	}
	slices.Reverse(chain)
	state := newState()
	for _, stage := range chain {
		state.Args, state.cmdHere = nil, false
		for _, i := range stage.Instructions {
			if i.Index >= before {
				break
			}
			f.apply(&state, i)
		}
	}
	return state
}

func (f *File) apply(s *State, i *Instruction) {
	switch i.Keyword {
	case "ENV":
		s.Env = s.define(s.Env, i)
	case "LABEL":
		s.Labels = s.define(s.Labels, i)
	case "ARG":
		f.applyArg(s, i)
	case "USER":
		s.User, s.UserBy = s.one(i), i
	case "WORKDIR":
		s.applyWorkdir(i)
	case "STOPSIGNAL":
		s.StopSignal, s.StopSignalBy = s.one(i), i
	case "SHELL":
		if i.JSON {
			s.Shell, s.ShellBy = texts(i.Args), i
		}
	case "HEALTHCHECK":
		s.Healthcheck = i
	case "CMD":
		s.Cmd, s.cmdHere = i, true
	case "ENTRYPOINT":
		s.Entrypoint = i
		if !s.cmdHere { // an inherited CMD was meant for the inherited ENTRYPOINT
			s.Cmd = nil
		}
	case "EXPOSE":
		s.Expose = s.values(s.Expose, i)
	case "VOLUME":
		s.Volumes = s.values(s.Volumes, i)
	}
}

// Expand expands a text with what the state knows, by the builder's rules. A
// text that can't be read stays as it is.
func (s *State) Expand(i *Instruction, text string) string {
	expanded, err := ExpandKnown(text, i.escape, s.lookup)
	if err != nil {
		return text
	}
	return expanded
}

// lookup prefers ENV over ARG, as the builder does.
func (s *State) lookup(name string) (string, bool) {
	if v, ok := s.EnvVar(name); ok {
		return v.Value, true
	}
	v, ok := s.Arg(name)
	return v.Value, ok && v.Set
}

// define adds an instruction's pairs. All of them are expanded with what held
// before the instruction.
func (s *State) define(vars []Var, i *Instruction) []Var {
	var added []Var
	for _, p := range i.Pairs() {
		added = append(added, Var{Name: s.Expand(i, p.Name), Value: s.Expand(i, p.Raw), Set: true, By: i, Pair: p})
	}
	for _, v := range added {
		vars = set(vars, v)
	}
	return vars
}

func (f *File) applyArg(s *State, i *Instruction) {
	for _, p := range i.Pairs() {
		v := Var{Name: p.Name, Set: p.HasValue, By: i, Pair: p}
		if p.HasValue {
			v.Value = s.Expand(i, p.Raw)
		} else if global, ok := find(f.globals(len(f.Instructions)), p.Name); ok {
			v.Value, v.Set = global.Value, global.Set
		}
		f.given(&v)
		s.Args = set(s.Args, v)
	}
}

// given gives an argument the value that the build sets.
func (f *File) given(v *Var) {
	if value, ok := f.build.Args[v.Name]; ok {
		v.Value, v.Set = value, true
	}
}

// Given reports whether the build sets this argument, whatever its default.
func (f *File) Given(arg string) bool {
	_, ok := f.build.Args[arg]
	return ok
}

// globals are the arguments before the first FROM that stand before an index.
func (f *File) globals(before int) []Var {
	s := State{Args: platformArgs("TARGET", f.build.Platform)}
	for n := range s.Args {
		f.given(&s.Args[n])
	}
	for _, i := range f.GlobalArgs {
		if i.Index >= before {
			break
		}
		for _, p := range i.Pairs() {
			v := Var{Name: p.Name, Set: p.HasValue, By: i, Pair: p, Value: s.Expand(i, p.Raw)}
			f.given(&v)
			s.Args = set(s.Args, v)
		}
	}
	return s.Args
}

// BaseOf is a stage's base with the defaults of the arguments before the first
// FROM. A variable without a default stays as written.
func (f *File) BaseOf(stage *Stage) string {
	s := State{Args: f.globals(stage.From.Index)}
	return s.Expand(stage.From, stage.Base)
}

func (s *State) one(i *Instruction) string {
	if len(i.Args) == 0 {
		return ""
	}
	return s.Expand(i, i.Args[0].Text)
}

func (s *State) applyWorkdir(i *Instruction) {
	dir := s.one(i)
	if !path.IsAbs(dir) {
		dir = path.Join(s.Workdir, dir)
	}
	s.Workdir, s.WorkdirBy = path.Clean(dir), i
}

func (s *State) values(list []Value, i *Instruction) []Value {
	for _, w := range i.Args {
		v := Value{Text: s.Expand(i, w.Text), By: i}
		same := slices.IndexFunc(list, func(o Value) bool { return o.Text == v.Text })
		if same >= 0 {
			list[same] = v
			continue
		}
		if len(list) < maxVars {
			list = append(list, v)
		}
	}
	return list
}

func texts(words []Word) []string {
	list := make([]string, len(words))
	for n, w := range words {
		list[n] = w.Text
	}
	return list
}
