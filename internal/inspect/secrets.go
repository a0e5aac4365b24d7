package inspect

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/image"
	"github.com/plimsoll/plimsoll/internal/secret"
)

// layerSearch finds credentials in the files of one layer.
type layerSearch struct{ scan *secret.FileScan }

// searchWith starts a search that shares what it sees with those of other layers; nil searches nothing.
func searchWith(seen *secret.Seen) secretSearch {
	if seen == nil {
		return nil
	}
	return &layerSearch{secret.NewFileScan(seen)}
}

func (s *layerSearch) Begin(path string, size int64) { s.scan.Begin(path, size) }

func (s *layerSearch) Write(p []byte) { s.scan.Write(p) }

func (s *layerSearch) End() (hits []found) {
	name, matches := s.scan.End()
	for _, m := range matches {
		hits = append(hits, found{Path: name, Rule: m.Rule, Certainty: m.Certainty.String(), Why: m.Why, Redacted: m.Redacted, Hash: m.Hash, Line: m.Line})
	}
	return hits
}

// secrets are the credentials in config, history and layers.
func (t *tree) secrets(contents *image.Contents, records []record) []Secret {
	out := configSecrets(contents.Config)
	for i, r := range records {
		for _, f := range r.secrets {
			out = append(out, Secret{
				Where: "layer", Layer: i, Path: f.Path, Line: f.Line, Rule: f.Rule, Certainty: f.Certainty, Why: f.Why,
				Redacted: f.Redacted, Hash: f.Hash, Instruction: masked(contents.Layers[i].CreatedBy), Hidden: !t.visible(f.Path, i),
			})
		}
	}
	return out
}

// visible tells that the final tree has a file as the layer has it.
func (t *tree) visible(name string, layer int) bool {
	dir := t.find(path.Dir(name))
	if dir == nil {
		return false
	}
	n := dir.children[path.Base(name)]
	return n != nil && n.inode != nil && n.inode.layer == int32(layer)
}

func configSecrets(c image.Config) (out []Secret) {
	for _, variable := range c.Env {
		name, value, _ := strings.Cut(variable, "=")
		for _, m := range valueSecrets(name, value) {
			out = append(out, inConfig("config", "config.Env["+name+"]", m, ""))
		}
	}
	for _, field := range []struct {
		name  string
		texts []string
	}{{"Entrypoint", c.Entrypoint}, {"Cmd", c.Cmd}, {"Healthcheck", c.Healthcheck}} {
		for i, text := range field.texts {
			for _, m := range textSecrets(text) {
				out = append(out, inConfig("config", fmt.Sprintf("config.%s[%d]", field.name, i), m, ""))
			}
		}
	}
	for _, name := range sortedKeys(c.Labels) {
		for _, m := range valueSecrets(name, c.Labels[name]) {
			out = append(out, inConfig("config", "config.Labels["+name+"]", m, ""))
		}
	}
	for i, h := range c.History {
		for _, m := range textSecrets(h.CreatedBy) {
			out = append(out, inConfig("history", fmt.Sprintf("history[%d].created_by", i), m, masked(h.CreatedBy)))
		}
	}
	return out
}

func inConfig(where, path string, m secret.Match, instruction string) Secret {
	return Secret{
		Where: where, Layer: -1, Path: path, Rule: m.Rule, Certainty: m.Certainty.String(), Why: m.Why,
		Redacted: m.Redacted, Hash: m.Hash, Instruction: instruction,
	}
}

// textSecrets finds credentials in an instruction: by their shape, and in
// NAME=value by the name. Offsets count in the text.
func textSecrets(text string) []secret.Match {
	out := secret.Text([]byte(text))
	for _, a := range assignments(text) {
		value := strings.Trim(text[a.value:a.end], `"'`)
		if m, found := secret.Env(strings.TrimLeft(text[a.name:a.value-1], "-"), value); found {
			m.Offset += a.value + strings.Index(text[a.value:a.end], value)
			out = addApart(out, m)
		}
	}
	return inOrder(out)
}

// valueSecrets finds credentials in the value of a variable or label: by its name, and in what it says.
// Offsets count in the value.
func valueSecrets(name, value string) (out []secret.Match) {
	if m, found := secret.Env(name, value); found {
		out = append(out, m)
	}
	for _, m := range textSecrets(value) {
		out = addApart(out, m)
	}
	return inOrder(out)
}

// addApart adds a match that overlaps with none.
func addApart(all []secret.Match, m secret.Match) []secret.Match {
	if slices.ContainsFunc(all, func(other secret.Match) bool {
		return m.Offset < other.Offset+other.Length && other.Offset < m.Offset+m.Length
	}) {
		return all
	}
	return append(all, m)
}

func inOrder(all []secret.Match) []secret.Match {
	slices.SortFunc(all, func(a, b secret.Match) int { return a.Offset - b.Offset })
	return all
}

// assignment is NAME=value in a text, by the places where the name and the value start and where it ends.
type assignment struct{ name, value, end int }

var (
	// variablesOnly tells the instructions whose history has values without their quotes.
	variablesOnly = regexp.MustCompile(`^(?:/bin/sh -c #\(nop\)\s+)?(?:ENV|LABEL)\s`)
	variableStart = regexp.MustCompile(`(?:^|\s)([^\s=]+)=`)
)

// assignments finds NAME=value: up to the next blank or the closing quote, in ENV and LABEL up to the next NAME=.
func assignments(text string) (all []assignment) {
	if variablesOnly.MatchString(text) {
		for _, at := range variableStart.FindAllStringSubmatchIndex(text, -1) {
			if len(all) > 0 {
				all[len(all)-1].end = at[0]
			}
			all = append(all, assignment{at[2], at[1], len(text)})
		}
		return all
	}
	const blanks = " \t\r\n|"
	for at := 0; at < len(text); {
		end := at + strings.IndexAny(text[at:]+" ", blanks)
		if name, value, ok := strings.Cut(text[at:end], "="); ok && name != "" {
			a := assignment{at, at + len(name) + 1, end}
			if value != "" && strings.ContainsAny(value[:1], `"'`) {
				if n := strings.Index(text[a.value+1:], value[:1]); n >= 0 {
					a.end = max(end, a.value+n+2)
				}
			}
			all = append(all, a)
		}
		at = end + 1 // in a value of several words there may be others
	}
	return all
}

// masked is an instruction fit to be printed.
func masked(text string) string { return redacted(text, textSecrets(text)) }

func maskedAll(texts []string) (out []string) {
	for _, text := range texts {
		out = append(out, masked(text))
	}
	return out
}

func maskedVariable(variable string) string {
	name, value, ok := strings.Cut(variable, "=")
	if !ok {
		return masked(variable)
	}
	return name + "=" + redacted(value, valueSecrets(name, value))
}

// maskedLabels is nil for nil: not all images have any.
func maskedLabels(labels map[string]string) map[string]string {
	out := maps.Clone(labels)
	for name, value := range labels {
		out[name] = redacted(value, valueSecrets(name, value))
	}
	return out
}

// redacted is a text without the values of what was found in it.
func redacted(text string, found []secret.Match) string {
	var b strings.Builder
	at := 0
	for _, m := range found {
		if m.Length == 0 || m.Offset < at {
			continue
		}
		b.WriteString(text[at:m.Offset])
		b.WriteString(m.Redacted)
		at = m.Offset + m.Length
	}
	return b.String() + text[at:]
}
