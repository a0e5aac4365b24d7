package docker

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	dockerconfig "github.com/docker/cli/cli/config"
	dockercontext "github.com/docker/cli/cli/context"
	"github.com/docker/cli/cli/context/docker"
	"github.com/docker/cli/cli/context/store"
)

// The variables that choose an Engine, in the order in which the docker command heeds them.
const (
	hostVariable    = "DOCKER_HOST"
	contextVariable = "DOCKER_CONTEXT"
	configVariable  = "DOCKER_CONFIG"
	certVariable    = "DOCKER_CERT_PATH"
	tlsVariable     = "DOCKER_TLS"
	verifyVariable  = "DOCKER_TLS_VERIFY"
)

// defaultContext is what the docker command calls the Engine that no context names.
const defaultContext = "default"

// usualHost is where an Engine listens that nothing is said about.
const usualHost = "unix:///var/run/docker.sock"

// Endpoint is where an Engine is.
type Endpoint struct {
	docker.Endpoint
	// Why says what chose it: "DOCKER_HOST", "the context work of ~/.docker/config.json".
	Why string
}

// Resolve finds the Engine that the docker command would talk to: DOCKER_HOST, DOCKER_CONTEXT, the current
// context of Docker's configuration, or the usual socket.
func Resolve(getenv func(string) string) (*Endpoint, error) {
	dir := getenv(configVariable)
	if dir == "" {
		dir = dockerconfig.Dir()
	}
	if host := getenv(hostVariable); host != "" {
		return fromEnvironment(getenv, dir, host, hostVariable+" is set")
	}
	if name := getenv(contextVariable); name != "" {
		return fromContext(getenv, dir, name, contextVariable+" is "+name)
	}
	config, err := dockerconfig.Load(dir)
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading Docker's configuration: %w", err)
	}
	if name := config.CurrentContext; name != "" {
		return fromContext(getenv, dir, name, name+" is Docker's current context")
	}
	return fromEnvironment(getenv, dir, usualHost, "it is Docker's usual socket")
}

// fromEnvironment is an Engine with the certificates that the environment names.
func fromEnvironment(getenv func(string) string, dir, host, why string) (*Endpoint, error) {
	e := &Endpoint{Why: why}
	e.Host = host
	verify := getenv(verifyVariable) != ""
	if !verify && getenv(tlsVariable) == "" {
		return e, nil
	}
	certs := getenv(certVariable)
	if certs == "" {
		certs = dir
	}
	var err error
	e.TLSData, err = dockercontext.TLSDataFromFiles(
		ifThere(filepath.Join(certs, "ca.pem")), ifThere(filepath.Join(certs, "cert.pem")), ifThere(filepath.Join(certs, "key.pem")))
	if err != nil {
		return nil, fmt.Errorf("reading the certificates for Docker in %s: %w", certs, err)
	}
	e.SkipTLSVerify = !verify
	return e, nil
}

func ifThere(path string) string {
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}

// fromContext is an Engine that Docker's configuration has under a name.
func fromContext(getenv func(string) string, dir, name, why string) (*Endpoint, error) {
	if name == defaultContext {
		return fromEnvironment(getenv, dir, usualHost, why)
	}
	contexts := store.New(filepath.Join(dir, "contexts"), store.NewConfig(
		func() any { return &map[string]any{} },
		store.EndpointTypeGetter(docker.DockerEndpoint, func() any { return &docker.EndpointMeta{} }),
	))
	metadata, err := contexts.GetMetadata(name)
	if err != nil {
		return nil, fmt.Errorf("reading Docker's context %s: %w", name, err)
	}
	meta, err := docker.EndpointFromContext(metadata)
	if err != nil {
		return nil, fmt.Errorf("reading Docker's context %s: %w", name, err)
	}
	e := &Endpoint{Why: why}
	if e.Endpoint, err = docker.WithTLSData(contexts, name, meta); err != nil {
		return nil, fmt.Errorf("reading the certificates of Docker's context %s: %w", name, err)
	}
	return e, nil
}
