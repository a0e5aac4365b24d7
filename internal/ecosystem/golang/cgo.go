package golang

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/plimsoll/plimsoll/internal/ecosystem"
)

// cgoModules are modules that need cgo, or packages of modules that otherwise do not, with the Debian packages of the shared
// libraries that programs with them load; nil when libc is all. From each
// module's README and #cgo lines.
var cgoModules = map[string][]string{
	"github.com/mattn/go-sqlite3":                nil,
	"github.com/mutecomm/go-sqlcipher":           nil,
	"github.com/confluentinc/confluent-kafka-go": nil, // brings a static librdkafka for glibc
	"github.com/marcboeker/go-duckdb":            nil,
	"github.com/duckdb/duckdb-go":                nil,
	"github.com/DataDog/zstd":                    nil,
	"github.com/valyala/gozstd":                  nil,
	"github.com/linxGnu/grocksdb":                {"?"},
	"github.com/tecbot/gorocksdb":                {"?"},
	"gocv.io/x/gocv":                             {"?"},
	"github.com/davidbyttow/govips":              {"?"},
	"github.com/h2non/bimg":                      {"?"},
	"gopkg.in/gographics/imagick":                {"?"},
	"github.com/libgit2/git2go":                  {"?"},
	"github.com/godror/godror":                   nil, // loads Oracle's client when it connects
	"github.com/chai2010/webp":                   nil,
	"github.com/kolesa-team/go-webp":             {"?"},
	"github.com/google/gopacket/pcap":            {"libpcap0.8"}, // which libpcap0.8t64 provides in trixie
	"github.com/gopacket/gopacket/pcap":          {"libpcap0.8"},
	"github.com/pebbe/zmq4":                      {"?"},
	"github.com/rogchap/v8go":                    nil,
	"rogchap.com/v8go":                           nil,
	"github.com/tree-sitter/go-tree-sitter":      nil,
	"github.com/smacker/go-tree-sitter":          nil,
	"github.com/bytecodealliance/wasmtime-go":    nil,
	"github.com/wasmerio/wasmer-go":              {"?"},
	"github.com/miekg/pkcs11":                    nil,
	"github.com/coreos/go-systemd/sdjournal":     {"libsystemd0"}, // loaded by name
	"github.com/go-gl/gl":                        {"?"},
	"github.com/veandco/go-sdl2":                 {"?"},
	"github.com/otiai10/gosseract":               {"?"},
	"github.com/supranational/blst":              nil,
	"github.com/ethereum/go-ethereum":            nil, // has ways without, which are much slower
}

// libraries are shared libraries by the name that the linker has for them, with Debian's package.
var libraries = map[string]string{
	"z": "zlib1g", "sqlite3": "libsqlite3-0", "pq": "libpq5", "bz2": "libbz2-1.0", "lzma": "liblzma5", "zstd": "libzstd1",
}

// libc are libraries that every Debian has.
var libc = []string{"c", "m", "dl", "pthread", "rt", "stdc++", "gcc", "gcc_s", "resolv"}

// cgo says whether the programs need it, and what they load.
type cgo struct {
	needed   ecosystem.Source // what needs it; the zero Source when nothing does
	packages []string         // Debian packages with shared libraries
	unknown  string           // a library whose package is not known
}

// findCgo looks for import "C" in all packages that lie in the context, and for
// modules that are known to need it. The list of go.mod is complete from Go 1.17 on.
func (d *detection) findCgo() cgo {
	var c cgo
	for _, p := range d.src.list {
		for _, f := range p.files {
			if f.cgo && !d.src.vendored(p) {
				c.need(d.src.at(f.syntax, `imports "C"`))
				c.link(f)
			} else if f.cgo {
				d.vendoredCgo(&c, p, f)
			}
		}
	}
	d.modulesCgo(&c)
	d.importedCgo(&c)
	return c
}

func (d *detection) modulesCgo(c *cgo) {
	for _, r := range d.mod.file.Require {
		for name, packages := range cgoModules {
			if within(r.Mod.Path, name) && (!d.mod.vendor || c.needed.File != "") {
				d.native(r.Mod.Path, packages, d.mod.at(r.Syntax, "needs cgo"))
				c.need(d.mod.at(r.Syntax, r.Mod.Path+" needs cgo"))
				c.add(r.Mod.Path, packages)
			}
		}
	}
}

// importedCgo looks for packages that need cgo where their module as a whole does not.
func (d *detection) importedCgo(c *cgo) {
	seen := map[string]bool{}
	for _, p := range d.src.own() {
		for _, f := range p.files {
			for _, im := range f.syntax.Imports {
				target, _ := strconv.Unquote(im.Path.Value)
				name := unversioned(target)
				packages, known := cgoModules[name]
				if !known || seen[name] || slices.ContainsFunc(d.mod.file.Require, func(r *modfile.Require) bool { return within(r.Mod.Path, name) }) {
					continue
				}
				seen[name] = true
				d.native(target, packages, d.src.at(im, "needs cgo"))
				c.need(d.src.at(im, target+" needs cgo"))
				c.add(target, packages)
			}
		}
	}
}

// unversioned is an import path without the major version of its module.
func unversioned(target string) string {
	return strings.Join(slices.DeleteFunc(strings.Split(target, "/"), isVersion), "/")
}

// within tells whether a module's path is a name or a major version of it.
func within(module, name string) bool {
	rest, ok := strings.CutPrefix(module, name)
	return ok && (rest == "" || strings.HasPrefix(rest, "/v") || strings.HasPrefix(rest, ".v"))
}

func (d *detection) native(name string, packages []string, source ecosystem.Source) {
	if len(packages) == 1 && packages[0] == "?" {
		packages = nil
	}
	n := ecosystem.NativeDependency{Name: name, Compiles: true, RunDebian: packages}
	d.facts.Native = append(d.facts.Native, ecosystem.Fact[ecosystem.NativeDependency]{Value: n, Source: source})
}

// vendoredCgo counts a vendored package unless it has a way without C: other files for when cgo is off.
func (d *detection) vendoredCgo(c *cgo, p *pkg, f *file) {
	if strings.HasPrefix(p.path, "golang.org/x/") {
		return
	}
	c.need(d.src.at(f.syntax, `imports "C"`))
	c.link(f)
}

func (c *cgo) need(source ecosystem.Source) {
	if c.needed.File == "" {
		c.needed = source
	}
}

func (c *cgo) add(what string, packages []string) {
	for _, p := range packages {
		if p == "?" {
			c.unknown = "the libraries of " + what
		} else if !slices.Contains(c.packages, p) {
			c.packages = append(c.packages, p)
		}
	}
}

// link reads the #cgo lines of a file.
func (c *cgo) link(f *file) {
	for _, group := range f.syntax.Comments {
		for line := range strings.Lines(group.Text()) {
			line = strings.TrimSpace(line)
			if !strings.HasPrefix(line, "#cgo ") {
				continue
			}
			if _, names, ok := strings.Cut(line, "pkg-config:"); ok {
				c.add("pkg-config"+names+" ("+f.path+")", []string{"?"})
			}
			_, flags, ok := strings.Cut(line, "LDFLAGS:")
			for _, word := range strings.Fields(flags) {
				if name, isLib := strings.CutPrefix(word, "-l"); ok && isLib {
					c.library(name, f.path)
				}
			}
		}
	}
}

func (c *cgo) library(name, file string) {
	if slices.Contains(libc, name) {
		return
	}
	if p, ok := libraries[name]; ok {
		c.add(name, []string{p})
		return
	}
	c.add("-l"+name+" ("+path.Base(file)+")", []string{"?"})
}
