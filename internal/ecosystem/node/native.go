package node

import (
	"io/fs"

	"github.com/plimsoll/plimsoll/internal/ecosystem"
)

func exists(context fs.FS, name string) bool {
	if context == nil {
		return false
	}
	_, err := fs.Stat(context, name)
	return err == nil
}

// compilers are what node-gyp calls.
var compilers = []string{"g++", "make", "python3"}

// nativePackages are well-known packages with compiled code, as their own documentation and
// releases describe them. Those that compile publish no build for current versions of Node.js.
var nativePackages = map[string]ecosystem.NativeDependency{
	"@prisma/client":        {MuslWheels: true, RunDebian: []string{"openssl"}},
	"argon2":                {MuslWheels: true},
	"bcrypt":                {MuslWheels: true},
	"better-sqlite3":        {MuslWheels: true},
	"canvas":                {},
	"isolated-vm":           {},
	"libpq":                 {Compiles: true, BuildDebian: append([]string{"libpq-dev"}, compilers...), RunDebian: []string{"libpq5"}},
	"node-expat":            {Compiles: true, BuildDebian: compilers},
	"node-sass":             {Compiles: true, BuildDebian: compilers},
	"pg-native":             {Compiles: true, BuildDebian: append([]string{"libpq-dev"}, compilers...), RunDebian: []string{"libpq5"}},
	"re2":                   {MuslWheels: true},
	"sharp":                 {MuslWheels: true},
	"sqlite3":               {MuslWheels: true},
	"@tensorflow/tfjs-node": {},
	"zeromq":                {MuslWheels: true},
}

// natives are the dependencies with compiled code, each with the line that asks for it.
func natives(packages []entry) (list []ecosystem.Fact[ecosystem.NativeDependency]) {
	seen := map[string]bool{}
	for _, e := range packages {
		n, ok := nativePackages[e.name]
		if !ok || seen[e.name] {
			continue
		}
		seen[e.name] = true
		n.Name = e.name
		list = append(list, ecosystem.Fact[ecosystem.NativeDependency]{Value: n, Source: ecosystem.Source{File: e.file, Line: e.line, Note: e.section}})
	}
	return list
}
