package golang

import (
	"go/ast"
	"path"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/plimsoll/plimsoll/internal/ecosystem"
)

// writer is a function that writes to the path which an argument names.
type writer struct {
	arg int
	dir bool
	why string
}

var writers = map[string]writer{
	"os.Create": {0, false, "creates it"}, "os.WriteFile": {0, false, "writes it"}, "io/ioutil.WriteFile": {0, false, "writes it"},
	"os.Mkdir": {0, true, "makes the directory"}, "os.MkdirAll": {0, true, "makes the directory"},
	"os.CreateTemp": {0, true, "makes files in it"}, "os.MkdirTemp": {0, true, "makes directories in it"},
	"os.Rename": {1, false, "renames to it"}, "os.OpenFile": {0, false, "opens it for writing"},
	"go.etcd.io/bbolt.Open": {0, false, "is the database"}, "github.com/boltdb/bolt.Open": {0, false, "is the database"},
	"github.com/glebarez/sqlite.Open": {0, false, "is the sqlite database"}, "gorm.io/driver/sqlite.Open": {0, false, "is the sqlite database"},
	"github.com/syndtr/goleveldb/leveldb.OpenFile":  {0, true, "is the database"},
	"github.com/dgraph-io/badger/v4.DefaultOptions": {0, true, "is the database"}, "github.com/dgraph-io/badger/v3.DefaultOptions": {0, true, "is the database"},
}

// maxWrites bounds the paths of one application.
const maxWrites = 500

// writes lists the paths that the source writes.
func (d *detection) writes() []ecosystem.Fact[ecosystem.Write] {
	var list []ecosystem.Fact[ecosystem.Write]
	add := func(x ast.Expr, at place, dir bool, why string) {
		k := d.src.text(x, at)
		if !k.all {
			d.note("writes", "a path that is only known when the program runs: "+why, d.src.at(x, ""))
		}
		for _, t := range k.texts {
			if t = d.written(t); t == "" || len(list) >= maxWrites {
				continue
			}
			w := ecosystem.Write{Path: t, Dir: dir}
			if !slices.ContainsFunc(list, func(f ecosystem.Fact[ecosystem.Write]) bool { return f.Value.Path == w.Path }) {
				list = append(list, ecosystem.Fact[ecosystem.Write]{Value: w, Source: d.src.at(x, why)})
			}
		}
	}
	d.src.calls(func(c *ast.CallExpr, name string, at place) {
		if w, ok := writers[name]; ok && w.arg < len(c.Args) && (name != "os.OpenFile" || creates(c)) {
			add(c.Args[w.arg], at, w.dir, w.why)
		}
		if name == "database/sql.Open" && len(c.Args) == 2 && strings.HasPrefix(d.src.text(c.Args[0], at).first(), "sqlite") {
			add(c.Args[1], at, false, "is the sqlite database")
		}
	})
	return list
}

// creates reports whether os.OpenFile may write, by the names of its flags.
func creates(c *ast.CallExpr) bool {
	if len(c.Args) < 2 {
		return false
	}
	found := false
	ast.Inspect(c.Args[1], func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && slices.Contains([]string{"O_CREATE", "O_WRONLY", "O_RDWR", "O_APPEND"}, id.Name) {
			found = true
		}
		return !found
	})
	return found
}

// written gives a path as the contract wants it; "" for what is not kept: memory, temporary directories, devices.
func (d *detection) written(name string) string {
	name = strings.TrimPrefix(strings.TrimPrefix(name, "file:"), "//")
	name, _, _ = strings.Cut(name, "?")
	if name == "" || name == "." || strings.Contains(name, ":memory:") || strings.ContainsAny(name, "*\x00") {
		return ""
	}
	name = path.Clean(name)
	for _, scratch := range []string{"/tmp", "/var/tmp", "/dev", "/proc", "/run"} {
		if name == scratch || strings.HasPrefix(name, scratch+"/") {
			return ""
		}
	}
	if rest, ok := strings.CutPrefix(name, d.state.Workdir+"/"); ok && d.state.Workdir != "/" {
		return rest
	}
	return name
}

// envReads finds the environment variables that the source reads.
func (s *sources) envReads() []ecosystem.Fact[string] {
	var list []ecosystem.Fact[string]
	add := func(name string, source ecosystem.Source) {
		if name != "" && !slices.ContainsFunc(list, func(f ecosystem.Fact[string]) bool { return f.Value == name }) {
			list = append(list, ecosystem.Fact[string]{Value: name, Source: source})
		}
	}
	s.nodes(func(n ast.Node, at place) {
		switch n := n.(type) {
		case *ast.CallExpr:
			if len(n.Args) == 0 {
				return
			}
			name := at.f.name(n.Fun)
			if name == "os.Getenv" || name == "os.LookupEnv" || s.readsEnv(s.function(name, at.f)) {
				add(s.text(n.Args[0], at).first(), s.at(n, "reads it"))
			}
		case *ast.Field:
			if n.Tag != nil {
				add(tagged(n.Tag.Value), s.at(n, "a field of a configuration"))
			}
		}
	})
	return list
}

// tagged reads the variable's name of `env:"PORT,required"` and `envconfig:"PORT"`.
func tagged(raw string) string {
	text, err := strconv.Unquote(raw)
	if err != nil {
		return ""
	}
	for _, key := range []string{"env", "envconfig"} {
		if v := reflect.StructTag(text).Get(key); v != "" && v != "-" {
			name, _, _ := strings.Cut(v, ",")
			return name
		}
	}
	return ""
}
