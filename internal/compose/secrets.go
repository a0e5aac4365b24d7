package compose

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
)

// Secret is what a step of a build may mount (RUN --mount=type=secret).
type Secret struct {
	ID    string // that steps name it by
	Place Place
	// File is the file that holds it, Variable the variable; one of them is set where it is not refused.
	File, Variable string
	// Refused says why it can't be given; empty when it can.
	Refused string
	value   string // the variable's
	dir     string // that the file is in or below
}

// maxSecret is what BuildKit takes, in bytes.
const maxSecret = 500 << 10

// Value is the secret itself.
func (s Secret) Value() ([]byte, error) {
	switch {
	case s.Refused != "":
		return nil, errors.New(s.Refused)
	case s.File == "":
		return []byte(s.value), nil
	}
	w := &within{dir: s.dir}
	defer w.close()
	f, err := w.open(s.File, maxSecret)
	if err != nil {
		return nil, fmt.Errorf("its file %s %w", s.File, err)
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxSecret))
}

// fillSecrets puts variables into what a document says of secrets, and makes their paths start at the folder.
func (l *loading) fillSecrets(d *document) error {
	for name, source := range d.secrets {
		filled, err := (&filler{vars: l.vars}).fill(source, "secrets."+name)
		if err != nil {
			return fmt.Errorf("%s: %w", d.file, err)
		}
		if file, ok := mapping(filled)["file"].(string); ok {
			mapping(filled)["file"] = at(l.dir, file)
		}
	}
	return nil
}

// settleSecret notes the value of a variable that is known where the secret stands.
func (l *loading) settleSecret(source map[string]any) {
	name, _ := source["environment"].(string)
	if value, ok := l.vars[name]; ok && name != "" {
		source["value"] = value
	}
}

// buildSecrets are those that a service's build is given. Of two with a name the later one counts.
func (l *loading) buildSecrets(service string, build map[string]any) (secrets []Secret) {
	list, _ := build["secrets"].([]any)
	for _, entry := range list {
		name, _ := mapping(entry)["source"].(string)
		s := l.secret(name)
		if target, _ := mapping(entry)["target"].(string); target != "" {
			s.ID = target
		}
		s.Place = l.secretPlace(service, name)
		secrets = slices.DeleteFunc(secrets, func(other Secret) bool { return other.ID == s.ID })
		secrets = append(secrets, s)
	}
	return secrets
}

// secret is one of the project's, under its own name.
func (l *loading) secret(name string) Secret {
	s := Secret{ID: name, dir: l.within.dir}
	source, known := l.secrets[name].(map[string]any)
	s.File, _ = source["file"].(string)
	s.Variable, _ = source["environment"].(string)
	switch {
	case !known:
		s.Refused = "compose has no secret of that name"
	case source["external"] == true:
		s.Refused = "it is kept outside of compose (external): give it by a file or a variable (environment)"
	case s.File != "":
		s.Refused = l.fileRefused(s.File)
	case s.Variable == "":
		s.Refused = "it has neither a file nor a variable (environment)"
	default:
		var set bool
		if s.value, set = source["value"].(string); !set {
			s.Refused = fmt.Sprintf("the variable %s is not set: set it in .env or in the environment", s.Variable)
		}
	}
	return s
}

// fileRefused is why a secret's file can't be read; empty when it can.
func (l *loading) fileRefused(path string) string {
	f, err := l.within.open(path, maxSecret)
	if err == nil {
		f.Close()
		return ""
	}
	why := fmt.Sprintf("its file %s %v", l.show(path), err)
	if !errors.Is(err, fs.ErrNotExist) {
		why += ": put it in there, and keep it out of git and of the build context, or give it by a variable (environment)"
	}
	return why
}

// secretPlace is the line of the entry that names a secret.
func (l *loading) secretPlace(service, name string) Place {
	for found := range l.spots(service, "build", "secrets") {
		list := resolve(found.node)
		for _, item := range list.Content {
			source := resolve(item)
			if named := resolve(child(item, "source")); named != nil {
				source = named
			}
			if source != nil && source.Value == name {
				return Place{found.file, item.Line}
			}
		}
	}
	return l.place(service, "build", "secrets")
}
