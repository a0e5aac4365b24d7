package dockerfile

import (
	"slices"
	"strconv"
	"strings"
)

// link puts the instructions into stages and finds what stages build on.
func (f *File) link() {
	var stage *Stage
	for _, i := range f.Instructions {
		if i.Keyword == "FROM" {
			stage = f.newStage(i)
		}
		i.setStage(stage)
		switch {
		case i.Keyword == "FROM":
		case stage != nil:
			stage.Instructions = append(stage.Instructions, i)
		case i.Keyword == "ARG":
			f.GlobalArgs = append(f.GlobalArgs, i)
		}
	}
	for _, s := range f.Stages {
		f.linkStage(s)
	}
}

func (i *Instruction) setStage(s *Stage) {
	for ; i != nil; i = i.Inner {
		i.Stage = s
	}
}

func (f *File) newStage(i *Instruction) *Stage {
	s := &Stage{Index: len(f.Stages), From: i, BaseSpan: Span{i.Rest.End, i.Rest.End}}
	if len(i.Args) > 0 {
		s.Base, s.BaseSpan = i.Args[0].Text, i.Args[0].Span
	}
	if len(i.Args) > 2 && strings.EqualFold(i.Args[1].Text, "AS") {
		s.Name = strings.ToLower(i.Args[2].Text)
	}
	if p, ok := i.Flag("platform"); ok {
		s.Platform = p.Value
	}
	f.Stages = append(f.Stages, s)
	return s
}

func (f *File) linkStage(s *Stage) {
	s.Parent = f.earlier(f.BaseOf(s), s.Index)
	s.use(s.Parent)
	for _, i := range s.Instructions {
		s.use(f.From(i))
		for _, m := range i.Mounts() {
			s.use(f.stageBefore(m.From, s.Index))
		}
	}
}

func (s *Stage) use(o *Stage) {
	if o != nil && !slices.Contains(s.Uses, o) {
		s.Uses = append(s.Uses, o)
	}
}

// earlier is the last stage of that name before the index. FROM knows stages
// by name alone.
func (f *File) earlier(name string, before int) *Stage {
	for n := before - 1; n >= 0; n-- {
		if s := f.Stages[n]; s.Name != "" && strings.EqualFold(s.Name, name) {
			return s
		}
	}
	return nil
}

// stageBefore is the earlier stage that --from or a mount's from names, by
// name or number.
func (f *File) stageBefore(ref string, before int) *Stage {
	if n, err := strconv.Atoi(ref); err == nil {
		if n >= 0 && n < before {
			return f.Stages[n]
		}
		return nil
	}
	return f.earlier(ref, before)
}

// From is the earlier stage that COPY --from names; nil when there is no
// --from, or when it names an image.
func (f *File) From(i *Instruction) *Stage {
	flag, ok := i.Flag("from")
	if !ok || i.Stage == nil {
		return nil
	}
	return f.stageBefore(flag.Value, i.Stage.Index)
}

// Final is the stage that the build's result comes from; nil without stages, and when there is none of the target's name.
func (f *File) Final() *Stage {
	switch {
	case f.build.Target != "":
		return f.stageBefore(f.build.Target, len(f.Stages))
	case len(f.Stages) == 0:
		return nil
	}
	return f.Stages[len(f.Stages)-1]
}

// StageNamed is the stage of that name, whatever its case; nil when there is
// none. Of several, it is the last.
func (f *File) StageNamed(name string) *Stage { return f.earlier(name, len(f.Stages)) }

// Span reaches from FROM to the end of the stage's last instruction.
func (s *Stage) Span() Span {
	span := s.From.Span
	if n := len(s.Instructions); n > 0 {
		span.End = s.Instructions[n-1].Span.End
	}
	return span
}

// Mount is one --mount of RUN.
type Mount struct {
	Type   string // lower case; bind when it is not said
	From   string
	Source string
	Target string
	Fields map[string]string // all of them, names in lower case
	Flag   Flag
}

// Mounts are RUN's mounts; those that can't be read are left out.
func (i *Instruction) Mounts() []Mount {
	if i.Keyword != "RUN" {
		return nil
	}
	var mounts []Mount
	for _, f := range i.Flags {
		if f.Name != "mount" {
			continue
		}
		if fields, err := csvFields(f.Value); err == nil {
			mounts = append(mounts, newMount(f, fields))
		}
	}
	return mounts
}

func newMount(f Flag, fields []string) Mount {
	m := Mount{Type: "bind", Flag: f, Fields: map[string]string{}}
	for _, field := range fields {
		key, value, _ := strings.Cut(field, "=")
		key = strings.ToLower(key)
		m.Fields[key] = value
		switch key {
		case "type":
			m.Type = strings.ToLower(value)
		case "from":
			m.From = value
		case "source", "src":
			m.Source = value
		case "target", "dst", "destination":
			m.Target = value
		}
	}
	return m
}
