package image

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/plimsoll/plimsoll/internal/registry"
)

// What can keep an image from being read. Errors of this package wrap one of
// these where the reason is known.
var (
	// ErrNotFound: the registry has no such repository, tag or digest.
	ErrNotFound = errors.New("image does not exist")
	// ErrAuth: the registry wants credentials that it was not given.
	ErrAuth = errors.New("registry refused access")
	// ErrUnreachable: no answer from the registry, or one that it is out of order.
	ErrUnreachable = errors.New("registry can't be reached")
	// ErrUnknownOffline: no registry was asked, and no figure is kept at hand.
	ErrUnknownOffline = errors.New("size not known offline")
)

// explain says what went wrong with ref and what can be done about it.
func explain(ref Reference, err error) error {
	if login := new(registry.LoginError); errors.As(err, &login) {
		return fmt.Errorf("reading %s: %w", ref, login)
	}
	if bad := new(registry.UntrustedError); errors.As(err, &bad) {
		return fmt.Errorf("reading %s: %w: %w", ref, ErrUnreachable, bad) // which knows its remedy
	}
	if gone := new(registry.UnavailableError); errors.As(err, &gone) {
		err = gone // without the addresses that were asked on the way
	}
	switch kind := kindOf(err); kind {
	case nil:
		return fmt.Errorf("reading %s: %w", ref, err)
	case ErrNotFound:
		return fmt.Errorf("reading %s: %w: check name and tag (%w)", ref, kind, err)
	case ErrAuth:
		// Docker Hub answers so for repositories that do not exist, too.
		return fmt.Errorf("reading %s: %w: log in to %s, or check the name, which private registries hide the same way (%w)", ref, kind, ref.Host, err)
	default:
		return fmt.Errorf("reading %s: %w: name a mirror with --mirror %s=HOST (%w)", ref, kind, ref.Host, err)
	}
}

// kindOf sorts an error of the registry library; nil means none of the kinds.
func kindOf(err error) error {
	if login := new(registry.LoginError); errors.Is(err, context.Canceled) || errors.As(err, &login) {
		return nil
	}
	if reply := new(transport.Error); errors.As(err, &reply) {
		return kindOfReply(reply)
	}
	for _, kind := range []error{ErrNotFound, ErrAuth, ErrUnreachable} {
		if errors.Is(err, kind) {
			return kind
		}
	}
	if gone := new(registry.UnavailableError); errors.As(err, &gone) || isNetwork(err) {
		return ErrUnreachable
	}
	return nil
}

func isNetwork(err error) bool {
	var netErr net.Error // includes url.Error, which every failed request comes in
	return errors.As(err, &netErr) || errors.Is(err, context.DeadlineExceeded)
}

func kindOfReply(reply *transport.Error) error {
	if reply.StatusCode == http.StatusNotFound && reply.Request != nil && reply.Request.URL.Path == "/v2/" {
		return ErrUnreachable // a web server, but no registry
	}
	for _, d := range reply.Errors {
		switch d.Code {
		case transport.NameUnknownErrorCode, transport.ManifestUnknownErrorCode:
			return ErrNotFound
		case transport.UnauthorizedErrorCode, transport.DeniedErrorCode:
			return ErrAuth
		}
	}
	switch code := reply.StatusCode; {
	case code == http.StatusNotFound:
		return ErrNotFound
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		return ErrAuth
	case code == http.StatusTooManyRequests, code >= 500:
		return ErrUnreachable
	}
	return nil
}
