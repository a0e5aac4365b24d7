package buildkit

import (
	"context"

	"github.com/moby/buildkit/session/auth"
	"github.com/plimsoll/plimsoll/internal/registry"
	"google.golang.org/grpc"
)

// credentials answers the daemon's questions for registry logins.
type credentials struct {
	auth.UnimplementedAuthServer
	access *registry.Access
}

// Register makes it part of a session.
func (c credentials) Register(server *grpc.Server) { auth.RegisterAuthServer(server, c) }

// Credentials is the login for one host; empty if there is none.
func (c credentials) Credentials(ctx context.Context, req *auth.CredentialsRequest) (*auth.CredentialsResponse, error) {
	login, err := c.access.Login(ctx, req.Host)
	if err != nil {
		return nil, err
	}
	if login.IdentityToken != "" {
		return &auth.CredentialsResponse{Secret: login.IdentityToken}, nil
	}
	return &auth.CredentialsResponse{Username: login.Username, Secret: login.Password}, nil
}
