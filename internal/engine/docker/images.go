package docker

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/containerd/errdefs"
	docker "github.com/moby/moby/client"
)

// imageStore is a daemon's own, from which images are pushed and saved.
type imageStore struct{ api *docker.Client }

// noLogin is how the daemon's API is told that a registry wants none.
var noLogin = base64.URLEncoding.EncodeToString([]byte("{}"))

// Push pushes an image and returns the digest of its manifest.
func (s *imageStore) Push(ctx context.Context, ref string) (digest string, err error) {
	stream, err := s.api.ImagePush(ctx, ref, docker.ImagePushOptions{RegistryAuth: noLogin})
	if err != nil {
		return "", err
	}
	defer stream.Close()
	for message, err := range stream.JSONMessages(ctx) {
		switch {
		case err != nil:
			return "", err
		case message.Error != nil:
			return "", message.Error
		case message.Aux != nil:
			var pushed struct{ Digest string }
			if json.Unmarshal(*message.Aux, &pushed) == nil && pushed.Digest != "" {
				digest = pushed.Digest
			}
		}
	}
	if digest == "" {
		return "", fmt.Errorf("the daemon does not say what it pushed as %s", ref)
	}
	return digest, nil
}

// Save writes an image as "docker save" does.
func (s *imageStore) Save(ctx context.Context, ref string, w io.Writer) error {
	archive, err := s.api.ImageSave(ctx, []string{ref})
	if err != nil {
		return err
	}
	defer archive.Close()
	_, err = io.Copy(w, archive)
	return err
}

// Remove takes a name from an image, and the image with it if it was the last one.
func (s *imageStore) Remove(ctx context.Context, ref string) error {
	_, err := s.api.ImageRemove(ctx, ref, docker.ImageRemoveOptions{PruneChildren: true})
	if errdefs.IsNotFound(err) {
		return nil
	}
	return err
}

// The names of images that pass through the store: those that are pushed have the port of a registry on loopback, those that
// are saved the number of a process, behind that of the pid namespace in which it is one: containers that share an Engine
// do not see each other's processes.
var (
	pushedImage = regexp.MustCompile(`^(127\.0\.0\.1:\d+)/plimsoll/(?:before|after):proof$`)
	savedImage  = regexp.MustCompile(`^plimsoll/archive:(\d+)-(\d+)-`)
)

// ArchiveName is what an image is called while it is saved.
func (s *imageStore) ArchiveName() string {
	return fmt.Sprintf("plimsoll/archive:%s-%d-%s", pidNamespace(), os.Getpid(), rand.Text())
}

// pidNamespace is the number of this process's pid namespace; 0 where the system has none.
func pidNamespace() string {
	link, _ := os.Readlink("/proc/self/ns/pid") // pid:[4026531836]
	return cmp.Or(strings.Trim(link, "pid:[]"), "0")
}

// sweep removes what a plimsoll that was killed left in the store of this machine's own Engine: images for a registry that is
// gone, or of a process that is. What can't be removed, as it may be in use by now, is told.
func (s *imageStore) sweep(ctx context.Context) (failed error) {
	all, err := s.api.ImageList(ctx, docker.ImageListOptions{Filters: docker.Filters{}.Add("reference", "*/plimsoll/*:proof", "plimsoll/archive:*")})
	if err != nil {
		return fmt.Errorf("listing left-over images: %w", err)
	}
	for _, image := range all.Items {
		for _, name := range image.RepoTags {
			if !isLeftOver(name) {
				continue
			}
			if err := s.Remove(ctx, name); err != nil {
				failed = errors.Join(failed, fmt.Errorf("removing the left-over image %s: %w", name, err))
			}
		}
	}
	return failed
}

func isLeftOver(name string) bool {
	if m := pushedImage.FindStringSubmatch(name); m != nil {
		conn, err := net.DialTimeout("tcp", m[1], time.Second)
		if err == nil {
			conn.Close()
		}
		return errors.Is(err, syscall.ECONNREFUSED)
	}
	if m := savedImage.FindStringSubmatch(name); m != nil && m[1] == pidNamespace() {
		_, err := os.Stat("/proc/" + m[2])
		return errors.Is(err, os.ErrNotExist)
	}
	return false
}
