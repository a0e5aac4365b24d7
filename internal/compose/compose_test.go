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
			files := find(t, dir, nil)
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

func find(t *testing.T, dir string, environ []string) []string {
	t.Helper()
	files, err := Find(dir, environ)
	if err != nil {
		t.Fatal(err)
	}
	return files
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
	for _, file := range p.Files {
		if filepath.Dir(file) != p.Dir {
			line("file %s", file)
		}
	}
	for _, u := range p.Unfollowed {
		line("not followed: %s", u)
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
		for _, v := range []Value{s.User, s.WorkingDir, s.Platform} {
			if v.Text != "" {
				line("  as %s: %s", v.Text, v.Place)
			}
		}
		for _, bind := range s.Binds {
			line("  bind %s: %s", bind.Target, bind.Place)
		}
		for _, secret := range s.Build.Secrets {
			switch value, err := secret.Value(); {
			case secret.Refused != "":
				line("  secret %s refused: %s", secret.ID, secret.Refused)
			case err != nil || len(value) == 0:
				line("  secret %s: %v", secret.ID, err)
			default:
				line("  secret %s from %s: %s", secret.ID, secret.File+secret.Variable, secret.Place)
			}
		}
		for _, l := range []struct {
			what string
			list []string
		}{{"left", s.Build.Left}, {"mounted", s.Mounted}, {"needs", s.DependsOn}, {"profiles", s.Profiles}, {"unset", s.Unset}, {"missing", s.Missing}} {
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
		o.Profiles, o.SkipConsistencyCheck, o.SkipResolveEnvironment = []string{"*"}, true, true
		o.SkipInclude = len(p.Unfollowed) > 0
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
		same(t, s.Name+" platform", s.Platform.Text, w.Platform)
		same(t, s.Name+" working_dir", s.WorkingDir.Text, w.WorkingDir)
		same(t, s.Name+" secrets", len(s.Build.Secrets), len(w.Build.Secrets))
		for i, secret := range s.Build.Secrets {
			theirs := want.Secrets[w.Build.Secrets[i].Source]
			if secret.Refused != "" {
				continue
			}
			same(t, s.Name+" secret "+secret.ID, []string{secret.File, secret.Variable}, []string{theirs.File, theirs.Environment})
		}
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
	same(t, "found", find(t, dir, nil), in("compose.yml", "compose.override.yml"))
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
	f.Add("include: [compose.override.yaml]\nservices: {a: {extends: b}}", "services: {b: {build: .}}")
	f.Add("services: {a: {extends: {file: compose.override.yaml, service: b}}}", "services: {b: {extends: {file: compose.yaml, service: a}, build: {secrets: [c]}}}\nsecrets: {c: {file: 5}}")
	f.Fuzz(func(t *testing.T, base, over string) {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "compose.yaml"), []byte(base))
		write(t, filepath.Join(dir, "compose.override.yaml"), []byte(over))
		if _, err := Load(find(t, dir, nil), []string{"TOKEN=hunter2-hunter2"}); err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error shows a value: %v", err)
		}
	})
}

// Nothing outside of the folder is read, whatever a compose file names, and nothing is fetched.
func TestFilesElsewhere(t *testing.T) {
	if os.PathSeparator != '/' {
		t.Skip("links and paths as on Unix")
	}
	const service = "services: {base: {build: ., environment: {FAR: \"1\"}}}\n"
	outer := t.TempDir()
	write(t, filepath.Join(outer, "far.yaml"), []byte(service))
	write(t, filepath.Join(outer, "far.env"), []byte("FAR=1\n"))
	dir := filepath.Join(outer, "project")
	write(t, filepath.Join(dir, "near.yaml"), []byte(service))
	write(t, filepath.Join(dir, "big.yaml"), []byte(service+strings.Repeat("#", maxFile)))
	write(t, filepath.Join(dir, "sub", "chain.yaml"), []byte("services: {base: {extends: {file: ../../far.yaml, service: base}}}\n"))
	write(t, filepath.Join(dir, "nest.yaml"), []byte("include: [nest2.yaml]\n"))
	write(t, filepath.Join(dir, "nest2.yaml"), []byte("include: [../far.yaml]\n"))
	for link, to := range map[string]string{"link.yaml": "../far.yaml", "whole.yaml": filepath.Join(outer, "far.yaml"), "folder": "..", "fine.yaml": "near.yaml"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "dir.yaml"), 0o755); err != nil {
		t.Fatal(err)
	}
	const outside, link = "lies outside of the folder of the compose file", "leads through a link that ends outside of the folder of the compose file"
	const fetched = "is fetched from elsewhere: put a copy of it in the folder of the compose file"
	for file, why := range map[string]string{
		"near.yaml": "", "fine.yaml": "", "./sub/../near.yaml": "", filepath.Join(dir, "near.yaml"): "",
		"../far.yaml": outside, filepath.Join(outer, "far.yaml"): outside, "~/far.yaml": outside, "sub/../../far.yaml": outside,
		"link.yaml": link, "whole.yaml": link, "folder/far.yaml": link,
		"gone.yaml": "is not there", "dir.yaml": "is not a regular file", "big.yaml": "over the limit",
		"oci://registry.example/app:1": fetched, "https://example.org/repo.git#main:compose.yaml": fetched, "git@example.org:repo.git": fetched,
	} {
		write(t, filepath.Join(dir, "compose.yaml"), fmt.Appendf(nil, "services: {web: {extends: {file: %q, service: base}, build: .}}\n", file))
		p, err := Load([]string{filepath.Join(dir, "compose.yaml")}, nil)
		if err != nil {
			t.Errorf("extends %s: %v", file, err)
			continue
		}
		web := p.Services[0]
		if read := len(web.Env) > 0; read != (why == "") || !strings.Contains(web.Refused, why) || why == "" && web.Refused != "" {
			t.Errorf("extends %s: read %t, refused %q, want %q", file, read, web.Refused, why)
		}
		write(t, filepath.Join(dir, "compose.yaml"), fmt.Appendf(nil, "include: [%q]\nservices: {web: {build: .}}\n", file))
		p, err = Load([]string{filepath.Join(dir, "compose.yaml")}, nil)
		if err != nil {
			t.Errorf("include %s: %v", file, err)
			continue
		}
		if read := p.Service("base") != nil; read != (why == "") || !strings.Contains(fmt.Sprint(p.Unfollowed), why) || why == "" && p.Unfollowed != nil {
			t.Errorf("include %s: read %t, not followed %v, want %q", file, read, p.Unfollowed, why)
		}
	}
	for text, want := range map[string]string{
		"include: [{path: near.yaml, env_file: ../far.env}]\nservices: {web: {build: .}}\n":  "[" + dir + "/compose.yaml:1: the file ../far.env " + outside + "]",
		"include: [{path: near.yaml, project_directory: ..}]\nservices: {web: {build: .}}\n": "[" + dir + "/compose.yaml:1: the file ../.env " + outside + "]",
		"include: [nest.yaml]\nservices: {web: {build: .}}\n":                                "[" + dir + "/nest2.yaml:1: the file ../far.yaml " + outside + "]",
		"services: {web: {extends: {file: sub/chain.yaml, service: base}, build: .}}\n":      "it extends the service base of the file ../far.yaml, which " + outside,
		"include: [../far.yaml]\nservices: {web: {extends: base, build: .}}\n":               "it extends base, which a file may have that is included and not followed",
	} {
		write(t, filepath.Join(dir, "compose.yaml"), []byte(text))
		p, err := Load([]string{filepath.Join(dir, "compose.yaml")}, nil)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := p.Service("web").Refused; got != want && fmt.Sprint(p.Unfollowed) != want {
			t.Errorf("%s: refused %q, not followed %v, want %s", text, got, p.Unfollowed, want)
		}
	}
}

// Files that name each other end in an error, and those that name each other many times over at a limit.
func TestFilesThatNameEachOther(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"self.yaml":    "include: [self.yaml]\n",
		"one.yaml":     "include: [other.yaml]\n",
		"other.yaml":   "include: [one.yaml]\n",
		"loop.yaml":    "services: {a: {extends: b, build: .}, b: {extends: a}}\n",
		"extends.yaml": "services: {a: {extends: {file: base.yaml, service: b}, build: .}}\n",
		"base.yaml":    "services: {b: {extends: {file: extends.yaml, service: a}}}\n",
	} {
		write(t, filepath.Join(dir, name), []byte(text))
	}
	for name, want := range map[string]string{"self.yaml": "includes itself", "one.yaml": "includes itself", "loop.yaml": "extends itself", "extends.yaml": "extends itself"} {
		if _, err := Load([]string{filepath.Join(dir, name)}, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	for n := range 30 {
		write(t, filepath.Join(dir, fmt.Sprintf("n%d.yaml", n)), fmt.Appendf(nil, "include: [n%d.yaml, n%d.yaml]\nservices: {s%d: {build: .}}\n", n+1, n+1, n))
	}
	p, err := Load([]string{filepath.Join(dir, "n0.yaml")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Unfollowed) == 0 || len(p.Services) > maxNested+1 {
		t.Errorf("%d services, %d not followed", len(p.Services), len(p.Unfollowed))
	}
}

func TestFindTakesTheFilesThatAreListed(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("compose.yaml", "services: {}\n")
	in := func(names ...string) (paths []string) {
		for _, name := range names {
			paths = append(paths, filepath.Join(dir, name))
		}
		return paths
	}
	same(t, "nothing listed", find(t, dir, []string{"COMPOSE_FILE="}), in("compose.yaml"))
	same(t, "in the environment", find(t, dir, []string{"COMPOSE_FILE=base.yml:deploy/prod.yml"}), in("base.yml", "deploy/prod.yml"))
	write(".env", "COMPOSE_FILE=a.yml;b.yml\nCOMPOSE_PATH_SEPARATOR=;\n")
	same(t, "in .env", find(t, dir, nil), in("a.yml", "b.yml"))
	same(t, "the environment outranks .env", find(t, dir, []string{"COMPOSE_FILE=/elsewhere/c.yml"}), []string{"/elsewhere/c.yml"})
	if _, err := Load(find(t, dir, nil), nil); err == nil || !strings.Contains(err.Error(), "a.yml") {
		t.Errorf("a file that is listed and not there: %v", err)
	}
}

// What is not of the compose file's own folder, or of its git work tree, is handed to no build and to no container, and the
// .env of a folder can't move that folder elsewhere.
func TestNothingOfTheHostIsHandedOut(t *testing.T) {
	if os.PathSeparator != '/' {
		t.Skip("links and paths as on Unix")
	}
	outer := t.TempDir()
	dir := filepath.Join(outer, "project", "deploy")
	for _, name := range []string{"keys/Dockerfile", "keys/id.env", "keys/base.yml", "project/app/Dockerfile", "project/app.env", "project/deploy/own/Dockerfile", "project/deploy/own.env", "project/deploy/sub/c.yml"} {
		write(t, filepath.Join(outer, name), []byte("FROM=scratch\n"))
	}
	for link, to := range map[string]string{"away": "../../keys", "file": "../../keys/Dockerfile", "link.env": "../../keys/id.env", "near": "own", "link.yml": "../../keys/base.yml"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	const context, file, env = "its context ", "its Dockerfile ", "its env_file "
	for _, test := range []struct {
		service, alone, inGit string // why it is refused
	}{
		{"{build: own, env_file: own.env}", "", ""},
		{"{build: near}", "", ""},
		{"{build: ../app}", context, ""},
		{"{build: {context: own, dockerfile: ../../app/Dockerfile}}", file, ""},
		{"{build: own, env_file: ../app.env}", env, ""},
		{"{build: ../../keys}", context, context},
		{"{build: " + outer + "/keys}", context, context},
		{"{build: {context: '${HOST}/keys', dockerfile: " + dir + "/own/Dockerfile}}", context, context},
		{"{build: away}", context, context},
		{"{build: own/../away}", context, context},
		{"{build: {context: own, dockerfile: ../file}}", file, file},
		{"{build: own, env_file: ../../keys/id.env}", env, env},
		{"{build: own, env_file: [own.env, {path: link.env, required: false}]}", env, env},
	} {
		for _, git := range []bool{false, true} {
			want, at := test.alone, filepath.Join(outer, "project", ".git")
			if os.RemoveAll(at); git {
				want = test.inGit
				write(t, filepath.Join(at, "HEAD"), nil)
			}
			write(t, filepath.Join(dir, "compose.yaml"), []byte("services: {web: "+test.service+"}\n"))
			p, err := Load([]string{filepath.Join(dir, "compose.yaml")}, []string{"HOST=" + outer})
			if err != nil {
				t.Errorf("%s: %v", test.service, err)
				continue
			}
			if web := p.Services[0]; !strings.HasPrefix(web.Refused, want) || want == "" && web.Refused != "" || want == env && len(web.Env) > 1 {
				t.Errorf("%s, in git %t: refused %q, env %v, want %q", test.service, git, web.Refused, web.Env, want)
			}
		}
	}
	for _, listed := range []string{"../../keys/base.yml", outer + "/keys/base.yml:compose.yaml", "compose.yaml:away/base.yml", "link.yml", "${HOST}/keys/base.yml"} {
		write(t, filepath.Join(dir, ".env"), []byte("COMPOSE_FILE="+listed+"\n"))
		if files, err := Find(dir, []string{"HOST=" + outer}); err == nil || !strings.Contains(err.Error(), "outside of that folder") {
			t.Errorf("COMPOSE_FILE=%s: %v, %v", listed, files, err)
		}
	}
	write(t, filepath.Join(dir, ".env"), []byte("COMPOSE_FILE="+dir+"/compose.yaml:sub/c.yml\n"))
	same(t, "below the folder", find(t, dir, nil), []string{filepath.Join(dir, "compose.yaml"), filepath.Join(dir, "sub", "c.yml")})
	if err := errors.Join(os.Remove(filepath.Join(dir, ".env")), os.Symlink("../../keys/id.env", filepath.Join(dir, ".env"))); err != nil {
		t.Fatal(err)
	}
	if _, err := Load([]string{filepath.Join(dir, "compose.yaml")}, nil); err == nil || !strings.Contains(err.Error(), "leads out of the git work tree") {
		t.Errorf("a link in the place of .env: %v", err)
	}
}
