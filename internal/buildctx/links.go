package buildctx

import (
	"os"
	"path"
	"path/filepath"
	"strings"
)

// maxLinks bounds a chain of links, as Linux does.
const maxLinks = 40

// resolve follows the links on a path within the context, as a COPY of that
// path does: an absolute link starts at the context's root, and .. stops
// there. It fails for a path that the builder does not get.
func (c *Context) resolve(name string) (string, bool) {
	rest := strings.Split(cleanPath(name), "/")
	at := "."
	for links := 0; len(rest) > 0; {
		step := rest[0]
		rest = rest[1:]
		next := cleanPath(path.Join(at, step))
		if next == "." || step == ".." {
			at = next
			continue
		}
		e, ok := c.Lookup(next)
		if !ok || e.Ignored {
			return "", false
		}
		if e.Mode.Type() != os.ModeSymlink {
			at = next
			continue
		}
		if links++; links > maxLinks {
			return "", false
		}
		target, err := os.Readlink(filepath.Join(c.Root, filepath.FromSlash(next)))
		if err != nil {
			return "", false
		}
		if path.IsAbs(target) {
			at = "."
		}
		rest = append(strings.Split(strings.Trim(target, "/"), "/"), rest...)
	}
	return at, true
}
