package compose

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/format"
	"github.com/compose-spec/compose-go/v2/types"
)

// Service is a service that is built.
type Service struct {
	Name  string
	Place Place // of its build
	// Refused says why the service can't be taken as it is; empty when it can.
	Refused string
	Build   Build
	// Env is what its containers are given, by name.
	Env []Var
	// Ports are those of the container that are published or exposed.
	Ports []Port
	Image Value // by what name the image goes
	// Healthcheck says that it has one of its own, or wants none.
	Healthcheck bool
	// Command and Entrypoint are nil where the image's own are used.
	Command, Entrypoint *Command
	User, WorkingDir    Value
	Platform            Value // of its image
	// Binds are folders and files of the host that hide what the image holds at their place.
	Binds     []Bind
	Mounted   []string // what else its containers are given as files: "configs", "secrets"
	DependsOn []string
	Profiles  []string
	// Unset are variables that the file asks for and that have neither a value nor a default.
	Unset []string
	// Missing are env_files that are not there.
	Missing []string
}

// Build is how the image is built.
type Build struct {
	Context    string // path of the folder
	Dockerfile string // path of the file
	Target     Value
	Args       map[string]string
	ArgsPlace  Place
	// Secrets are what its steps may mount.
	Secrets []Secret
	// Left are keys of build that plimsoll's own builds don't get.
	Left []string
}

// Var is a variable of the environment.
type Var struct {
	Name, Value string
	Place       Place
}

// Port is a TCP port of the container.
type Port struct {
	Number    int
	Published bool // on the host; otherwise only exposed to other services
	Place     Place
}

// Command replaces a command of the image. No words mean none.
type Command struct {
	Argv  []string
	Place Place
}

// Value is a setting; the zero value means that it isn't set.
type Value struct {
	Text  string
	Place Place
}

// Bind is a mount of something of the host.
type Bind struct {
	Target string // in the container
	Place  Place
}

// service reads what the merged files say about one.
func (l *loading) service(name string, from map[string]any) (*Service, error) {
	s := l.started(name, from)
	s.Refused, s.Place = l.refused[name], l.place(name, "build")
	l.build(s, from["build"].(map[string]any))
	s.Platform = l.value(from, name, "platform")
	s.User = l.value(from, name, "user")
	s.DependsOn = slices.Sorted(maps.Keys(mapping(from["depends_on"])))
	s.Profiles = stringsOf(from["profiles"])
	if s.Unset = slices.Sorted(slices.Values(l.unset[name])); len(s.Unset) > 0 {
		s.Unset = slices.Compact(s.Unset)
	}
	for _, key := range []string{"configs", "secrets"} {
		if from[key] != nil {
			s.Mounted = append(s.Mounted, key)
		}
	}
	l.ports(s, from)
	l.binds(s, from)
	return s, l.environment(s, from)
}

// started reads which image a service runs, and how.
func (l *loading) started(name string, from map[string]any) *Service {
	s := &Service{Name: name, Image: l.value(from, name, "image"), WorkingDir: l.value(from, name, "working_dir")}
	s.Command, s.Entrypoint = l.command(from, name, "command"), l.command(from, name, "entrypoint")
	s.Healthcheck = from["healthcheck"] != nil
	return s
}

func mapping(value any) map[string]any {
	m, _ := value.(map[string]any)
	return m
}

func stringsOf(value any) (texts []string) {
	list, _ := value.([]any)
	for _, inner := range list {
		if s, ok := text(inner); ok {
			texts = append(texts, s)
		}
	}
	return texts
}

func (l *loading) value(from map[string]any, service string, keys ...string) Value {
	last := len(keys) - 1
	for _, key := range keys[:last] {
		from = mapping(from[key])
	}
	s, _ := from[keys[last]].(string)
	if s == "" {
		return Value{}
	}
	return Value{s, l.place(service, keys...)}
}

func (l *loading) command(from map[string]any, service, key string) *Command {
	value, set := from[key]
	if !set || value == nil {
		return nil
	}
	c := &Command{Place: l.place(service, key)}
	if s, ok := value.(string); ok {
		var parsed types.ShellCommand
		if err := parsed.DecodeMapstructure(s); err != nil {
			parsed = strings.Fields(s)
		}
		c.Argv = parsed
	} else {
		c.Argv = stringsOf(value)
	}
	return c
}

// build fills in how the image is built, or why it can't be.
func (l *loading) build(s *Service, from map[string]any) {
	context, _ := from["context"].(string)
	file, _ := from["dockerfile"].(string)
	_, inline := from["dockerfile_inline"]
	switch {
	case s.Refused != "":
	case remote(context):
		s.Refused = "its context is fetched from elsewhere: check that out, and name the Dockerfile there"
	case inline:
		s.Refused = "its Dockerfile stands in the compose file (dockerfile_inline): move it to a file, and name that with dockerfile"
	}
	if remote(context) {
		context = l.dir // its address may hold a credential
	}
	s.Build = Build{Context: context, Target: l.value(map[string]any{"build": from}, s.Name, "build", "target")}
	s.Build.Dockerfile = at(s.Build.Context, cmp.Or(file, "Dockerfile"))
	switch {
	case s.Refused != "":
	case !l.tree.holds(s.Build.Context):
		s.Refused = fmt.Sprintf("its context %s lies outside of %s, from which alone builds are given files: name the Dockerfile there, where you trust both", l.show(s.Build.Context), l.tree.what)
	case !l.tree.holds(s.Build.Dockerfile):
		s.Refused = fmt.Sprintf("its Dockerfile %s lies outside of %s: name that Dockerfile itself, where you trust both", l.show(s.Build.Dockerfile), l.tree.what)
	}
	s.Build.Args = map[string]string{}
	for _, pair := range stringsOf(from["args"]) {
		if name, value, ok := l.resolve(pair); ok {
			s.Build.Args[name] = value
		}
	}
	if len(s.Build.Args) > 0 {
		s.Build.ArgsPlace = l.place(s.Name, "build", "args")
	}
	s.Build.Secrets = l.buildSecrets(s.Name, from)
	for _, key := range leftOut() {
		if from[key] != nil {
			s.Build.Left = append(s.Build.Left, key)
		}
	}
}

// resolve takes NAME=value apart; NAME alone has the value of the caller's variable, if that is set.
func (l *loading) resolve(pair string) (name, value string, ok bool) {
	if name, value, ok = strings.Cut(pair, "="); ok {
		return name, value, true
	}
	value, ok = l.vars[name]
	return name, value, ok
}

// remote reports whether a context has to be fetched, as compose tells them apart.
func remote(context string) bool {
	for _, prefix := range []string{"git@", "github.com/"} {
		if strings.HasPrefix(context, prefix) {
			return true
		}
	}
	return strings.Contains(context, "://")
}

// environment fills in the variables: env_file in their order, and environment above them.
func (l *loading) environment(s *Service, from map[string]any) error {
	vars := map[string]Var{}
	place := l.place(s.Name, "environment")
	own := variables{}
	for _, pair := range stringsOf(from["environment"]) {
		if name, value, ok := l.resolve(pair); ok {
			vars[name] = Var{name, value, place}
			own[name] = value
		}
	}
	fromFiles := map[string]Var{}
	files, _ := from["env_file"].([]any)
	for _, file := range files {
		if err := l.envFile(s, mapping(file), own, fromFiles); err != nil {
			return err
		}
	}
	maps.Copy(fromFiles, vars)
	for _, name := range slices.Sorted(maps.Keys(fromFiles)) {
		s.Env = append(s.Env, fromFiles[name])
	}
	return nil
}

func (l *loading) envFile(s *Service, file map[string]any, own variables, into map[string]Var) error {
	path, _ := file["path"].(string)
	if !l.tree.holds(path) {
		s.Refused = cmp.Or(s.Refused, fmt.Sprintf("its env_file %s lies outside of %s, from which alone containers are given files: put a copy of it in there, out of git and of the build context", l.show(path), l.tree.what))
		return nil
	}
	var set map[string]string
	var err error
	if file["format"] == "raw" {
		set, err = rawEnvFile(path)
	} else {
		set, err = envFile(path, func(name string) (string, bool) {
			if value, ok := l.vars[name]; ok {
				return value, true
			}
			if value, ok := own[name]; ok {
				return value, true
			}
			v, ok := into[name]
			return v.Value, ok
		})
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if optional := file["required"] == false; !optional {
			s.Missing = append(s.Missing, path)
		}
		return nil
	case err != nil:
		return fmt.Errorf("services.%s.env_file: %w", s.Name, err)
	}
	for name, value := range set {
		into[name] = Var{name, value, Place{File: path}}
	}
	return nil
}

// ports are the container's side of what is published, and what is exposed.
func (l *loading) ports(s *Service, from map[string]any) {
	for _, key := range []string{"ports", "expose"} {
		list, _ := from[key].([]any)
		for _, item := range list {
			for _, number := range portsOf(item, key) {
				if !slices.ContainsFunc(s.Ports, func(p Port) bool { return p.Number == number }) {
					s.Ports = append(s.Ports, Port{number, key == "ports", l.portPlace(s.Name, key, number)})
				}
			}
		}
	}
}

// maxPorts bounds the ports of one entry: more are a range, which says nothing about where the application listens.
const maxPorts = 16

func portsOf(item any, key string) (numbers []int) {
	if m, ok := item.(map[string]any); ok {
		target, _ := text(m["target"])
		if protocol, _ := m["protocol"].(string); protocol != "" && protocol != "tcp" {
			return nil
		}
		if number, err := strconv.Atoi(target); err == nil && number > 0 && number < 1<<16 {
			return []int{number}
		}
		return nil
	}
	spec, _ := text(item)
	if key == "expose" && strings.Contains(spec, ":") || wide(spec) {
		return nil
	}
	parsed, err := types.ParsePortConfig(spec)
	if err != nil {
		return nil
	}
	for _, p := range parsed {
		if p.Protocol == "tcp" && p.Target > 0 && !slices.Contains(numbers, int(p.Target)) {
			numbers = append(numbers, int(p.Target))
		}
	}
	if len(numbers) > maxPorts {
		return nil
	}
	return numbers
}

// wide reports whether an entry has a range of more than maxPorts.
func wide(spec string) bool {
	for _, part := range strings.FieldsFunc(spec, func(r rune) bool { return r == ':' || r == '/' }) {
		from, to, isRange := strings.Cut(part, "-")
		if !isRange {
			continue
		}
		low, err1 := strconv.Atoi(from)
		high, err2 := strconv.Atoi(to)
		if err1 != nil || err2 != nil || high-low >= maxPorts {
			return true
		}
	}
	return false
}

// portPlace is the line of the entry that names a port.
func (l *loading) portPlace(service, key string, number int) Place {
	for found := range l.spots(service, key) {
		for _, item := range resolve(found.node).Content {
			var value any
			if item.Decode(&value) != nil {
				continue
			}
			f := filler{vars: found.vars}
			if filled, err := f.fill(stringKeys(value, 0), ""); err == nil && slices.Contains(portsOf(filled, key), number) {
				return Place{found.file, item.Line}
			}
		}
	}
	return l.place(service, key)
}

// binds are the mounts of host paths.
func (l *loading) binds(s *Service, from map[string]any) {
	list, _ := from["volumes"].([]any)
	for _, item := range list {
		target := ""
		if m, ok := item.(map[string]any); ok {
			if kind, _ := m["type"].(string); kind == "bind" {
				target, _ = m["target"].(string)
			}
		} else if spec, ok := text(item); ok {
			if v, err := format.ParseVolume(spec); err == nil && v.Type == types.VolumeTypeBind {
				target = v.Target
			}
		}
		if target != "" && !slices.ContainsFunc(s.Binds, func(b Bind) bool { return b.Target == target }) {
			s.Binds = append(s.Binds, Bind{target, l.place(s.Name, "volumes")})
		}
	}
}
