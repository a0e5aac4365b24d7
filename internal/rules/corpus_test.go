package rules_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/ecosystem/registry"
	"github.com/plimsoll/plimsoll/internal/project"
	"github.com/plimsoll/plimsoll/internal/rewrite"
	"github.com/plimsoll/plimsoll/internal/rules"
)

// contexts are what the Dockerfiles are tried in: a folder with all that a real one
// has, and one with nothing in it.
var contexts = map[string]string{
	"full": `
-- requirements.txt --
fastapi==0.110.0
uvicorn==0.29.0
psycopg2==2.9.9
-- main.py --
import os
import sqlite3

from fastapi import FastAPI

app = FastAPI()
db = sqlite3.connect("data/app.db")
greeting = os.environ["GREETING"]


@app.get("/health")
def health():
    return {"ok": True}
-- package.json --
{"name": "site", "version": "1.0.0", "scripts": {"start": "node index.js"}, "dependencies": {"express": "4.19.2"}}
-- index.js --
require('express')().listen(3000)
-- go.mod --
module example.com/site
-- main.go --
package main

func main() {}
-- .git/HEAD --
ref: refs/heads/main
-- .git/objects/aa/bb --
0123456789
-- .env --
API_TOKEN=9f8e7d6c5b4a39281706f5e4d3c2b1a0
-- venv/pyvenv.cfg --
home = /usr/bin
-- venv/bin/python --
#!/bin/sh
-- __pycache__/main.cpython-311.pyc --
bytes
-- node_modules/express/index.js --
module.exports = () => ({listen() {}})
`,
	"bare": "-- Dockerfile --\n",
}

// contextDir writes one of the contexts to a folder.
func contextDir(t testing.TB, name string) string {
	t.Helper()
	dir := t.TempDir()
	writeFiles(t, dir, txtar.Parse([]byte(contexts[name])).Files)
	return dir
}

func writeFiles(t testing.TB, dir string, files []txtar.File) {
	t.Helper()
	for _, f := range files {
		name := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// sampled says for which files the order of the rules is reversed too.
const sampled = 5

func TestCorpus(t *testing.T) {
	folder := os.Getenv("PLIMSOLL_CORPUS")
	if folder == "" {
		t.Skip("PLIMSOLL_CORPUS does not name a folder of Dockerfiles")
	}
	paths, err := filepath.Glob(filepath.Join(folder, "*.Dockerfile"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no Dockerfile in %s: %v", folder, err)
	}
	for _, name := range slices.Sorted(maps.Keys(contexts)) {
		t.Run(name, func(t *testing.T) { corpusIn(t, contextDir(t, name), paths) })
	}
}

func corpusIn(t *testing.T, dir string, paths []string) {
	c := newCensus()
	for i, path := range paths {
		start := time.Now()
		src, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, broken := range c.try(dir, src, i%sampled == 0) {
			t.Errorf("%s: %s", filepath.Base(path), broken)
		}
		c.took(filepath.Base(path), time.Since(start))
	}
	t.Log(c)
}

// census counts what became of the files.
type census struct {
	files, rejected, changed int
	applied, refused         map[string]int
	rounds                   map[int]int
	slowest                  string
	slowestTime              time.Duration
}

func newCensus() *census {
	return &census{applied: map[string]int{}, refused: map[string]int{}, rounds: map[int]int{}}
}

// try rewrites one file in a context, and returns the properties that it breaks.
func (c *census) try(dir string, src []byte, reversed bool) violations {
	c.files++
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), src, 0o644); err != nil {
		return violations{err.Error()}
	}
	p, err := project.Load(context.Background(), dir, project.Options{Detectors: registry.Detectors()})
	if err != nil {
		c.rejected++
		return placed(err)
	}
	res, broken := holds(p.WithBases(inventBases(p.File), ""), rules.All(), reversed)
	if res != nil {
		c.count(res)
	}
	return broken
}

// placed: a file that is rejected is rejected with the place of the fault.
func placed(err error) violations {
	var syntax *dockerfile.SyntaxError
	if !errors.As(err, &syntax) {
		return violations{fmt.Sprintf("not a syntax error: %v", err)}
	}
	if syntax.Line < 1 || syntax.Message == "" {
		return violations{fmt.Sprintf("no line, or nothing said: %v", err)}
	}
	return nil
}

func (c *census) count(res *rewrite.Result) {
	if res.Plan.Changed() {
		c.changed++
	}
	c.rounds[res.Plan.Rounds]++
	for _, a := range res.Plan.Applied {
		c.applied[a.Rule]++
	}
	for _, s := range res.Plan.Skipped {
		c.refused[s.Rule]++
	}
}

func (c *census) took(name string, d time.Duration) {
	if d > c.slowestTime {
		c.slowest, c.slowestTime = name, d
	}
}

func (c *census) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d files: %d accepted (%d changed), %d rejected with their line; slowest: %s, %v\n",
		c.files, c.files-c.rejected, c.changed, c.rejected, c.slowest, c.slowestTime.Round(time.Millisecond))
	fmt.Fprintf(&b, "rounds: %v\n", c.rounds)
	for _, id := range slices.Sorted(maps.Keys(merged(c.applied, c.refused))) {
		fmt.Fprintf(&b, "%-36s applied %5d  refused %5d\n", id, c.applied[id], c.refused[id])
	}
	return b.String()
}

func merged(a, b map[string]int) map[string]int {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// hard are Dockerfiles that are awkward to edit.
var hard = []string{
	"FROM scratch",
	"\xef\xbb\xbfFROM python:3.11\r\nCOPY . .\r\nRUN pip install \\\r\n  # why\r\n  -r requirements.txt\r\nCMD python main.py\r\n",
	"# escape=`\nFROM python:3.11\nRUN pip install `\n  flask\nCMD flask run",
	"# syntax=docker/dockerfile:1\nFROM debian:12\nRUN <<EOF\napt-get update\napt-get install -y curl\nEOF\nCMD [\"curl\"]\n",
	"ARG V=3.11\nFROM python:${V} AS base\nFROM base\nWORKDIR /srv\nCOPY . /srv/\nRUN apt-get update\nRUN apt-get install -y gcc && pip install -r requirements.txt\nRUN chown -R 1000:1000 /srv\nENTRYPOINT python main.py\n",
	"FROM python:3.11 AS build\nCOPY . /srv\nRUN pip wheel -r /srv/requirements.txt -w /wheels\nFROM python:3.11\nCOPY --from=build /wheels /wheels\nRUN pip install /wheels/*\nRUN rm -rf /wheels\nENV PASSWORD=hunter2hunter2 A=b\nARG TOKEN=abcdefgh12345678\nUSER root\nCMD [\"python\", \"-m\", \"http.server\"]\n",
	"FROM alpine:3.20\nRUN apk update\nRUN apk add git\nSHELL [\"/bin/ash\", \"-eo\", \"pipefail\", \"-c\"]\nRUN wget http://example.com/a.tgz && tar xf a.tgz\nRUN rm a.tgz\nONBUILD COPY . /app\n",
	"FROM node:20\nWORKDIR /app\nADD . .\nRUN npm install\nEXPOSE 3000 80/udp\nHEALTHCHECK NONE\nSTOPSIGNAL SIGKILL\nCMD npm start\n",
	"from python:3.11\nCOPY . .\nRUN [\"pip\", \"install\", \"-r\", \"requirements.txt\"]\nUSER nobody\nUSER 0\nCMD exec python main.py $X\n",
	"FROM node:20\nARG GIT_COMMIT BUILD_DATE=x\nENV COMMIT=$GIT_COMMIT\nLABEL a=$COMMIT b=\"$BUILD_DATE\"\nRUN apt-get update && apt-get install -y sudo && sudo -E chmod a+w /srv\nRUN curl -kfsSLo x http://a.b/x && sh x\nCOPY . .\nENV DEBUG=1 NODE_ENV=development\nCMD [\"npx\", \"nodemon\", \"x.js\"]\n",
	"# escape=`\nFROM python:3.11\nWORKDIR app\nRUN sudo `\n  -n `\n  pip install --trusted-host a `\n  -r x\nRUN echo root:pw | chpasswd\nENTRYPOINT [\"uvicorn\"]\nCMD [\"--reload\", \"a:b\", \"--host\", \"localhost\"]\n",
	"# plimsoll global ignore=size/heavy-base\nFROM python:3.11\nCOPY --chown=1:1 . .\n# plimsoll ignore=cache/update-apart\nRUN apt-get update\nRUN --mount=type=cache,target=/root/.cache pip install flask\nENV A b c\nCMD flask run --host 0.0.0.0\n",
}

func FuzzRewrite(f *testing.F) {
	for _, text := range hard {
		f.Add([]byte(text))
	}
	for _, r := range rules.All() {
		for _, file := range txtar.Parse([]byte(r.Doc.Before)).Files {
			if file.Name == "Dockerfile" {
				f.Add(file.Data)
			}
		}
	}
	dir := contextDir(f, "full")
	writeFiles(f, dir, []txtar.File{{Name: "Dockerfile", Data: []byte("FROM scratch\n")}})
	base, err := project.Load(f.Context(), dir, project.Options{Detectors: registry.Detectors()})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		const long = 1 << 14
		if len(src) > long {
			t.Skip("longer than any input that teaches more")
		}
		p, err := base.With(map[string]string{base.DockerfilePath: string(src)})
		if err != nil {
			for _, broken := range placed(err) {
				t.Error(broken)
			}
			return
		}
		_, broken := holds(p.WithBases(inventBases(p.File), ""), rules.All(), true)
		for _, b := range broken {
			t.Error(b)
		}
	})
}
