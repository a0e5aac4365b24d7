package compose

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/template"
)

// variables are what compose files may refer to.
type variables map[string]string

func (v variables) lookup(name string) (string, bool) {
	value, ok := v[name]
	return value, ok
}

// environment is the caller's, as NAME=value, and below it what the folder's .env says.
func environment(dir string, environ []string) (variables, error) {
	vars := variables{}
	for _, pair := range environ {
		if name, value, ok := strings.Cut(pair, "="); ok && name != "" {
			vars[name] = value
		}
	}
	file := filepath.Join(dir, ".env")
	if t := treeOf(dir); !t.holds(file) {
		return vars, fmt.Errorf("%s: it is a link that leads out of %s: put a copy in its place", file, t.what)
	}
	set, err := envFile(file, vars.lookup)
	if errors.Is(err, fs.ErrNotExist) {
		return vars, nil
	}
	for name, value := range set {
		if _, ok := vars[name]; !ok {
			vars[name] = value
		}
	}
	return vars, err
}

// atLine finds the line in dotenv's errors. Their text shows what stands there, which may be a credential.
var atLine = regexp.MustCompile(`line (\d+)`)

// envFile reads a file of variables as compose does.
func envFile(file string, lookup func(string) (string, bool)) (map[string]string, error) {
	text, err := read(file)
	if err != nil {
		return nil, err
	}
	return parseEnv(file, text, lookup)
}

func parseEnv(file string, text []byte, lookup func(string) (string, bool)) (map[string]string, error) {
	vars, err := dotenv.ParseWithLookup(bytes.NewReader(text), lookup)
	if err != nil {
		if m := atLine.FindStringSubmatch(err.Error()); m != nil {
			file += ":" + m[1]
		}
		return nil, fmt.Errorf("%s: want lines of NAME=value", file)
	}
	return vars, nil
}

// rawEnvFile reads a file whose values are taken as they are (format: raw).
func rawEnvFile(file string) (map[string]string, error) {
	text, err := read(file)
	if err != nil {
		return nil, err
	}
	vars := map[string]string{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\r\n")
		if name, value, ok := strings.Cut(line, "="); ok && !strings.HasPrefix(strings.TrimSpace(line), "#") {
			vars[name] = value
		}
	}
	return vars, nil
}

// filler puts variables into the values of a document.
type filler struct {
	vars  variables
	unset []string // that were asked for, have no value and no default
}

// fill returns the value with variables put in. Errors name the place and the variable, and show no values.
func (f *filler) fill(value any, path string) (any, error) {
	switch v := value.(type) {
	case string:
		return f.text(v, path)
	case map[string]any:
		for name, inner := range v {
			filled, err := f.fill(inner, path+"."+name)
			if err != nil {
				return nil, err
			}
			v[name] = filled
		}
	case []any:
		for i, inner := range v {
			filled, err := f.fill(inner, path)
			if err != nil {
				return nil, err
			}
			v[i] = filled
		}
	}
	return value, nil
}

func (f *filler) text(text, path string) (string, error) {
	if !strings.Contains(text, "$") {
		return text, nil
	}
	for name, v := range template.ExtractVariables(map[string]any{"": text}, nil) {
		_, set := f.vars[name]
		defaulted := strings.Contains(text, "{"+name+"-") || strings.Contains(text, "{"+name+":-") || v.DefaultValue != "" || v.PresenceValue != ""
		if !set && !v.Required && !defaulted && !slices.Contains(f.unset, name) {
			f.unset = append(f.unset, name)
		}
	}
	filled, err := template.SubstituteWithOptions(text, f.vars.lookup, template.WithoutLogging)
	var required *template.MissingRequiredError
	switch {
	case errors.As(err, &required):
		return "", fmt.Errorf("%s needs the variable %s, which is not set: set it in .env or in the environment", path, required.Variable)
	case err != nil:
		return "", fmt.Errorf("%s has a $ that begins no variable: write $$ for the character itself", path)
	}
	return filled, nil
}
