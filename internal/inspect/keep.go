package inspect

import (
	"bytes"
	"path"
	"slices"
	"strings"
)

// keeper takes what is wanted of one file while it streams by.
type keeper interface {
	write(p []byte)
	end(r *record)
}

// maxKept bounds the files that are kept whole for a moment, or for good.
const maxKept = 32 << 20

// keeperFor tells which files are looked into, by their names. Nil is most.
func keeperFor(name string, size int64) keeper {
	if size > maxKept {
		return nil
	}
	base := path.Base(name)
	switch {
	case slices.Contains(keptFiles(), name):
		return &whole{name: name, use: keepText}
	case name == dpkgStatus || strings.HasPrefix(name, dpkgStatusDir) && path.Ext(base) != ".md5sums":
		return &whole{name: name, use: dpkgPackages}
	case name == apkInstalled || name == apkInstalledUsr:
		return &whole{name: name, use: apkPackages}
	case isRPMDatabase(name):
		return &whole{name: name, use: rpmPackages}
	case (base == "METADATA" || base == "RECORD") && strings.HasSuffix(path.Dir(name), ".dist-info"):
		return &whole{name: name, use: pythonPackage}
	case base == "package.json" && strings.Contains(name, "node_modules/"):
		return &whole{name: name, use: npmPackage}
	}
	return nil
}

const (
	dpkgStatus      = "var/lib/dpkg/status"
	dpkgStatusDir   = "var/lib/dpkg/status.d/" // distroless
	apkInstalled    = "lib/apk/db/installed"
	apkInstalledUsr = "usr/lib/apk/db/installed"
)

// keptFiles are those that fitness is judged by.
func keptFiles() []string {
	return []string{"etc/passwd", "etc/shadow", "etc/os-release", "usr/lib/os-release"}
}

// whole keeps a file and hands it on in one piece.
type whole struct {
	name string
	text bytes.Buffer
	use  func(r *record, name string, text []byte)
}

func (w *whole) write(p []byte) {
	if w.text.Len()+len(p) <= maxKept {
		w.text.Write(p)
	}
}

func (w *whole) end(r *record) { w.use(r, w.name, w.text.Bytes()) }

// maxText bounds the files that stay in a record.
const maxText = 1 << 20

func keepText(r *record, name string, text []byte) {
	if len(text) <= maxText {
		r.files[name] = withoutPasswords(name, text)
	}
}

// withoutPasswords is a file as it is kept: of accounts it tells whether they have a password, and not its hash.
func withoutPasswords(name string, text []byte) []byte {
	if name != "etc/passwd" && name != "etc/shadow" {
		return bytes.Clone(text)
	}
	var out bytes.Buffer
	for line := range bytes.Lines(text) {
		fields := bytes.SplitN(line, []byte(":"), 3)
		if len(fields) == 3 && len(fields[1]) > 0 {
			fields[1] = []byte("x")
		}
		out.Write(bytes.Join(fields, []byte(":")))
	}
	return out.Bytes()
}
