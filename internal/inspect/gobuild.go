package inspect

import (
	"bytes"
	"encoding/binary"
	"strings"
)

func isELF(start []byte) bool { return bytes.HasPrefix(start, []byte("\x7fELF")) }

// goInfo finds what the Go linker wrote about a program's modules into it, as
// debug/buildinfo does, in a stream: a 32-byte header, then, from Go 1.18 on,
// the Go version and the module lines, each with its length in front.
type goInfo struct {
	path string
	size int64
	tail []byte // the end of the part before, where the magic may begin
	info []byte // from the magic on
}

const (
	goMagic      = "\xff Go buildinf:"
	goHeader     = 32
	goInline     = 2       // flag: the strings follow
	maxGoInfo    = 1 << 20 // large programs have some 100 KB
	goInfoFlagAt = 15
	goInfoBorder = 16 // bytes at the start and the end of the module lines that frame them
)

func (g *goInfo) write(p []byte) {
	if g.info != nil {
		g.info = append(g.info, p[:min(len(p), maxGoInfo-len(g.info))]...)
		return
	}
	joined := append(g.tail, p[:min(len(p), len(goMagic))]...)
	if at := bytes.Index(joined, []byte(goMagic)); at >= 0 {
		g.info = append(bytes.Clone(joined[at:len(g.tail)]), p[:min(len(p), maxGoInfo)]...)
		return
	}
	if at := bytes.Index(p, []byte(goMagic)); at >= 0 {
		g.info = bytes.Clone(p[at:])
		return
	}
	g.tail = append(g.tail[:0], p[max(0, len(p)-len(goMagic)+1):]...)
}

func (g *goInfo) end(r *record) {
	version, modules, ok := parseGoInfo(g.info)
	if !ok {
		return
	}
	p := Package{Ecosystem: "go", Name: g.path, Version: version, Bytes: g.size, Source: g.path}
	for line := range strings.Lines(modules) {
		if fields := strings.Split(strings.TrimRight(line, "\n"), "\t"); fields[0] == "mod" && len(fields) >= 3 {
			p.Name, p.Version = fields[1], fields[2]
		}
	}
	r.addPackage(p)
}

func parseGoInfo(b []byte) (version, modules string, ok bool) {
	if len(b) < goHeader || b[goInfoFlagAt]&goInline == 0 {
		return "", "", false
	}
	version, rest, ok := goString(b[goHeader:])
	if !ok || !strings.HasPrefix(version, "go") && !strings.HasPrefix(version, "devel") {
		return "", "", false
	}
	modules, _, _ = goString(rest)
	if len(modules) >= 2*goInfoBorder+1 && modules[len(modules)-goInfoBorder-1] == '\n' {
		modules = modules[goInfoBorder : len(modules)-goInfoBorder]
	} else {
		modules = ""
	}
	return version, modules, true
}

func goString(b []byte) (text string, rest []byte, ok bool) {
	n, size := binary.Uvarint(b)
	if size <= 0 || n > uint64(len(b)-size) {
		return "", nil, false
	}
	return string(b[size : size+int(n)]), b[size+int(n):], true
}
