package python

import (
	"path"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/ecosystem/python/requirements"
)

// wheels says for which systems PyPI has compiled wheels of a package.
type wheels int

const (
	none  wheels = iota // source only: it is compiled
	glibc               // manylinux wheels; nothing is known about musl
	both                // manylinux and musllinux wheels
	pure                // no compiled code of its own, but it loads shared libraries
)

// native describes a package with compiled code.
type native struct {
	wheels wheels
	build  []string // Debian packages to compile it, compiler included
	run    []string // Debian packages with the libraries that it loads and that a slim image lacks
}

// natives lists the dependencies with compiled code, in the order in which they are asked for.
func natives(deps []dependency, version string) []ecosystem.Fact[ecosystem.NativeDependency] {
	var list []ecosystem.Fact[ecosystem.NativeDependency]
	env := requirements.Linux(version)
	for _, d := range deps {
		if !d.Applies(env) {
			continue
		}
		if d.Kind == requirements.VCS && d.fetchedName() != "" {
			// It is built where it is fetched, with whatever that takes.
			list = append(list, ecosystem.Fact[ecosystem.NativeDependency]{Value: ecosystem.NativeDependency{Name: d.fetchedName(), Compiles: true, MuslWheels: true, BuildDebian: []string{"git"}}, Source: d.source})
			continue
		}
		for _, name := range append([]string{d.Name}, extraOf(d)...) {
			n, ok := nativePackages[name]
			if !ok || slices.ContainsFunc(list, func(f ecosystem.Fact[ecosystem.NativeDependency]) bool { return f.Value.Name == name }) {
				continue
			}
			list = append(list, ecosystem.Fact[ecosystem.NativeDependency]{Value: n.dependency(name), Source: d.source})
		}
	}
	return list
}

// fetchedName is what a dependency is called that comes out of a repository: by the repository where the line does not say.
func (d dependency) fetchedName() string {
	if d.Name != "" {
		return d.Name
	}
	address, _, _ := strings.Cut(d.Target, "#")
	name, _, _ := strings.Cut(path.Base(address), "@")
	return strings.TrimSuffix(name, ".git")
}

func (n native) dependency(name string) ecosystem.NativeDependency {
	return ecosystem.NativeDependency{
		Name:        name,
		Compiles:    n.wheels == none,
		MuslWheels:  n.wheels == both || n.wheels == pure,
		BuildDebian: n.build,
		RunDebian:   n.run,
	}
}

// extraOf names the native packages that an extra pulls in.
func extraOf(d dependency) []string {
	var list []string
	for _, e := range d.Extras {
		list = append(list, nativeExtras[d.Name+"["+e+"]"]...)
	}
	return list
}
