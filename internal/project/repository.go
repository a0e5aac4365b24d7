package project

import (
	"bytes"
	"context"
	"errors"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Repository is what git tells about the project.
type Repository struct {
	Remote   string // the https form of the origin's address, without credentials; "" when unknown
	Revision string // of HEAD, "" before the first commit
	License  string // SPDX identifier of a LICENSE file, if recognised
	tracked  map[string]bool
	// parents are the directories that hold tracked files.
	parents map[string]bool
}

// Tracks reports whether git tracks a path, or a file below it.
func (r *Repository) Tracks(name string) bool { return r.tracked[name] || r.parents[name] }

// gitTime bounds one call of git.
const gitTime = 5 * time.Second

// ReadRepository asks git about the folder. Without a repository around it that
// git reads, the result is nil and reason says why.
func ReadRepository(ctx context.Context, root string) (r *Repository, reason string) {
	files, err := git(ctx, root, "ls-files", "-z")
	if err != nil {
		return nil, whyNot(err)
	}
	r = &Repository{tracked: map[string]bool{}, parents: map[string]bool{}, License: license(root)}
	for name := range bytes.SplitSeq(files, []byte{0}) {
		if len(name) == 0 {
			continue
		}
		r.tracked[string(name)] = true
		for dir := path.Dir(string(name)); dir != "." && !r.parents[dir]; dir = path.Dir(dir) {
			r.parents[dir] = true
		}
	}
	if out, err := git(ctx, root, "config", "--get", "remote.origin.url"); err == nil {
		r.Remote = httpsAddress(strings.TrimSpace(string(out)))
	}
	if out, err := git(ctx, root, "rev-parse", "--verify", "--quiet", "HEAD"); err == nil {
		r.Revision = strings.TrimSpace(string(out))
	}
	return r, ""
}

// whyNot tells the usual reasons in few words.
func whyNot(err error) string {
	var failed *exec.ExitError
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return "git is not installed"
	case !errors.As(err, &failed):
		return "git failed: " + err.Error()
	case bytes.Contains(failed.Stderr, []byte("dubious ownership")):
		return "git does not trust the folder, as it belongs to another user (git config safe.directory)"
	case bytes.Contains(failed.Stderr, []byte("not a git repository")):
		return "not in a git repository"
	}
	first, _, _ := strings.Cut(strings.TrimSpace(string(failed.Stderr)), "\n")
	return strings.TrimSpace("git failed: " + first)
}

// git runs git without anything that a repository could make it run: no hooks,
// no file system monitor, no locks; and about this folder, whatever the environment says.
func git(ctx context.Context, root string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, gitTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, "git", append([]string{"-C", root, "-c", "core.fsmonitor=false", "-c", "core.hooksPath=" + os.DevNull}, args...)...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		return slices.Contains([]string{"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_NAMESPACE"}, name)
	})
	cmd.WaitDelay = time.Second // what git starts may outlive it, with its outputs open
	cmd.Env = append(cmd.Env, "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0", "LC_ALL=C")
	return cmd.Output()
}

// scpLike is git's short form of an SSH address: user@host:path.
var scpLike = regexp.MustCompile(`^(?:[\w.-]+@)?([\w.-]+):([^/].*)$`)

// httpsAddress turns the address of a remote into one that people can open.
// It is "" for local paths and anything else that is no address.
func httpsAddress(remote string) string {
	host, name := "", ""
	if m := scpLike.FindStringSubmatch(remote); m != nil && !strings.Contains(remote, "://") {
		host, name = m[1], m[2]
	} else if u, err := url.Parse(remote); err == nil && u.Host != "" && u.Scheme != "file" {
		host, name = u.Hostname(), u.Path
	} else {
		return ""
	}
	return "https://" + host + "/" + strings.TrimSuffix(strings.Trim(name, "/"), ".git")
}

// licences are recognised by words that stand in their first lines and in no other's.
var licences = []struct{ id, words string }{
	{"Apache-2.0", "apache license version 2.0"},
	{"MPL-2.0", "mozilla public license version 2.0"},
	{"AGPL-3.0-only", "gnu affero general public license version 3"},
	{"LGPL-3.0-only", "gnu lesser general public license version 3"},
	{"GPL-3.0-only", "gnu general public license version 3"},
	{"GPL-2.0-only", "gnu general public license version 2"},
	{"Unlicense", "this is free and unencumbered software released into the public domain"},
	{"ISC", "permission to use, copy, modify, and/or distribute this software for any purpose with or without fee"},
	{"MIT", "permission is hereby granted, free of charge, to any person obtaining a copy of this software"},
	{"BSD-3-Clause", "neither the name of"},
	{"BSD-2-Clause", "redistribution and use in source and binary forms, with or without modification"},
}

var blanks = regexp.MustCompile(`[\s,]+`)

func license(root string) string {
	for _, name := range []string{"LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE", "COPYING"} {
		text, err := readBounded(filepath.Join(root, name), 256<<10)
		if err != nil {
			continue
		}
		plain := blanks.ReplaceAllString(strings.ToLower(string(text)), " ")
		for _, l := range licences {
			if strings.Contains(plain, blanks.ReplaceAllString(l.words, " ")) {
				return l.id
			}
		}
	}
	return ""
}
