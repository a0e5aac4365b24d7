package inspect

import (
	"fmt"
	"path"
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
		if m, ok := secret.Env(name, value); ok {
			out = append(out, inConfig("config", "config.Env["+name+"]", m, ""))
		}
	}
	for _, field := range []struct {
		name  string
		texts []string
	}{{"Entrypoint", c.Entrypoint}, {"Cmd", c.Cmd}, {"Healthcheck", c.Healthcheck}} {
		for i, text := range field.texts {
			for _, m := range secret.Text([]byte(text)) {
				out = append(out, inConfig("config", fmt.Sprintf("config.%s[%d]", field.name, i), m, ""))
			}
		}
	}
	for _, name := range sortedKeys(c.Labels) {
		if m, ok := secret.Env(name, c.Labels[name]); ok {
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
	for at := 0; at < len(text); {
		end := at + strings.IndexAny(text[at:]+" ", " \t|")
		name, value, ok := strings.Cut(text[at:end], "=")
		if ok && name != "" {
			trimmed := strings.Trim(value, `"'`)
			if m, found := secret.Env(strings.TrimLeft(name, "-"), trimmed); found {
				m.Offset += at + len(name) + 1 + strings.Index(value, trimmed)
				if !slices.ContainsFunc(out, func(other secret.Match) bool {
					return m.Offset < other.Offset+other.Length && other.Offset < m.Offset+m.Length
				}) {
					out = append(out, m)
				}
			}
		}
		at = end + 1
	}
	slices.SortFunc(out, func(a, b secret.Match) int { return a.Offset - b.Offset })
	return out
}

// masked is an instruction fit to be printed.
func masked(text string) string {
	var b strings.Builder
	at := 0
	for _, m := range textSecrets(text) {
		if m.Length == 0 || m.Offset < at {
			continue
		}
		b.WriteString(text[at:m.Offset])
		b.WriteString(m.Redacted)
		at = m.Offset + m.Length
	}
	return b.String() + text[at:]
}

func maskedAll(texts []string) (out []string) {
	for _, text := range texts {
		out = append(out, masked(text))
	}
	return out
}

func maskedVariable(variable string) string {
	name, value, ok := strings.Cut(variable, "=")
	if !ok {
		return variable
	}
	if m, found := secret.Env(name, value); found {
		if m.Length == 0 {
			return name + "=" + m.Redacted
		}
		return name + "=" + value[:m.Offset] + m.Redacted + value[m.Offset+m.Length:]
	}
	return name + "=" + masked(value)
}
