package term

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/plimsoll/plimsoll/internal/inspect"
)

// shownItems is how many lines a list has unless all are asked for with Verbose.
const shownItems = 12

// Inspection writes what an image carries: layers, waste, what else could go,
// credentials, packages, fitness.
func (p *Printer) Inspection(r *inspect.Report) error {
	pg := p.page(nil)
	pg.imageHead(r)
	pg.layers(r)
	pg.waste(r, p.most(len(r.Waste.Items)))
	pg.classes(r)
	pg.packages(r, p.most(len(r.Packages)))
	pg.credentials(r, p.most(len(r.Secrets)))
	pg.points(r)
	return p.flush(pg)
}

func (p *Printer) most(n int) int {
	if p.options.Verbose {
		return n
	}
	return min(n, shownItems)
}

func bytesText(n int64) string { return size(float64(n)) }

func (pg *page) heading(text string) {
	pg.linef("")
	pg.linef("%s", pg.style(pg.bold, text))
}

func (pg *page) imageHead(r *inspect.Report) {
	pg.linef("%s  %s/%s", pg.style(pg.bold, oneLine(r.Reference)), oneLine(r.OS), oneLine(r.Architecture))
	pg.linef("%s", pg.style(pg.dim, oneLine(r.Digest)))
	transfer := "stored like that"
	if r.Compressed() {
		transfer = bytesText(r.TransferBytes) + " to transfer"
	}
	pg.linef("%s uncompressed, %s, %s, %s", bytesText(r.ArchiveBytes), transfer,
		plural(len(r.Layers), "layer", "layers"), plural(r.Files, "file", "files"))
	pg.linef("files: %s in the layers, %s in the final tree, %s reclaimable (%.1f%%)", bytesText(r.LayerBytes), bytesText(r.FlatBytes),
		bytesText(r.ReclaimableBytes()), r.WastePercent())
}

func (pg *page) layers(r *inspect.Report) {
	pg.heading("Layers")
	for i, l := range r.Layers {
		pg.linef("  %2d  %9s  %s", i+1, bytesText(l.ArchiveBytes), cut(instruction(l.Instruction), max(pg.width-17, 60)))
		var told []string
		for _, part := range []struct {
			n    int
			what string
		}{{l.Added, "added"}, {l.Changed, "changed"}, {l.Deleted, "deleted"}} {
			if part.n > 0 {
				told = append(told, fmt.Sprintf("%d %s", part.n, part.what))
			}
		}
		if l.WastedBytes > 0 {
			told = append(told, bytesText(l.WastedBytes)+" wasted")
		}
		told = append(told, short(l.Digest))
		transfer := bytesText(l.TransferBytes)
		if l.Digest == l.DiffID {
			transfer = ""
		}
		pg.linef("      %9s  %s", transfer, pg.style(pg.dim, strings.Join(told, ", ")))
	}
}

// shellStep matches what the older builders of Docker put before the command of a RUN: how many build arguments there were,
// each with its value, and the shell.
var shellStep = regexp.MustCompile(`^(?:\|(\d+) (.*?))?/bin/sh -c `)

// instruction is what made a layer, as it stood in the Dockerfile.
func instruction(history string) string {
	text := strings.TrimSuffix(oneLine(history), " # buildkit")
	if rest, ok := strings.CutPrefix(text, "/bin/sh -c #(nop) "); ok {
		return strings.TrimSpace(rest)
	}
	text = strings.TrimPrefix(text, "RUN ")
	if at := shellStep.FindStringSubmatchIndex(text); at != nil {
		return "RUN " + text[at[1]:]
	}
	return strings.TrimSuffix(oneLine(history), " # buildkit")
}

// short is a digest as people tell them apart.
func short(digest string) string { return oneLine(digest[:min(len(digest), len("sha256:")+12)]) }

func (pg *page) waste(r *inspect.Report, most int) {
	if r.Waste.Bytes == 0 {
		return
	}
	pg.heading(fmt.Sprintf("Waste: %s in layers that no container sees", bytesText(r.Waste.Bytes)))
	for _, cause := range inspect.Causes() {
		if n := r.Waste.ByCause[cause]; n > 0 {
			pg.linef("  %9s  %s", bytesText(n), causeText(cause))
		}
	}
	pg.linef("")
	for _, item := range r.Waste.Items[:most] {
		pg.linef("  %9s  %s  %s", bytesText(item.Bytes), item.Cause, oneLine("/"+item.Path))
		pg.linef("             %s", pg.style(pg.dim, fmt.Sprintf("%s in layer %d, by layer %d", plural(item.Files, "file", "files"), item.In+1, item.By+1)))
	}
	pg.more(len(r.Waste.Items) - most)
}

func (pg *page) more(n int) {
	if n > 0 {
		pg.linef("  %s", pg.style(pg.dim, fmt.Sprintf("and %d more: --verbose lists them", n)))
	}
}

func causeText(c inspect.Cause) string {
	switch c {
	case inspect.Deleted:
		return "deleted by a later layer: delete in the step that creates"
	case inspect.Shadowed:
		return "replaced by a later layer"
	case inspect.Metadata:
		return "copied again with the same content (chmod, chown): use COPY --chmod and --chown"
	case inspect.Repeated:
		return "twice in one layer"
	}
	return string(c)
}

func (pg *page) classes(r *inspect.Report) {
	if len(r.Classes) == 0 {
		return
	}
	pg.heading("In the final tree, seldom needed")
	for _, c := range r.Classes {
		pg.linef("  %9s  %s, %s", bytesText(c.Bytes), c.Name, plural(c.Files, "file", "files"))
		for _, top := range c.Top {
			pg.linef("  %9s  %s", "", pg.style(pg.dim, fmt.Sprintf("%9s  %s", bytesText(top.Bytes), oneLine("/"+top.Path))))
		}
	}
}

func (pg *page) packages(r *inspect.Report, most int) {
	if len(r.Packages) == 0 {
		return
	}
	var sum int64
	for _, p := range r.Packages {
		sum += p.Bytes
	}
	pg.heading(fmt.Sprintf("Packages: %d, %s", len(r.Packages), bytesText(sum)))
	for _, p := range r.Packages[:most] {
		pg.linef("  %9s  %-6s  %s", bytesText(p.Bytes), p.Ecosystem, oneLine(p.Name+" "+p.Version))
	}
	pg.more(len(r.Packages) - most)
}

func (pg *page) credentials(r *inspect.Report, most int) {
	if len(r.Secrets) == 0 {
		if !r.SecretsSearched {
			pg.linef("")
			pg.linef("%s", pg.style(pg.dim, "The layers were not searched for credentials."))
		}
		return
	}
	pg.heading("Credentials")
	for _, s := range r.Secrets[:most] {
		place := oneLine(s.Path)
		if s.Layer >= 0 {
			place = fmt.Sprintf("layer %d, %s", s.Layer+1, oneLine("/"+s.Path))
		}
		if s.Line > 0 {
			place = fmt.Sprintf("%s:%d", place, s.Line)
		}
		if s.Hidden {
			place += " (hidden by a later layer, still in the image)"
		}
		look := pg.warn
		if s.Certainty == "certain" {
			look = pg.bad
		}
		pg.linef("  %s  %s", pg.style(look, s.Rule), place)
		pg.linef("    %s", pg.style(pg.dim, oneLine(s.Redacted)+"  "+s.Why))
		if s.Instruction != "" {
			pg.linef("    %s", pg.style(pg.dim, cut(instruction(s.Instruction), max(pg.width-4, 80))))
		}
	}
	pg.more(len(r.Secrets) - most)
}

func (pg *page) points(r *inspect.Report) {
	if len(r.Points) == 0 {
		return
	}
	pg.heading("Fitness")
	for _, p := range r.Points {
		look := pg.note
		switch p.Level {
		case inspect.Fatal:
			look = pg.bad
		case inspect.Warn:
			look = pg.warn
		}
		text := oneLine(p.Message)
		if p.Count > 0 {
			text = fmt.Sprintf("%s: %d", text, p.Count)
		}
		if len(p.Refs) > 0 {
			text += "  [" + strings.Join(p.Refs, ", ") + "]"
		}
		pg.linef("  %s  %s", pg.style(look, pad(string(p.Level), 7)), text)
		if len(p.Paths) > 0 {
			pg.linef("           %s", pg.style(pg.dim, cut(oneLine(strings.Join(p.Paths, ", ")), max(pg.width-11, 100))))
		}
	}
}

// ImageComparison writes what differs between two images.
func (p *Printer) ImageComparison(c *inspect.Comparison) error {
	pg := p.page(nil)
	pg.linef("%s  →  %s", pg.style(pg.bold, oneLine(c.A.Reference)), pg.style(pg.bold, oneLine(c.B.Reference)))
	if c.Same() {
		pg.linef("The same files, packages and config.")
	}
	pg.differences("Size", c.Sizes, len(c.Sizes))
	pg.differences("Packages", c.Packages, p.most(len(c.Packages)))
	if len(c.Config) > 0 {
		pg.heading("Config")
	}
	for _, f := range c.Config {
		pg.linef("  %s: %s → %s", oneLine(f.Field), quoted(f.A), quoted(f.B))
	}
	pg.fileSet("Files added", c.Added, signedBytes)
	pg.fileSet("Files removed", c.Removed, func(n int64) string { return signedBytes(-n) })
	pg.fileSet("Files changed", c.Changed, changedBytes)
	return p.flush(pg)
}

func quoted(text string) string {
	if text == "" {
		return "(none)"
	}
	return oneLine(text)
}

func (pg *page) differences(title string, all []inspect.Difference, most int) {
	if len(all) == 0 {
		return
	}
	pg.heading(title)
	for _, d := range all[:most] {
		if d.A == 0 && d.B == 0 && d.WasVer == d.NowVer {
			continue
		}
		versions := ""
		if d.WasVer != d.NowVer {
			versions = fmt.Sprintf("  %s → %s", quoted(d.WasVer), quoted(d.NowVer))
		}
		look := pg.dim
		switch {
		case d.B < d.A:
			look = pg.good
		case d.B > d.A:
			look = pg.bad
		}
		pg.linef("  %9s → %9s  %s  %s%s", bytesText(d.A), bytesText(d.B), pg.style(look, padLeft(changedBytes(d.B-d.A), 10)), oneLine(d.Name), versions)
	}
	pg.more(len(all) - most)
}

// changedBytes is a difference that may be none.
func changedBytes(n int64) string {
	if n == 0 {
		return "same"
	}
	return signedBytes(n)
}

func signedBytes(n int64) string {
	if n < 0 {
		return "-" + bytesText(-n)
	}
	return "+" + bytesText(n)
}

func (pg *page) fileSet(title string, set inspect.FileSet, text func(bytes int64) string) {
	if set.Files == 0 {
		return
	}
	pg.heading(fmt.Sprintf("%s: %d, %s", title, set.Files, text(set.Bytes)))
	for _, f := range set.Top {
		pg.linef("  %10s  %s", text(f.Bytes), oneLine("/"+f.Path))
	}
	if more := set.Files - len(set.Top); more > 0 {
		pg.linef("  %s", pg.style(pg.dim, fmt.Sprintf("and %d more", more)))
	}
}
