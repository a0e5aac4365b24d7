package image

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

const (
	dockerHub  = "docker.io"
	defaultTag = "latest"
)

// repositoryPath is the grammar of the distribution specification.
var repositoryPath = regexp.MustCompile(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)

// Reference is a parsed and normalised image reference.
type Reference struct {
	Host   string // "docker.io"
	Path   string // "library/python"
	Tag    string // "3.11"; "latest" when neither tag nor digest was written
	Digest string // "sha256:…" or empty
	// TagWritten tells whether the author wrote the tag.
	TagWritten bool
}

// ParseReference reads an image reference as it may stand after FROM:
// "python", "python:3.11", "ghcr.io/a/b@sha256:…".
func ParseReference(ref string) (Reference, error) {
	var r Reference
	rest := ref
	rest, r.Digest, _ = strings.Cut(rest, "@")
	if colon := strings.LastIndexByte(rest, ':'); colon > strings.LastIndexByte(rest, '/') {
		rest, r.Tag, r.TagWritten = rest[:colon], rest[colon+1:], true
	}
	r.Host, r.Path = splitHost(rest)
	if r.Tag == "" && r.Digest == "" {
		r.Tag = defaultTag
	}
	// The library judges the rest; it is given the normalised form, so that
	// its own defaults have no say. It lets "a/../b" pass.
	_, err := name.ParseReference(r.String(), name.StrictValidation)
	if err != nil || !repositoryPath.MatchString(r.Path) || strings.HasSuffix(ref, ":") || strings.HasSuffix(ref, "@") {
		return Reference{}, fmt.Errorf("%q is not an image reference: it is written [host/]name[:tag][@digest], in lower case", ref)
	}
	return r, nil
}

// splitHost takes the registry's host off a repository name. As everywhere in
// this field, the first part is a host if it has a dot or a port, or is "localhost".
func splitHost(repository string) (host, path string) {
	first, rest, found := strings.Cut(repository, "/")
	if !found || !strings.ContainsAny(first, ".:") && first != "localhost" {
		host, path = dockerHub, repository
	} else {
		host, path = first, rest
	}
	if host == "index.docker.io" || host == "registry-1.docker.io" {
		host = dockerHub
	}
	if host == dockerHub && path != "" && !strings.Contains(path, "/") {
		path = "library/" + path
	}
	return host, path
}

// Repository is the name without tag and digest: "docker.io/library/python".
func (r Reference) Repository() string { return r.Host + "/" + r.Path }

func (r Reference) String() string {
	s := r.Repository()
	if r.Tag != "" {
		s += ":" + r.Tag
	}
	if r.Digest != "" {
		s += "@" + r.Digest
	}
	return s
}
