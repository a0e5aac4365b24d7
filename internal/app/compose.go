package app

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/compose"
	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/ecosystem/registry"
	"github.com/plimsoll/plimsoll/internal/project"
	"github.com/plimsoll/plimsoll/internal/report"
	"github.com/plimsoll/plimsoll/internal/secret"
)

// ComposeOptions say what of docker compose files is taken, and what outranks it.
type ComposeOptions struct {
	// Service is the service to take; empty means the only one that is built.
	Service string
	// Environ is the caller's environment, as NAME=value, that compose files may refer to.
	Environ []string
}

// subject is a Dockerfile to look at, what its build is told, and where that is said.
type subject struct {
	path    string // a Dockerfile, or a folder with one
	options project.Options
	files   []string         // the compose files; none when they were not asked
	service *compose.Service // nil when no service was taken
	given   []string         // secrets that the build was given, in the forms in which they may be shown
	notes   []string
}

func plainSubject(path string, build dockerfile.Build) *subject {
	return &subject{path: path, options: project.Options{Detectors: registry.Detectors(), Build: build}}
}

// subjectOf finds out what path means: a Dockerfile, a compose file, or a folder with either. What build says
// outranks the compose file.
func subjectOf(path string, opts ComposeOptions, build dockerfile.Build) (*subject, error) {
	files, named, err := composeFiles(path, opts)
	if len(files) == 0 && err == nil {
		if opts.Service != "" {
			return nil, &report.Failure{Message: fmt.Sprintf("--service %s: there is no compose file in %s", opts.Service, path), Hint: "name the compose file"}
		}
		return plainSubject(path, build), nil
	}
	var read *compose.Project
	if err == nil {
		read, err = compose.Load(files, opts.Environ)
	}
	if err == nil {
		var s *subject
		if s, err = choose(read, path, named, opts.Service, build); s != nil {
			return s, nil
		}
	}
	if own, found := ownDockerfile(path); found && !named && !errors.Is(err, errSeveral) {
		s := plainSubject(own, build)
		if err != nil {
			what := "What compose would take"
			if len(files) > 0 {
				what = displayPath(files[0])
			}
			s.notes = append(s.notes, fmt.Sprintf("%s is left out: %s.", what, strings.TrimPrefix(err.Error(), "reading the compose file: ")))
		}
		return s, nil
	}
	if err == nil {
		return plainSubject(path, build), nil // which tells what is missing
	}
	return nil, err
}

// errSeveral is why no service was chosen.
var errSeveral = errors.New("several services")

// composeFiles are the compose files that path means; named says that the user wants them.
func composeFiles(path string, opts ComposeOptions) (files []string, named bool, err error) {
	wanted := opts.Service != ""
	info, statErr := os.Stat(path)
	switch {
	case statErr != nil:
		return nil, false, nil
	case info.IsDir():
		files, err = compose.Find(path, opts.Environ)
		return files, wanted, err
	case compose.IsFile(path):
		return compose.Files(path), true, nil
	case wanted:
		files, err = compose.Find(filepath.Dir(path), opts.Environ)
		return files, true, err
	}
	return nil, false, nil
}

func ownDockerfile(path string) (string, bool) {
	for _, name := range []string{"Dockerfile", "dockerfile"} {
		file := filepath.Join(path, name)
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
			return file, true
		}
	}
	return "", false
}

// choose takes a service. The result is nil without an error when compose has nothing to say about path: no
// service is built, or none with the Dockerfile that lies there.
func choose(p *compose.Project, path string, named bool, service string, build dockerfile.Build) (*subject, error) {
	if service != "" {
		s := p.Service(service)
		if s == nil {
			return nil, &report.Failure{
				Message: fmt.Sprintf("%s builds no service %q", displayPath(p.Files[0]), service),
				Hint:    "it builds " + cmp.Or(strings.Join(serviceNames(p.Services), ", "), "none") + unread(p),
			}
		}
		return fromService(p, s, build)
	}
	candidates := candidatesOf(p, path, named)
	switch {
	case len(candidates) == 1:
		return fromService(p, candidates[0], build)
	case len(candidates) > 1:
		return nil, &report.Failure{
			Message: fmt.Sprintf("%s builds several services: %s", displayPath(p.Files[0]), strings.Join(serviceNames(candidates), ", ")),
			Hint:    "choose one with --service NAME, or name a Dockerfile",
			Err:     errSeveral,
		}
	case named:
		return nil, &report.Failure{Message: displayPath(p.Files[0]) + " builds no service", Hint: "name a Dockerfile" + unread(p)}
	}
	return nil, nil
}

// unread tells of files that may have other services.
func unread(p *compose.Project) (told string) {
	for _, u := range p.Unfollowed {
		told += fmt.Sprintf("; the included file %s %s", u.What, u.Why)
	}
	return told
}

// candidatesOf are the services that path may mean: those that start by themselves, and in a folder with a Dockerfile
// those that are built from it, unless the compose file is named.
func candidatesOf(p *compose.Project, path string, named bool) []*compose.Service {
	candidates := slices.DeleteFunc(slices.Clone(p.Services), func(s *compose.Service) bool { return len(s.Profiles) > 0 })
	if own, found := ownDockerfile(path); found && !named {
		candidates = slices.DeleteFunc(candidates, func(s *compose.Service) bool { return !sameFile(s.Build.Dockerfile, own) })
	}
	return candidates
}

// eachSubject are all services that path may mean, of which there are several, and why some can't be taken.
func eachSubject(path string, opts ComposeOptions, build dockerfile.Build) (all []*subject, broken error) {
	files, named, err := composeFiles(path, opts)
	if err != nil {
		return nil, err
	}
	read, err := compose.Load(files, opts.Environ)
	if err != nil {
		return nil, err
	}
	for _, service := range candidatesOf(read, path, named) {
		s, err := fromService(read, service, build)
		if err != nil {
			broken = errors.Join(broken, err)
			continue
		}
		all = append(all, s)
	}
	return all, broken
}

func serviceNames(services []*compose.Service) (names []string) {
	for _, s := range services {
		names = append(names, s.Name)
	}
	return names
}

func sameFile(a, b string) bool {
	x, err1 := os.Stat(a)
	y, err2 := os.Stat(b)
	return errors.Join(err1, err2) == nil && os.SameFile(x, y)
}

// fromService is the subject that a service describes.
func fromService(p *compose.Project, s *compose.Service, build dockerfile.Build) (*subject, error) {
	if s.Refused != "" {
		return nil, &report.Failure{Message: fmt.Sprintf("the service %s of %s can't be taken: %s", s.Name, displayPath(p.Files[0]), s.Refused)}
	}
	if _, err := os.Stat(s.Build.Dockerfile); errors.Is(err, fs.ErrNotExist) {
		return nil, &report.Failure{
			Message: fmt.Sprintf("the service %s of %s is built from %s, which is not there", s.Name, displayPath(s.Place.String()), displayPath(s.Build.Dockerfile)),
			Hint:    "give the right path in build.dockerfile",
		}
	}
	args := maps.Clone(s.Build.Args)
	maps.Copy(args, build.Args)
	t := plainSubject(s.Build.Dockerfile, dockerfile.Build{Target: cmp.Or(build.Target, s.Build.Target.Text), Args: args, Platform: cmp.Or(build.Platform, s.Platform.Text)})
	t.options.Context, t.files, t.service = s.Build.Context, p.Files, s
	if s.Command == nil && s.Entrypoint == nil { // else the ports may be those of another command
		for _, port := range s.Ports {
			t.options.Ports = append(t.options.Ports, ecosystem.Fact[int]{Value: port.Number, Source: t.source(port.Place, "the container's port")})
		}
	}
	t.options.Commands = t.commands(p)
	t.notes = composeNotes(p, s)
	return t, nil
}

// commands are those that the services of the same image start it with.
func (t *subject) commands(p *compose.Project) (list []ecosystem.Fact[ecosystem.Command]) {
	own := t.service
	for _, s := range slices.Concat(p.Services, p.Others) {
		same := own.Image.Text != "" && s.Image.Text == own.Image.Text || own.Image.Text == "" && s.Image.Text == filepath.Base(p.Dir)+"-"+own.Name
		if b := s.Build; b.Dockerfile != "" {
			same = b.Context == own.Build.Context && b.Dockerfile == own.Build.Dockerfile && b.Target.Text == own.Build.Target.Text
		}
		if !same || s.Command == nil && s.Entrypoint == nil {
			continue
		}
		c := ecosystem.Fact[ecosystem.Command]{Value: ecosystem.Command{
			By: "the service " + s.Name, Dir: s.WorkingDir.Text, Chosen: s.Name == own.Name, Probed: s.Healthcheck,
		}}
		if s.Command != nil {
			c.Value.Argv, c.Source = append([]string{}, s.Command.Argv...), t.source(s.Command.Place, "its command")
		}
		if s.Entrypoint != nil {
			c.Value.Entrypoint, c.Source = append([]string{}, s.Entrypoint.Argv...), t.source(s.Entrypoint.Place, "its entry point")
		}
		list = append(list, c)
	}
	return list
}

// source is a place relative to the context.
func (t *subject) source(at compose.Place, note string) ecosystem.Source {
	name := at.File
	if rel, err := filepath.Rel(t.options.Context, at.File); err == nil {
		name = filepath.ToSlash(rel)
	}
	return ecosystem.Source{File: name, Line: at.Line, Note: note}
}

// composeNotes tell what of a service is not part of the builds and runs. They show no values.
func composeNotes(p *compose.Project, s *compose.Service) (notes []string) {
	note := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	note("%s: the service %s.", displayPath(p.Files[0]), s.Name)
	for _, u := range p.Unfollowed {
		note("%s: the file %s that it includes is not read: it %s.", displayPath(u.Place.String()), u.What, u.Why)
	}
	for _, given := range s.Build.Secrets {
		if given.Refused != "" {
			note("%s: the build can't be given the secret %s: %s.", displayPath(given.Place.String()), given.ID, given.Refused)
			continue
		}
		note("%s: the build is given the secret %s, of %s.", displayPath(given.Place.String()), given.ID, cmp.Or(displayPath(given.File), "the variable "+given.Variable))
	}
	for _, bind := range s.Binds {
		note("%s: the mount on %s is left out of the proof: it hides what the image holds there.", displayPath(bind.Place.String()), bind.Target)
	}
	if len(s.Mounted) > 0 {
		note("%s: its %s are left out of the proof: the files that containers find of them, as in /run/secrets, are not there.", displayPath(s.Place.String()), strings.Join(s.Mounted, " and "))
	}
	for _, c := range []*compose.Command{s.Entrypoint, s.Command} {
		if c != nil {
			note("%s: the service sets the command. The proof runs what the Dockerfile starts, and this only where that names nothing.", displayPath(c.Place.String()))
		}
	}
	for _, v := range []struct {
		what string
		set  compose.Value
	}{{"user", s.User}, {"working_dir", s.WorkingDir}} {
		if v.set.Text != "" {
			note("%s: %s is left out of the proof, which runs the image with its own.", displayPath(v.set.Place.String()), v.what)
		}
	}
	if len(s.DependsOn) > 0 {
		note("The service needs %s, which the proof does not start, as its containers have no network: what they would answer is not there.", strings.Join(s.DependsOn, ", "))
	}
	if len(s.Build.Left) > 0 {
		note("%s: the builds don't get %s.", displayPath(s.Place.String()), strings.Join(s.Build.Left, ", "))
	}
	for _, file := range s.Missing {
		note("The env_file %s is not there: what it would set is missing from both containers.", displayPath(file))
	}
	if len(s.Unset) > 0 {
		note("Variables that the compose file asks for are not set, and empty: %s.", strings.Join(s.Unset, ", "))
	}
	return notes
}

// command is what the service starts, where the Dockerfile names neither an entry point nor a command.
func (t *subject) command(p *project.Project) (entrypoint, command []string) {
	if t.service == nil || p.Final == nil {
		return nil, nil
	}
	if state := p.File.EndState(p.Final); state.Cmd != nil || state.Entrypoint != nil {
		return nil, nil
	}
	if c := t.service.Entrypoint; c != nil {
		entrypoint = append([]string{}, c.Argv...)
	}
	if c := t.service.Command; c != nil {
		command = append([]string{}, c.Argv...)
	}
	return entrypoint, command
}

// port is where to ask the application: 0, which takes the port that it is seen to listen on, when the service publishes
// other ones than the source tells, as its environment may have moved it there.
func (t *subject) port(known ecosystem.Fact[int]) int {
	published := t.options.Ports
	if known.Source.Observed() || len(published) == 0 {
		return known.Value
	}
	if slices.ContainsFunc(published, func(p ecosystem.Fact[int]) bool { return p.Value == known.Value }) {
		return known.Value
	}
	return 0
}

// env is what the service gives its containers, as NAME=value.
func (t *subject) env() (env []string) {
	if t.service != nil {
		for _, v := range t.service.Env {
			env = append(env, v.Name+"="+v.Value)
		}
	}
	return env
}

// tell names the service in a report, and keeps its credentials out of it.
func (t *subject) tell(r *report.Report) {
	r.Notes = append(r.Notes, t.notes...)
	if t.service == nil {
		return
	}
	r.Compose = &report.Compose{Service: t.service.Name}
	for _, file := range t.files {
		r.Compose.Files = append(r.Compose.Files, displayPath(file))
	}
	r.Secrets = append(r.Secrets, t.secrets()...)
}

// secrets are the credentials that the service names or its build was given, which no report shows.
func (t *subject) secrets() (values []string) {
	if t.service == nil {
		return nil
	}
	values = slices.Clone(t.given)
	for _, v := range t.service.Env {
		if _, found := secret.Env(v.Name, v.Value); found {
			values = append(values, v.Value)
		}
	}
	for name, value := range t.options.Build.Args {
		if _, found := secret.Env(name, value); found {
			values = append(values, value)
		}
	}
	return values
}

// buildSecrets are the values of the secrets that the service's build is given, by what its steps call them.
func (t *subject) buildSecrets() (map[string][]byte, error) {
	if t.service == nil || len(t.service.Build.Secrets) == 0 {
		return nil, nil
	}
	values := map[string][]byte{}
	for _, s := range t.service.Build.Secrets {
		value, err := s.Value()
		if err != nil {
			return nil, &report.Failure{
				Stage:   "reading the build's secrets",
				Message: fmt.Sprintf("the build of the service %s can't be given the secret %s", t.service.Name, s.ID),
				File:    displayPath(s.Place.File), Line: s.Place.Line, Hint: err.Error(),
			}
		}
		values[s.ID] = value
		t.given = append(t.given, secretForms(value)...)
	}
	return values, nil
}

// secretForms are what of a build's secret a step may print or leave behind: all of it, and the credentials in its lines.
func secretForms(value []byte) (forms []string) {
	whole := strings.TrimSpace(string(value))
	forms = append(forms, whole)
	for line := range strings.Lines(whole) {
		name, set, _ := strings.Cut(line, "=")
		set = strings.Trim(strings.TrimSpace(set), `"'`)
		if _, found := secret.Env(strings.TrimSpace(name), set); found {
			forms = append(forms, set)
		}
	}
	return forms
}

// lastOf keeps the last value of each name, in the order of the names' first appearance.
func lastOf(env []string) (kept []string) {
	at := map[string]int{}
	for _, pair := range env {
		name, _, _ := strings.Cut(pair, "=")
		if i, set := at[name]; set {
			kept[i] = pair
			continue
		}
		at[name] = len(kept)
		kept = append(kept, pair)
	}
	return kept
}
