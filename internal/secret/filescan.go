package secret

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"github.com/zricethezav/gitleaks/v8/config"
)

const (
	// scanWindow is how much of a file is looked at in one piece.
	scanWindow = 1 << 20
	// scanOverlap is looked at twice, so that credentials across a border are
	// found: those of up to this length.
	scanOverlap = 64 << 10
	// sniffed is how much of a file's start must be free of NUL bytes for it to be a text.
	sniffed = 8 << 10
)

// FileScan finds credentials in files that stream by, by their shape. It is
// used for one file after the other, by one goroutine.
//
// Not looked at: what gitleaks' global allowlist excludes by path (lock files,
// node_modules, Python's libraries, pictures, fonts) and files with a NUL byte in the
// first 8 KiB, which are no text.
type FileScan struct {
	seen       *Seen // nil remembers nothing
	remembered bool  // the file was not searched, what it has is known
	path       string
	skip       bool
	started    bool
	whole      bool // the window has the file from its beginning on
	window     []byte
	line       int // lines before the window
	reported   int // bytes at the window's start in which matches were reported already
	found      []Match
}

// NewFileScan returns a scan. What it finds is kept in seen, which may be nil.
func NewFileScan(seen *Seen) *FileScan { return &FileScan{seen: seen} }

// RulesVersion names the rules and how they are applied: with another version, files may give other results.
func RulesVersion() string {
	sum := sha256.Sum256([]byte(config.DefaultConfig))
	return "2-" + hex.EncodeToString(sum[:6])
}

// Begin starts a file.
func (s *FileScan) Begin(path string, size int64) {
	*s = FileScan{seen: s.seen, path: path, window: s.window[:0], whole: true}
	s.skip = size < MinNeedle || isAllowedPath(path)
}

// isAllowedPath tells files that no rule looks at.
func isAllowedPath(path string) bool {
	set, err := rules()
	if err != nil {
		return true // a test reads and compiles them all
	}
	global, err := set.allowed()
	return err != nil || slices.ContainsFunc(global, func(l compiledAllowlist) bool {
		return !l.all && l.paths != nil && l.paths.matches(path)
	})
}

// Write takes the next bytes.
func (s *FileScan) Write(p []byte) {
	if s.skip {
		return
	}
	if !s.started {
		s.started = true
		if bytes.IndexByte(p[:min(len(p), sniffed)], 0) >= 0 {
			s.skip = true
			return
		}
	}
	s.window = append(s.window, p...)
	if len(s.window) >= scanWindow {
		s.search(len(s.window) - scanOverlap)
	}
}

// End returns the file's path and what was found in it.
func (s *FileScan) End() (path string, found []Match) {
	if !s.skip && len(s.window) > s.reported {
		s.last()
	}
	if cap(s.window) > 2*scanWindow {
		s.window = nil
	}
	return s.path, s.found
}

// last searches what is left, unless it is a whole file and known.
func (s *FileScan) last() {
	if s.seen == nil || !s.whole || len(s.window) < leastSeen {
		s.search(len(s.window))
		return
	}
	key := s.seen.key(s.window)
	if s.found, s.remembered = s.seen.find(key, s.path); s.remembered {
		return
	}
	s.search(len(s.window))
	s.seen.add(key, s.path, s.found)
}

// search reports what begins before until and keeps the rest of the window for later.
func (s *FileScan) search(until int) {
	for _, m := range In(s.path, s.window) {
		if m.Offset >= s.reported && m.Offset < until {
			m.Line += s.line
			s.found = append(s.found, m)
		}
	}
	s.whole = false
	// What stands before a match belongs to it: keep some of it, from the start of a line where there is one.
	keep := max(0, until-wideMatch)
	if at := bytes.IndexByte(s.window[keep:until], '\n'); at >= 0 && keep > 0 {
		keep += at + 1
	}
	s.line += bytes.Count(s.window[:keep], []byte{'\n'})
	s.reported = until - keep
	s.window = append(s.window[:0], s.window[keep:]...)
}
