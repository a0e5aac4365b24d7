package project

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/ecosystem"
)

// folder writes files: "path=content", "path/" for a directory, "path -> target" for a link.
func folder(t *testing.T, files ...string) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "app")
	must(t, os.Mkdir(root, 0o755))
	for _, f := range files {
		name, target, isLink := strings.Cut(f, " -> ")
		name, content, _ := strings.Cut(name, "=")
		full := filepath.Join(root, name)
		dir := filepath.Dir(full)
		if strings.HasSuffix(name, "/") {
			dir = full
		}
		must(t, os.MkdirAll(dir, 0o755))
		switch {
		case isLink:
			must(t, os.Symlink(target, full))
		case dir != full:
			must(t, os.WriteFile(full, []byte(content), 0o644))
		}
	}
	return root
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func load(t *testing.T, path string, opts Options) *Project {
	t.Helper()
	p, err := Load(context.Background(), path, opts)
	must(t, err)
	return p
}

const from = "FROM scratch\n"

func TestLoad(t *testing.T) {
	root := folder(t, "Dockerfile="+from, "api.Dockerfile="+from, "api.Dockerfile.dockerignore=x", ".dockerignore=y",
		"deploy/Dockerfile="+from, "low/dockerfile="+from, "linked/Dockerfile -> ../Dockerfile", "x=1", "y=1")
	for _, test := range []struct {
		name, path, context    string
		wantFile, wantIgnore   string
		wantRoot, wantNotThere string
	}{
		{name: "a folder", path: ".", wantFile: "Dockerfile", wantIgnore: ".dockerignore", wantRoot: ".", wantNotThere: "y"},
		{name: "a file", path: "api.Dockerfile", wantFile: "api.Dockerfile", wantIgnore: "api.Dockerfile.dockerignore", wantRoot: ".", wantNotThere: "x"},
		{name: "a folder below", path: "deploy", wantFile: "Dockerfile", wantIgnore: ".dockerignore", wantRoot: "deploy"},
		{name: "another context", path: "deploy/Dockerfile", context: ".", wantFile: "deploy/Dockerfile", wantIgnore: ".dockerignore", wantRoot: ".", wantNotThere: "y"},
		{name: "in lower case", path: "low", wantFile: "dockerfile", wantIgnore: ".dockerignore", wantRoot: "low"},
		{name: "a link to a neighbour", path: "linked", wantFile: "Dockerfile", wantIgnore: ".dockerignore", wantRoot: "linked"},
	} {
		t.Run(test.name, func(t *testing.T) {
			opts := Options{}
			if test.context != "" {
				opts.Context = filepath.Join(root, test.context)
			}
			p := load(t, filepath.Join(root, test.path), opts)
			if p.DockerfilePath != test.wantFile || p.IgnorePath != test.wantIgnore {
				t.Errorf("%s and %s, want %s and %s", p.DockerfilePath, p.IgnorePath, test.wantFile, test.wantIgnore)
			}
			if want, _ := filepath.EvalSymlinks(filepath.Join(root, test.wantRoot)); p.Root != want {
				t.Errorf("root %s, want %s", p.Root, want)
			}
			if p.File == nil || p.Final == nil || p.Final.Base != "scratch" {
				t.Error("the Dockerfile was not parsed")
			}
			if _, err := fs.Stat(p.Context.FS(), "x"); test.wantNotThere == "x" && !errors.Is(err, fs.ErrNotExist) {
				t.Error("x is sent")
			}
			if _, err := fs.Stat(p.Context.FS(), "y"); test.wantNotThere == "y" && !errors.Is(err, fs.ErrNotExist) {
				t.Error("y is sent")
			}
		})
	}
}

func TestLoadTellsWhatIsWrong(t *testing.T) {
	outside := folder(t, "Dockerfile="+from)
	for _, test := range []struct {
		name string
		path string
		want []string
	}{
		{"no such path", folder(t) + "/nowhere", []string{"nowhere", "no such file or folder"}},
		{"no Dockerfile", folder(t, "main.py"), []string{"no Dockerfile in this folder", "name the file"}},
		{"near misses", folder(t, "docker/Dockerfile="+from, "Containerfile="+from), []string{"did you mean", "docker/Dockerfile", "Containerfile"}},
		{"a folder of that name", folder(t, "Dockerfile/"), []string{"is a folder, not a Dockerfile"}},
		{"empty", folder(t, "Dockerfile="), []string{"Dockerfile", "start it with FROM"}},
		{"too large", folder(t, "Dockerfile=#"+strings.Repeat("x", maxDockerfile)), []string{"over the limit"}},
		{"a link out of the project", folder(t, "Dockerfile -> "+outside+"/Dockerfile"), []string{"outside of the project", "name that file"}},
		{"a link to nowhere", folder(t, "Dockerfile -> nowhere"), []string{"no Dockerfile"}},
		{"bad ignore file", folder(t, "Dockerfile="+from, ".dockerignore=[a-"), []string{".dockerignore", "[a-"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := Load(context.Background(), test.path, Options{})
			for _, want := range test.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %q", err, want)
				}
			}
		})
	}
	t.Run("syntax errors pass through", func(t *testing.T) {
		_, err := Load(context.Background(), folder(t, "Dockerfile="+from+"FROBNICATE x\n"), Options{})
		var syntax *dockerfile.SyntaxError
		if !errors.As(err, &syntax) || syntax.Line != 2 {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a detector that breaks", func(t *testing.T) {
		broken := ecosystem.Detector{Name: "cobol", Detect: func(ecosystem.Input) (*ecosystem.Facts, error) { return nil, errors.New("punch card jam") }}
		_, err := Load(context.Background(), folder(t, "Dockerfile="+from), Options{Detectors: []ecosystem.Detector{broken}})
		if err == nil || !strings.Contains(err.Error(), "looking for a cobol application: punch card jam") {
			t.Errorf("got %v", err)
		}
	})
}

func TestDiscover(t *testing.T) {
	root := folder(t, "Dockerfile", "Dockerfile.dev", "api.Dockerfile", "web.dockerfile", "b/Containerfile", "a/Dockerfile",
		"Dockerfile.dockerignore", "Dockerfile~", "notes.md", "mydockerfile", ".git/Dockerfile", "node_modules/x/Dockerfile",
		"env/pyvenv.cfg", "env/Dockerfile", "link -> a")
	found, err := Discover(root)
	must(t, err)
	var got []string
	for _, name := range found {
		rel, _ := filepath.Rel(root, name)
		got = append(got, rel)
	}
	want := []string{"Dockerfile", "Dockerfile.dev", "a/Dockerfile", "api.Dockerfile", "b/Containerfile", "web.dockerfile"}
	if !slices.Equal(got, want) {
		t.Errorf("found %v, want %v", got, want)
	}
	if _, err := Discover(root + "/nowhere"); err == nil {
		t.Error("no error for a folder that does not exist")
	}
}

// seesNotes tells by its version whether notes.txt is sent, and by its framework what the last base is.
var seesNotes = ecosystem.Detector{Name: "notes", Detect: func(in ecosystem.Input) (*ecosystem.Facts, error) {
	_, err := fs.Stat(in.Context, "notes.txt")
	return &ecosystem.Facts{
		Ecosystem: map[bool]string{true: "sees", false: "blind"}[err == nil],
		Framework: ecosystem.Fact[string]{Value: in.Final.Base},
	}, nil
}}

func TestWithReplacesTextsInMemory(t *testing.T) {
	root := folder(t, "Dockerfile="+from, "notes.txt=hello")
	p := load(t, root, Options{Detectors: []ecosystem.Detector{seesNotes}})

	ignored, err := p.With(map[string]string{".dockerignore": "notes.txt\n"})
	must(t, err)
	if ignored.Facts.Ecosystem != "blind" || p.Facts.Ecosystem != "sees" {
		t.Errorf("facts %s and %s: want the new context's in the copy alone", ignored.Facts.Ecosystem, p.Facts.Ecosystem)
	}
	both, err := ignored.With(map[string]string{"Dockerfile": "FROM debian\n"})
	must(t, err)
	if both.Facts.Framework.Value != "debian" || both.Facts.Ecosystem != "blind" || p.Final.Base != "scratch" {
		t.Errorf("facts %+v: want the new Dockerfile and the earlier ignore file", both.Facts)
	}
	back, err := both.With(map[string]string{".dockerignore": ""})
	must(t, err)
	if back.Facts.Ecosystem != "sees" {
		t.Error("an emptied ignore file still ignores")
	}
	if _, err := os.Stat(filepath.Join(root, ".dockerignore")); err == nil {
		t.Error("the disk was written to")
	}

	other, err := p.With(map[string]string{".env.example": "A=\n"})
	must(t, err)
	for name, want := range map[string]string{".env.example": "A=\n", "notes.txt": "hello", "Dockerfile": from, ".dockerignore": "", "nowhere": ""} {
		if text, err := other.ReadText(name); err != nil || text != want {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
	if !other.Exists(".env.example") || p.Exists(".env.example") || !p.Exists("notes.txt") {
		t.Error("Exists does not see what is there")
	}
	if _, err := other.ReadText("../secret"); err == nil {
		t.Error("read outside of the context")
	}
}

func TestWithTellsSyntaxErrors(t *testing.T) {
	p := load(t, folder(t, "Dockerfile="+from), Options{})
	var syntax *dockerfile.SyntaxError
	if _, err := p.With(map[string]string{"Dockerfile": "FROM a\nNOPE\n"}); !errors.As(err, &syntax) {
		t.Errorf("got %v", err)
	}
	if _, err := p.With(map[string]string{".dockerignore": "[a-"}); err == nil {
		t.Error("took a bad ignore file")
	}
}

func gitIn(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"}, args...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

func TestRepository(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	root := folder(t, "a.txt", "sub/b ä.txt", "untracked", "sub/LICENSE=MIT License\n\nPermission is hereby granted, free of charge, to any person\nobtaining a copy of this software", "hook.sh=#!/bin/sh\ntouch ran\n")
	gitIn(t, root, "init", "-q")
	r, reason := ReadRepository(context.Background(), root)
	if r == nil || r.Revision != "" || r.Remote != "" || reason != "" {
		t.Errorf("before the first commit: %+v %q", r, reason)
	}
	gitIn(t, root, "add", "a.txt", "sub")
	gitIn(t, root, "commit", "-q", "-m", "x")
	gitIn(t, root, "remote", "add", "origin", "git@github.com:someone/thing.git")
	must(t, os.Chmod(filepath.Join(root, "hook.sh"), 0o755))
	gitIn(t, root, "config", "core.fsmonitor", filepath.Join(root, "hook.sh"))

	r, reason = ReadRepository(context.Background(), filepath.Join(root, "sub"))
	if r == nil {
		t.Fatal(reason)
	}
	if r.Remote != "https://github.com/someone/thing" || len(r.Revision) != 40 || r.License != "MIT" {
		t.Errorf("%+v", r)
	}
	if !r.Tracks("b ä.txt") || r.Tracks("a.txt") {
		t.Error("tracked paths are not relative to the folder")
	}
	top, _ := ReadRepository(context.Background(), root)
	if !top.Tracks("sub") || !top.Tracks("sub/b ä.txt") || top.Tracks("untracked") {
		t.Error("wrong paths are tracked")
	}
	if _, err := os.Stat(filepath.Join(root, "ran")); err == nil {
		t.Error("git ran a program that the repository names")
	}
}

func TestNoRepository(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	t.Setenv("GIT_CEILING_DIRECTORIES", os.TempDir())
	if r, reason := ReadRepository(context.Background(), folder(t)); r != nil || reason != "not in a git repository" {
		t.Errorf("%+v, %q", r, reason)
	}
	t.Setenv("PATH", t.TempDir())
	if r, reason := ReadRepository(context.Background(), folder(t)); r != nil || reason != "git is not installed" {
		t.Errorf("%+v, %q", r, reason)
	}
}

func TestHTTPSAddress(t *testing.T) {
	for remote, want := range map[string]string{
		"git@github.com:a/b.git":             "https://github.com/a/b",
		"github.com:a/b":                     "https://github.com/a/b",
		"ssh://git@example.org:2222/a/b.git": "https://example.org/a/b",
		"https://user:token@example.org/a/b": "https://example.org/a/b",
		"http://example.org/a/b.git/":        "https://example.org/a/b",
		"git://example.org/a/b":              "https://example.org/a/b",
		"/srv/git/b.git":                     "",
		"../b":                               "",
		"file:///srv/b.git":                  "",
		"":                                   "",
	} {
		if got := httpsAddress(remote); got != want {
			t.Errorf("%s: %q, want %q", remote, got, want)
		}
	}
}

func TestLicense(t *testing.T) {
	bsd := "Redistribution and use in source and binary forms, with or without\nmodification, are permitted"
	for text, want := range map[string]string{
		"                                 Apache License\n                           Version 2.0, January 2004": "Apache-2.0",
		"GNU GENERAL PUBLIC LICENSE\n   Version 3, 29 June 2007":                                                "GPL-3.0-only",
		"GNU GENERAL PUBLIC LICENSE\n   Version 2, June 1991":                                                   "GPL-2.0-only",
		"GNU LESSER GENERAL PUBLIC LICENSE\n  Version 3, 29 June 2007":                                          "LGPL-3.0-only",
		"GNU AFFERO GENERAL PUBLIC LICENSE\n  Version 3, 19 November 2007":                                      "AGPL-3.0-only",
		"Mozilla Public License Version 2.0\n====":                                                              "MPL-2.0",
		"This is free and unencumbered software released into the public domain.":                               "Unlicense",
		bsd: "BSD-2-Clause",
		bsd + "\n3. Neither the name of the copyright holder": "BSD-3-Clause",
		"All rights reserved.":                                "",
	} {
		root := folder(t)
		must(t, os.WriteFile(filepath.Join(root, "LICENSE"), []byte(text), 0o644))
		if got := license(root); got != want {
			t.Errorf("%.40q: %q, want %q", text, got, want)
		}
	}
}
