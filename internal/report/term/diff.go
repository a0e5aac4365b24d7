package term

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/edit"
	"github.com/plimsoll/plimsoll/internal/report"
)

// Patch writes what the plan changes as a unified diff that patch -p1 and git
// apply take: exact to the byte, hence without colours and with the secrets
// that removed lines hold. It belongs into a file or a pipe, not on a terminal.
func (p *Printer) Patch(r *report.Report) error {
	pg := &page{styles: newStyles(false), text: func(s string) string { return s }}
	pg.diff(r)
	return p.flush(pg)
}

// Diff writes the same for reading: control characters are gone and secrets masked.
func (p *Printer) Diff(r *report.Report) error {
	pg := p.page(r)
	pg.diff(r)
	return p.flush(pg)
}

func (pg *page) diff(r *report.Report) {
	if r.Plan == nil {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(r.Plan.After)) {
		before, existed := r.Plan.Before[name]
		shown := labelPath(r, name)
		from := "a/" + shown
		if !existed {
			from = ""
		}
		unified := edit.Unified(from, "b/"+shown, before, r.Plan.After[name])
		for line := range strings.Lines(unified) {
			pg.diffLine(line)
		}
	}
}

func (pg *page) diffLine(line string) {
	body, ended := strings.CutSuffix(line, "\n")
	body = pg.text(body)
	switch {
	case strings.HasPrefix(body, "+++ "), strings.HasPrefix(body, "--- "):
		body = pg.style(pg.bold, body)
	case strings.HasPrefix(body, "@@"):
		body = pg.style(pg.note, body)
	case strings.HasPrefix(body, "+"):
		body = pg.style(pg.good, body)
	case strings.HasPrefix(body, "-"):
		body = pg.style(pg.bad, body)
	}
	pg.WriteString(body)
	if ended {
		pg.WriteByte('\n')
	}
}

// labelPath is the path in a diff's header: relative to the working directory
// when the project lies in it, else to the project's root.
func labelPath(r *report.Report, name string) string {
	root := path.Clean(r.Root)
	if path.IsAbs(root) || root == ".." || strings.HasPrefix(root, "../") {
		return name
	}
	return path.Join(root, name)
}
