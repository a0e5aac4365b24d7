package buildkit

import (
	"context"
	"fmt"
	"io"

	dockerconfig "github.com/docker/cli/cli/config"
	"github.com/moby/buildkit/session/auth"
	"google.golang.org/grpc"
)

// dockerHubHost is what the daemon calls Docker Hub, and dockerHubLogin how
// Docker's configuration has always called it.
const (
	dockerHubHost  = "registry-1.docker.io"
	dockerHubLogin = "https://index.docker.io/v1/"
)

// credentials answers the daemon's questions for registry logins from the
// user's Docker configuration, credential helpers included.
type credentials struct {
	auth.UnimplementedAuthServer
}

// Register makes it part of a session.
func (c credentials) Register(server *grpc.Server) { auth.RegisterAuthServer(server, c) }

// Credentials is the login for one host; empty if there is none.
func (credentials) Credentials(_ context.Context, req *auth.CredentialsRequest) (*auth.CredentialsResponse, error) {
	host := req.Host
	if host == dockerHubHost {
		host = dockerHubLogin
	}
	login, err := dockerconfig.LoadDefaultConfigFile(io.Discard).GetAuthConfig(host)
	if err != nil {
		return nil, fmt.Errorf("reading the login for %s: %w", req.Host, err)
	}
	if login.IdentityToken != "" {
		return &auth.CredentialsResponse{Secret: login.IdentityToken}, nil
	}
	return &auth.CredentialsResponse{Username: login.Username, Secret: login.Password}, nil
}
