package app

import (
	"bufio"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/plan"
	"github.com/plimsoll/plimsoll/internal/secret"
)

type planApplied = plan.Applied

// shortestNeedle is the length below which a value is not searched for: short
// ones occur in any image by chance.
const shortestNeedle = 8

// bakedIn are the credentials that the image held before: those that the fixes
// took out of ENV and ARG, those that the build was given, and those in environment files that COPY shipped.
func (p *proof) bakedIn() [][]byte {
	var values []string
	for _, e := range p.result.Plan.RunEnv {
		values = append(values, e.Value)
	}
	values = append(values, p.subject.given...)
	for _, f := range p.result.Found.Findings {
		values = append(values, f.Secrets...)
	}
	for _, inst := range p.project.File.Instructions {
		if inst.Keyword != "ENV" && inst.Keyword != "ARG" {
			continue
		}
		for _, pair := range inst.Pairs() {
			if _, ok := secret.Env(pair.Name, pair.Value); ok {
				values = append(values, pair.Value)
			}
		}
	}
	for _, e := range p.project.Context.Entries {
		base := path.Base(e.Path)
		if !e.Ignored && e.Mode.IsRegular() && (base == ".env" || strings.HasPrefix(base, ".env.")) {
			values = append(values, p.environmentFile(e.Path)...)
		}
	}
	slices.Sort(values)
	var needles [][]byte
	for _, v := range slices.Compact(values) {
		if len(v) >= shortestNeedle {
			needles = append(needles, []byte(v))
		}
	}
	return needles
}

// environmentFile reads the credentials in a file of NAME=value lines.
func (p *proof) environmentFile(name string) (values []string) {
	f, err := p.project.Context.FS().Open(name)
	if err != nil {
		return nil
	}
	defer f.Close()
	lines := bufio.NewScanner(io.LimitReader(f, 1<<20))
	for lines.Scan() {
		key, value, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(lines.Text()), "export "), "=")
		value = strings.Trim(strings.TrimSpace(value), `"'`)
		if _, isSecret := secret.Env(strings.TrimSpace(key), value); ok && isSecret {
			values = append(values, value)
		}
	}
	return values
}
