package compose

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/sirupsen/logrus"
	"golang.org/x/tools/txtar"
)

// TestMain keeps the judge's warnings out of the output.
func TestMain(m *testing.M) {
	logrus.SetOutput(io.Discard)
	os.Exit(m.Run())
}

// A case holds a project's files, the caller's environment, and what is read: in want, or in want/error. What is read of
// each service is held to what compose-go's loader makes of the same files.
func TestCases(t *testing.T) {
	paths, err := filepath.Glob("testdata/cases/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			dir, environ, want, wantError := t.TempDir(), []string(nil), "", ""
			for _, f := range archive.Files {
				switch f.Name {
				case "environ":
					environ = strings.Fields(string(f.Data))
				case "want":
					want = string(f.Data)
				case "want/error":
					wantError = strings.TrimSpace(string(f.Data))
				default:
					write(t, filepath.Join(dir, f.Name), f.Data)
				}
			}
			files := Find(dir)
			p, err := Load(files, environ)
			if wantError != "" {
				if err == nil || strings.ReplaceAll(err.Error(), dir+"/", "") != wantError {
					t.Fatalf("error %v, want %q", err, wantError)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.ReplaceAll(tell(p), dir, "."); got != want {
				t.Errorf("got\n%swant\n%s", got, want)
			}
			judge(t, p, files, environ)
		})
	}
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, data, 0o644)); err != nil {
		t.Fatal(err)
	}
}

// tell writes a project out, a line for each thing that is known.
func tell(p *Project) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	for _, at := range p.Included {
		line("included: %s", at)
	}
	for _, s := range p.Services {
		line("%s: %s", s.Name, s.Place)
		if s.Refused != "" {
			line("  refused: %s", s.Refused)
		}
		line("  build %s with %s", s.Build.Context, s.Build.Dockerfile)
		if s.Build.Target.Text != "" {
			line("  target %s: %s", s.Build.Target.Text, s.Build.Target.Place)
		}
		for _, name := range slices.Sorted(maps.Keys(s.Build.Args)) {
			line("  arg %s=%s: %s", name, s.Build.Args[name], s.Build.ArgsPlace)
		}
		for _, v := range s.Env {
			line("  env %s=%s: %s", v.Name, v.Value, v.Place)
		}
		for _, port := range s.Ports {
			line("  port %d published=%t: %s", port.Number, port.Published, port.Place)
		}
		for _, c := range []*Command{s.Entrypoint, s.Command} {
			if c != nil {
				line("  command %q: %s", c.Argv, c.Place)
			}
		}
		for _, v := range []Value{s.User, s.WorkingDir} {
			if v.Text != "" {
				line("  as %s: %s", v.Text, v.Place)
			}
		}
		for _, bind := range s.Binds {
			line("  bind %s: %s", bind.Target, bind.Place)
		}
		for what, list := range map[string][]string{"left": s.Build.Left} {
			if len(list) > 0 {
				line("  %s %v", what, list)
			}
		}
		for _, l := range []struct {
			what string
			list []string
		}{{"needs", s.DependsOn}, {"profiles", s.Profiles}, {"unset", s.Unset}, {"missing", s.Missing}} {
			if len(l.list) > 0 {
				line("  %s %v", l.what, l.list)
			}
		}
	}
	return b.String()
}

// judge compares with compose-go's loader.
func judge(t *testing.T, p *Project, files, environ []string) {
	t.Helper()
	vars, err := environment(p.Dir, environ)
	if err != nil {
		t.Fatal(err)
	}
	details := types.ConfigDetails{WorkingDir: p.Dir, Environment: types.Mapping(maps.Clone(vars))}
	for _, file := range files {
		details.ConfigFiles = append(details.ConfigFiles, types.ConfigFile{Filename: file})
	}
	want, err := loader.LoadWithContext(context.Background(), details, func(o *loader.Options) {
		o.SetProjectName("judged", true)
		o.Profiles, o.SkipInclude, o.SkipConsistencyCheck, o.SkipResolveEnvironment = []string{"*"}, true, true, true
	})
	if err != nil {
		t.Fatalf("compose-go: %v", err)
	}
	for _, s := range p.Services {
		w := want.Services[s.Name]
		if s.Refused != "" || len(s.Missing) > 0 {
			continue
		}
		one, err := want.WithServicesEnvironmentResolved(true)
		if err != nil {
			t.Fatalf("compose-go: %v", err)
		}
		env := map[string]string{}
		for _, v := range s.Env {
			env[v.Name] = v.Value
		}
		same(t, s.Name+" env", env, withValue(one.Services[s.Name].Environment))
		same(t, s.Name+" args", s.Build.Args, withValue(w.Build.Args.Resolve(want.Environment.Resolve)))
		same(t, s.Name+" context", s.Build.Context, w.Build.Context)
		file := w.Build.Dockerfile
		if !filepath.IsAbs(file) {
			file = filepath.Join(w.Build.Context, file)
		}
		same(t, s.Name+" dockerfile", s.Build.Dockerfile, file)
		same(t, s.Name+" target", s.Build.Target.Text, w.Build.Target)
		same(t, s.Name+" user", s.User.Text, w.User)
		same(t, s.Name+" working_dir", s.WorkingDir.Text, w.WorkingDir)
		if s.Command != nil || len(w.Command) > 0 {
			same(t, s.Name+" command", s.Command.Argv, []string(w.Command))
		}
		if s.Entrypoint != nil || len(w.Entrypoint) > 0 {
			same(t, s.Name+" entrypoint", s.Entrypoint.Argv, []string(w.Entrypoint))
		}
		for _, port := range w.Ports {
			if port.Protocol == "tcp" && !slices.ContainsFunc(s.Ports, func(p Port) bool { return p.Number == int(port.Target) && p.Published }) {
				t.Errorf("%s: port %d is missing", s.Name, port.Target)
			}
		}
		binds := 0
		for _, v := range w.Volumes {
			if v.Type == types.VolumeTypeBind {
				binds++
			}
		}
		same(t, s.Name+" binds", len(s.Binds), binds)
	}
}

// withValue are the variables that have a value.
func withValue(m types.MappingWithEquals) map[string]string {
	values := map[string]string{}
	for name, value := range m {
		if value != nil {
			values[name] = *value
		}
	}
	return values
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: %v, compose-go has %v", what, got, want)
	}
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"docker-compose.yml", "compose.yml", "compose.override.yml", "compose.prod.yaml"} {
		write(t, filepath.Join(dir, name), []byte("services: {}\n"))
	}
	in := func(names ...string) (paths []string) {
		for _, name := range names {
			paths = append(paths, filepath.Join(dir, name))
		}
		return paths
	}
	same(t, "found", Find(dir), in("compose.yml", "compose.override.yml"))
	same(t, "named", Files(in("compose.yml")[0]), in("compose.yml", "compose.override.yml"))
	same(t, "another", Files(in("compose.prod.yaml")[0]), in("compose.prod.yaml"))
	for name, want := range map[string]bool{"compose.yaml": true, "docker-compose.prod.yml": true, "compose-dev.yml": true, "Dockerfile": false, "values.yaml": false, "compose.json": false} {
		same(t, name, IsFile(name), want)
	}
}

// Whatever a file holds, reading ends without a panic, and an error shows no value of the environment.
func FuzzLoad(f *testing.F) {
	paths, _ := filepath.Glob("testdata/cases/*.txtar")
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			f.Fatal(err)
		}
		base, over := "", ""
		for _, file := range archive.Files {
			switch {
			case strings.Contains(file.Name, "override"):
				over = string(file.Data)
			case IsFile(file.Name):
				base = string(file.Data)
			}
		}
		f.Add(base, over)
	}
	f.Add("services: {a: {build: 5, environment: {A: [1]}}}", "services: {a: {build: [x]}}")
	f.Add("a: &a [*a]\nservices: *a", "services:\n  ? [1]\n  : {build: .}")
	f.Add("x: &a [1,1,1,1,1,1,1,1]\ny: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nz: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nservices: {s: {build: ., ports: *c}}", "")
	f.Fuzz(func(t *testing.T, base, over string) {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "compose.yaml"), []byte(base))
		write(t, filepath.Join(dir, "compose.override.yaml"), []byte(over))
		if _, err := Load(Find(dir), []string{"TOKEN=hunter2-hunter2"}); err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error shows a value: %v", err)
		}
	})
}
