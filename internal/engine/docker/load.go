package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"

	docker "github.com/moby/moby/client"
)

// Load puts the images of an archive, as "docker save" writes it, into a daemon's store, and says which daemon that is.
func Load(ctx context.Context, endpoint *Endpoint, archive io.Reader) (where string, err error) {
	api, err := connect(endpoint)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, api.Close()) }()
	answer, err := api.ImageLoad(ctx, archive, docker.ImageLoadWithQuiet(true))
	if err != nil {
		return "", &Unreachable{endpoint.Host, err}
	}
	defer answer.Close()
	return "the Docker Engine at " + endpoint.Host, loadFault(answer)
}

// loadFault reads a daemon's answer to its end: what went wrong is told in it.
func loadFault(answer io.Reader) error {
	for decoder := json.NewDecoder(answer); ; {
		var message struct {
			Error string `json:"error"`
		}
		switch err := decoder.Decode(&message); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("reading the Docker Engine's answer: %w", err)
		case message.Error != "":
			return errors.New(message.Error)
		}
	}
}

// Dial says how connections to a daemon are made, for calls that need no more than that.
func Dial(endpoint *Endpoint) (func(context.Context) (net.Conn, error), error) {
	api, err := connect(endpoint)
	if err != nil {
		return nil, &Unreachable{endpoint.Host, err}
	}
	return api.Dialer(), nil
}
