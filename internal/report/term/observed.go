package term

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/report"
)

// observed says in a line or two what the run of the original showed.
func (pg *page) observed(o *report.Observed) {
	if o == nil {
		return
	}
	var parts []string
	if o.Port != 0 {
		text := fmt.Sprintf("listens on %d", o.Port)
		if len(o.Serving) > 0 && len(o.Processes) > 1 {
			text += " (" + strings.Join(o.Serving, " ") + ")"
		}
		parts = append(parts, text)
	}
	if len(o.Modules) > 0 {
		parts = append(parts, "loads the packages "+some(o.Modules))
	}
	if dirs := written(o.Writes); len(dirs) > 0 {
		parts = append(parts, "writes "+some(dirs))
	}
	if len(o.Lacking) > 0 {
		parts = append(parts, "loads libraries of "+some(o.Lacking)+", which the rewritten image would lack")
	}
	for _, why := range o.Incomplete {
		parts = append(parts, "not all was seen, "+why)
	}
	if len(parts) == 0 {
		return
	}
	pg.labelled("observed", "the original "+strings.Join(parts, "; "))
	pg.linef("")
}

// written are the directories in which something was written, without those that are everybody's.
func written(paths []string) (dirs []string) {
	for _, p := range paths {
		dir := path.Dir(p) // of a directory, which ends in a slash, itself
		if dir != "/tmp" && !strings.HasPrefix(dir, "/tmp/") && !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	slices.Sort(dirs)
	return dirs
}

// some names the first of a list, and how many more there are.
func some(all []string) string {
	const most = 4
	text := strings.Join(all[:min(len(all), most)], ", ")
	if more := len(all) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
