package registry

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// dockerFile makes a config.json the one in force, and script files helpers on PATH.
func dockerFile(t *testing.T, config string, helpers map[string]string) (file string) {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("DOCKER_CONFIG", dir)
	t.Setenv("DOCKER_AUTH_CONFIG", "")
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	for name, script := range helpers {
		if err := os.WriteFile(filepath.Join(dir, "docker-credential-"+name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	file = filepath.Join(dir, "config.json")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// answering prints a login for the host that it is asked for.
const answeringHelper = `read host; [ "$1" = get ] || exit 2; printf '{"ServerURL":"%s","Username":"from-helper","Secret":"for %s"}' "$host" "$host"`

func TestLogins(t *testing.T) {
	const anna = `"auth": "YW5uYTpzZWNyZXQ="` // anna:secret
	for name, c := range map[string]struct {
		config  string
		helpers map[string]string
		host    string
		want    Login
	}{
		"from the file":                         {`{"auths":{"r.example:5000":{` + anna + `}}}`, nil, "r.example:5000", Login{Username: "anna", Password: "secret"}},
		"with a scheme":                         {`{"auths":{"https://r.example":{` + anna + `}}}`, nil, "r.example", Login{Username: "anna", Password: "secret"}},
		"of another registry":                   {`{"auths":{"r.example":{` + anna + `}}}`, nil, "other.example", Login{}},
		"docker.io":                             {`{"auths":{"https://index.docker.io/v1/":{` + anna + `}}}`, nil, "docker.io", Login{Username: "anna", Password: "secret"}},
		"index.docker.io":                       {`{"auths":{"https://index.docker.io/v1/":{` + anna + `}}}`, nil, "index.docker.io", Login{Username: "anna", Password: "secret"}},
		"registry-1.docker.io":                  {`{"auths":{"https://index.docker.io/v1/":{` + anna + `}}}`, nil, "registry-1.docker.io", Login{Username: "anna", Password: "secret"}},
		"docker.io, as podman has it":           {`{"auths":{"docker.io":{` + anna + `}}}`, nil, "docker.io", Login{Username: "anna", Password: "secret"}},
		"docker.io, as both have it":            {`{"auths":{"docker.io":{"auth":"b3R0bzpzZWNyZXQ="},"https://index.docker.io/v1/":{` + anna + `}}}`, nil, "docker.io", Login{Username: "anna", Password: "secret"}},
		"index.docker.io, as podman has it":     {`{"auths":{"docker.io":{` + anna + `}}}`, nil, "index.docker.io", Login{Username: "anna", Password: "secret"}},
		"docker.io's helper, as podman has it":  {`{"credHelpers":{"docker.io":"test"}}`, map[string]string{"test": answeringHelper}, "docker.io", Login{Username: "from-helper", Password: "for docker.io"}},
		"docker.io's helper, beside credsStore": {`{"credsStore":"none-such","credHelpers":{"docker.io":"test"}}`, map[string]string{"test": answeringHelper}, "docker.io", Login{Username: "from-helper", Password: "for docker.io"}},
		"identity token":                        {`{"auths":{"r.example":{"identitytoken":"abc"}}}`, nil, "r.example", Login{IdentityToken: "abc"}},
		"registry token":                        {`{"auths":{"r.example":{"registrytoken":"abc"}}}`, nil, "r.example", Login{RegistryToken: "abc"}},
		"credHelpers":                           {`{"credHelpers":{"r.example":"test"}}`, map[string]string{"test": answeringHelper}, "r.example", Login{Username: "from-helper", Password: "for r.example"}},
		"credHelpers of another":                {`{"credHelpers":{"r.example":"none-such"}}`, nil, "other.example", Login{}},
		"credsStore":                            {`{"auths":{"r.example":{}},"credsStore":"test"}`, map[string]string{"test": answeringHelper}, "r.example", Login{Username: "from-helper", Password: "for r.example"}},
		"credsStore for docker.io":              {`{"credsStore":"test"}`, map[string]string{"test": answeringHelper}, "docker.io", Login{Username: "from-helper", Password: "for https://index.docker.io/v1/"}},
		"credHelpers go first":                  {`{"credsStore":"none-such","credHelpers":{"r.example":"test"}}`, map[string]string{"test": answeringHelper}, "r.example", Login{Username: "from-helper", Password: "for r.example"}},
		"a helper's token":                      {`{"credsStore":"test"}`, map[string]string{"test": `echo '{"Username":"<token>","Secret":"abc"}'`}, "r.example", Login{IdentityToken: "abc"}},
		"a helper knows nothing":                {`{"credsStore":"test"}`, map[string]string{"test": `echo 'credentials not found in native keychain'; exit 1`}, "r.example", Login{}},
	} {
		t.Run(name, func(t *testing.T) {
			dockerFile(t, c.config, c.helpers)
			got, err := newAccess(t, Options{}).Login(t.Context(), c.host)
			if err != nil || got != c.want {
				t.Errorf("got %+v, %v, want %+v", got, err, c.want)
			}
		})
	}
}

func TestLoginsOfTheEnvironmentGoFirst(t *testing.T) {
	dockerFile(t, `{"credsStore":"none-such"}`, nil)
	t.Setenv("DOCKER_AUTH_CONFIG", `{"auths":{"r.example":{"auth":"YW5uYTpzZWNyZXQ="}}}`)
	got, err := newAccess(t, Options{}).Login(t.Context(), "r.example")
	if err != nil || got.Username != "anna" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestPodmansLogins(t *testing.T) {
	t.Setenv("DOCKER_CONFIG", filepath.Join(t.TempDir(), "none"))
	t.Setenv("DOCKER_AUTH_CONFIG", "")
	t.Setenv("REGISTRY_AUTH_FILE", "")
	run := t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", run)
	if err := os.MkdirAll(filepath.Join(run, "containers"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(run, "containers", "auth.json"), []byte(`{"auths":{"r.example":{"auth":"YW5uYTpzZWNyZXQ="}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := newAccess(t, Options{}).Login(t.Context(), "r.example")
	if err != nil || got.Username != "anna" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestHelpersThatFail(t *testing.T) {
	for name, c := range map[string]struct {
		script string
		want   []string
	}{
		"missing": {"", []string{"docker-credential-test", "is not installed", "credsStore"}},
		"hangs":   {"sleep 3600", []string{"docker-credential-test", "did not answer in time", "run it by hand"}},
		"fails":   {"echo 'the key ring is locked' >&2; exit 3", []string{"which failed", "the key ring is locked"}},
		"babbles": {"echo hello", []string{"which failed", "invalid character"}},
	} {
		t.Run(name, func(t *testing.T) {
			helpers := map[string]string{"test": c.script}
			if c.script == "" {
				helpers = nil
			}
			file := dockerFile(t, `{"credsStore":"test"}`, helpers)
			a := newAccess(t, Options{})
			if name == "hangs" { // the others have to start a shell on a machine that may be busy
				a.helperLimit = 200 * time.Millisecond
			}
			_, err := a.Login(t.Context(), "r.example")
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range append(c.want, "r.example", file) {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
}

func TestAHelperIsAskedOnce(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	dockerFile(t, `{"credsStore":"test"}`, map[string]string{"test": "echo asked >> " + log + "\n" + answeringHelper})
	a := newAccess(t, Options{})
	for range 3 {
		if _, err := a.Login(t.Context(), "r.example"); err != nil {
			t.Fatal(err)
		}
	}
	if text, err := os.ReadFile(log); err != nil || string(text) != "asked\n" {
		t.Errorf("%q, %v", text, err)
	}
}

func TestABrokenFileIsNamed(t *testing.T) {
	file := dockerFile(t, `{"auths":`, nil)
	_, err := newAccess(t, Options{}).Login(t.Context(), "r.example")
	if err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("got %v", err)
	}
}
