package dockerfile

import (
	"slices"
	"strings"
)

// platformArgs are the arguments that BuildKit sets before the first FROM for a platform, "os/arch[/variant]":
// TARGETPLATFORM, TARGETOS, TARGETARCH and TARGETVARIANT, and the same for BUILD.
func platformArgs(prefix, platform string) []Var {
	if platform == "" {
		return nil
	}
	os, rest, _ := strings.Cut(platform, "/")
	arch, variant, _ := strings.Cut(rest, "/")
	return []Var{
		{Name: prefix + "PLATFORM", Value: platform, Set: true},
		{Name: prefix + "OS", Value: os, Set: true},
		{Name: prefix + "ARCH", Value: arch, Set: true},
		{Name: prefix + "VARIANT", Value: variant, Set: true},
	}
}

// Platform is what the image is built for, "os/arch[/variant]"; empty means the builder's.
func (f *File) Platform() string { return f.build.Platform }

// PlatformOf is the platform that a stage's base is taken for, when the target's and the builder's are known: what
// FROM --platform says, or else the target's. It is empty where a variable of it is not known.
func (f *File) PlatformOf(stage *Stage, target, builder string) string {
	if stage.Platform == "" {
		return target
	}
	s := State{Args: append(platformArgs("BUILD", builder), platformArgs("TARGET", target)...)}
	for _, v := range f.globals(stage.From.Index) {
		s.Args = set(s.Args, v)
	}
	platform := s.Expand(stage.From, stage.Platform)
	if strings.Contains(platform, "$") {
		return ""
	}
	return platform
}

// Needed are the stages that the final one is built from, itself included, in the order of the file.
func (f *File) Needed() []*Stage {
	needed := map[*Stage]bool{f.Final(): true}
	var stages []*Stage
	for _, s := range slices.Backward(f.Stages) { // which uses earlier ones alone
		if !needed[s] {
			continue
		}
		stages = append(stages, s)
		for _, used := range s.Uses {
			needed[used] = true
		}
	}
	slices.Reverse(stages)
	return stages
}
