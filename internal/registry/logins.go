package registry

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/docker/cli/cli/config/configfile"
)

const (
	// dockerHub is how Docker's configuration has always called its own registry, which has three names elsewhere.
	dockerHub = "https://index.docker.io/v1/"
	// podmanHub is how podman's calls it.
	podmanHub = "docker.io"
)

// Login is what is known for one registry; empty when there is none.
type Login struct {
	Username, Password string
	// IdentityToken is exchanged for a token of the registry, in a password's place.
	IdentityToken string
	// RegistryToken is sent as it is.
	RegistryToken string
}

// LoginError is a login that could not be looked up; its text says why and what to do.
type LoginError struct {
	Host string
	Err  error
}

func (e *LoginError) Error() string { return e.Err.Error() }
func (e *LoginError) Unwrap() error { return e.Err }

// logins are those that were looked up.
type logins struct {
	mu    sync.Mutex
	known map[string]*login
}

type login struct {
	mu    sync.Mutex
	done  bool
	found Login
	err   error
}

// Login looks a registry's login up, as Docker does: in the environment's DOCKER_AUTH_CONFIG, in config.json below
// DOCKER_CONFIG or ~/.docker, or by the credential helper that the file names. Without such a file, podman's
// is read. A helper is asked once for a registry, and bounded in time.
func (a *Access) Login(ctx context.Context, host string) (Login, error) {
	switch host {
	case "docker.io", "index.docker.io", "registry-1.docker.io":
		host = dockerHub
	}
	l := a.logins.of(host)
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.done {
		found, err := a.lookUpLogin(ctx, host)
		if err != nil {
			err = &LoginError{Host: host, Err: err}
		}
		if ctx.Err() != nil { // it was not the helper's fault
			return found, err
		}
		l.found, l.err, l.done = found, err, true
	}
	return l.found, l.err
}

func (l *logins) of(host string) *login {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known == nil {
		l.known = map[string]*login{}
	}
	if l.known[host] == nil {
		l.known[host] = &login{}
	}
	return l.known[host]
}

func (a *Access) lookUpLogin(ctx context.Context, host string) (Login, error) {
	path := loginFile()
	file, err := readLogins(path)
	if err != nil {
		return Login{}, fmt.Errorf("reading the logins in %s: %w: mend it, or log in again with docker login", path, err)
	}
	names := []string{host}
	if host == dockerHub {
		names = append(names, podmanHub)
	}
	helper, asked := file.CredentialsStore, host
	for _, name := range names {
		if named, ok := file.CredentialHelpers[name]; ok {
			helper, asked = named, name
			break
		}
	}
	// The library would run a helper without a limit of time.
	file.CredentialHelpers, file.CredentialsStore = nil, ""
	if helper != "" {
		file.AuthConfigs = nil // what a helper keeps has no more than a name there
	}
	for _, name := range names {
		found, err := file.GetCredentialsStore(name).Get(name) // GetAuthConfig takes docker.io for Docker's name
		if err != nil {
			return Login{}, fmt.Errorf("reading the login for %s in %s: %w", name, path, err)
		}
		if login := (Login{found.Username, found.Password, found.IdentityToken, found.RegistryToken}); login != (Login{}) {
			return login, nil
		}
	}
	if helper != "" {
		return a.askHelper(ctx, helper, asked, path)
	}
	return Login{}, nil
}

// loginFile is Docker's file, or else podman's.
func loginFile() string {
	file := filepath.Join(dockerConfig(), "config.json")
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		return file
	}
	if named := os.Getenv("REGISTRY_AUTH_FILE"); named != "" {
		return named
	}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		if podman := filepath.Join(dir, "containers", "auth.json"); isFile(podman) {
			return podman
		}
	}
	return file
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func dockerConfig() string {
	if dir := os.Getenv("DOCKER_CONFIG"); dir != "" {
		return dir
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ".docker"
	}
	return filepath.Join(home, ".docker")
}

// readLogins reads a file as docker login writes it; one that is not there is empty.
func readLogins(path string) (file *configfile.ConfigFile, err error) {
	file = configfile.New(path)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return file, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return file, file.LoadFromReader(f)
}
