package app

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/engine"
	"github.com/plimsoll/plimsoll/internal/report"
	"golang.org/x/tools/txtar"
)

// tree writes the files of an archive to a folder of its own.
func tree(t *testing.T, archive string) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range txtar.Parse([]byte(archive)).Files {
		name := filepath.Join(dir, f.Name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, f.Data, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const shop = `
-- compose.yaml --
services:
  api:
    build: {context: api, target: prod, args: {VERSION: "3.12"}}
    environment: {LEVEL: info}
    ports: ["80:8000"]
    volumes: ["./api:/srv"]
    secrets: [password]
  web:
    build: web
    command: npm run dev
  db: {image: postgres}
-- api/Dockerfile --
ARG VERSION=3.11
FROM python:${VERSION} AS prod
CMD ["python", "app.py"]
FROM prod AS dev
CMD ["python", "dev.py"]
-- api/app.py --
print(1)
-- web/Dockerfile --
FROM node:20
CMD ["node", "app.js"]
-- web/app.js --
console.log(1)
`

func TestSubjectOf(t *testing.T) {
	for _, test := range []struct {
		name, tree, path, service string
		build                     dockerfile.Build
		want                      string // Dockerfile target args env, and the platform if there is one
		failure                   string // words of the error
	}{
		{name: "several services", tree: shop, path: ".", failure: "builds several services: api, web"},
		{name: "several in a named file", tree: shop, path: "compose.yaml", failure: "builds several services: api, web"},
		{name: "a chosen one", tree: shop, path: ".", service: "api", want: "api/Dockerfile prod map[VERSION:3.12] [LEVEL=info]"},
		{name: "flags win", tree: shop, path: ".", service: "api", build: dockerfile.Build{Target: "dev", Args: map[string]string{"VERSION": "3.10"}}, want: "api/Dockerfile dev map[VERSION:3.10] [LEVEL=info]"},
		{name: "a platform", tree: "-- compose.yml --\nservices: {a: {build: app, platform: linux/arm64}}\n-- app/Dockerfile --\nFROM scratch\n", path: ".", want: "app/Dockerfile  map[] [] linux/arm64"},
		{name: "another platform", tree: "-- compose.yml --\nservices: {a: {build: app, platform: linux/arm64}}\n-- app/Dockerfile --\nFROM scratch\n", path: ".",
			build: dockerfile.Build{Platform: "linux/amd64"}, want: "app/Dockerfile  map[] [] linux/amd64"},
		{name: "not there", tree: shop, path: ".", service: "shop", failure: `builds no service "shop"`},
		{name: "not built", tree: shop, path: ".", service: "db", failure: `builds no service "db"`},
		{name: "a Dockerfile", tree: shop, path: "web/Dockerfile", want: "web/Dockerfile  map[] []"},
		{name: "the only one", tree: "-- compose.yml --\nservices: {a: {build: app}, b: {build: app, profiles: [x]}}\n-- app/Dockerfile --\nFROM scratch\n", path: ".", want: "app/Dockerfile  map[] []"},
		{name: "a Dockerfile that no service uses", tree: "-- compose.yml --\nservices: {a: {build: app}}\n-- app/Dockerfile --\nFROM scratch\n-- Dockerfile --\nFROM scratch\n", path: ".", want: "Dockerfile  map[] []"},
		{name: "a broken file beside a Dockerfile", tree: "-- compose.yml --\nservices: [\n-- Dockerfile --\nFROM scratch\n", path: ".", want: "Dockerfile  map[] []"},
		{name: "a broken file that is named", tree: "-- compose.yml --\nservices: [\n-- Dockerfile --\nFROM scratch\n", path: "compose.yml", failure: "compose.yml"},
		{name: "a Dockerfile within", tree: "-- compose.yml --\nservices: {a: {build: {dockerfile_inline: FROM scratch}}}\n", path: ".", failure: "dockerfile_inline"},
		{name: "no such Dockerfile", tree: "-- compose.yml --\nservices: {a: {build: app}}\n", path: ".", failure: "which is not there"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := tree(t, test.tree)
			s, err := subjectOf(filepath.Join(dir, test.path), ComposeOptions{Service: test.service}, test.build)
			if test.failure != "" {
				if err == nil || !strings.Contains(err.Error(), test.failure) {
					t.Fatalf("error %v, want %q", err, test.failure)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			name := strings.TrimPrefix(strings.TrimPrefix(s.path, dir), "/")
			build := s.options.Build
			if got := strings.TrimSpace(fmt.Sprintf("%s %s %v %v %s", name, build.Target, build.Args, s.env(), build.Platform)); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// Checking a folder or a file with several services looks at each as it is built; with one chosen, at that alone.
func TestCheckCompose(t *testing.T) {
	dir := tree(t, shop)
	for _, path := range []string{dir, filepath.Join(dir, "compose.yaml")} {
		reports, err := Check(t.Context(), CheckOptions{Paths: []string{path}, Offline: true})
		if err != nil || len(reports) != 2 || reports[0].Compose == nil || reports[1].Compose == nil ||
			reports[0].Compose.Service != "api" || reports[1].Compose.Service != "web" {
			t.Errorf("%s: %d reports, %v", path, len(reports), err)
		}
	}
	broken := tree(t, strings.Replace(shop, "build: web", "build: nowhere", 1))
	reports, err := Check(t.Context(), CheckOptions{Paths: []string{broken}, Offline: true})
	if err == nil || !strings.Contains(err.Error(), "the service web of") || len(reports) != 2 { // of api, and of web/Dockerfile as it is
		t.Errorf("with a service that can't be taken: %d reports, %v", len(reports), err)
	}
	reports, err = Check(t.Context(), CheckOptions{Paths: []string{filepath.Join(dir, "compose.yaml")}, ComposeOptions: ComposeOptions{Service: "api"}, Offline: true})
	if err != nil || len(reports) != 1 {
		t.Fatalf("%d reports, %v", len(reports), err)
	}
	if c := reports[0].Compose; c == nil || c.Service != "api" || len(c.Files) != 1 {
		t.Errorf("compose: %+v", c)
	}
	for _, want := range []string{"the mount on /srv is left out of the proof", "its secrets are left out of the proof"} {
		if !strings.Contains(strings.Join(reports[0].Notes, "\n"), want) {
			t.Errorf("no %q in the notes: %q", want, reports[0].Notes)
		}
	}
}

// A credential in a compose file is in no rendered text.
func TestComposeSecretsAreMasked(t *testing.T) {
	const value = "sk-live-9f8e7d6c5b4a39281706"
	dir := tree(t, "-- compose.yaml --\nservices: {a: {build: ., environment: {API_KEY: "+value+"}}}\n-- Dockerfile --\nFROM scratch\n")
	reports, err := Check(t.Context(), CheckOptions{Paths: []string{dir}, Offline: true})
	if err != nil || len(reports) != 1 {
		t.Fatalf("%d reports, %v", len(reports), err)
	}
	if got := reports[0].Mask("x " + value); got != "x "+report.Masked {
		t.Errorf("the value is shown: %q", got)
	}
}

// Nor is it when a proof has read the rules anew, with what a run has shown.
func TestComposeSecretsStayMasked(t *testing.T) {
	const value = "sk-live-9f8e7d6c5b4a39281706"
	dir := tree(t, "-- compose.yaml --\nservices: {a: {build: ., environment: {API_KEY: "+value+"}}}\n-- Dockerfile --\nFROM scratch\n")
	p, err := newProof(t.Context(), ProveOptions{Path: dir, Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	if err := p.rewrite(nil); err != nil {
		t.Fatal(err)
	}
	p.refill()
	if got := p.report.Mask("x " + value); got != "x "+report.Masked {
		t.Errorf("the value is shown: %q", got)
	}
}

// A build is given the secrets of its service, which no report and no log shows.
func TestBuildSecrets(t *testing.T) {
	const token, password = "npm_0123456789abcdef", "correct-horse-battery"
	dir := tree(t, "-- compose.yaml --\nservices: {a: {build: {context: ., secrets: [npm, {source: pass, target: db}]}}}\n"+
		"secrets: {npm: {file: npmrc}, pass: {environment: PASS}}\n-- .env --\nPASS="+password+"\n"+
		"-- npmrc --\nalways-auth=true\n//registry.example/:_authToken="+token+"\n-- Dockerfile --\nFROM debian\n")
	p, err := newProof(t.Context(), ProveOptions{Path: dir, Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	side, err := p.version("before", p.project, nil)
	if err != nil {
		t.Fatal(err)
	}
	given := side.version.Build.Secrets
	if !strings.Contains(string(given["npm"]), token) || string(given["db"]) != password || len(given) != 2 {
		t.Errorf("given: %q", given)
	}
	for _, text := range []string{token, password, "//registry.example/:_authToken=" + token} {
		if got := p.report.Mask("x " + text + " y"); got != "x "+report.Masked+" y" {
			t.Errorf("the report shows %q", got)
		}
	}
	if got := p.report.Mask("always-auth=true is set to true"); !strings.HasSuffix(got, "set to true") {
		t.Errorf("the report hides what is no secret: %q", got)
	}
	step := engine.Event{Build: "before", Step: engine.Step{Name: "RUN login"}}
	var log string
	for _, piece := range []string{"logging in with npm_01234", "56789abcdef\nnow the ", "password: correct-ho", "rse-battery"} {
		step.Log = []byte(piece)
		log += string(p.log.event(step).Log)
	}
	step.Log, step.Step.Completed = nil, time.Now()
	log += string(p.log.event(step).Log)
	if want := "logging in with " + report.Masked + "\nnow the password: " + report.Masked; log != want {
		t.Errorf("log %q, want %q", log, want)
	}
	if err := os.Remove(filepath.Join(dir, "npmrc")); err != nil {
		t.Fatal(err)
	}
	_, err = newProof(t.Context(), ProveOptions{Path: dir, Offline: true})
	if err == nil || !strings.Contains(err.Error(), "can't be given the secret npm") || !strings.Contains(err.Error(), "its file npmrc is not there") {
		t.Errorf("without the file: %v", err)
	}
}

func TestUnknownTarget(t *testing.T) {
	dir := tree(t, shop)
	_, err := Fix(t.Context(), FixOptions{Path: filepath.Join(dir, "api"), Target: "prd", Offline: true})
	if err == nil || !strings.Contains(err.Error(), `no stage "prd" to build: it has prod, dev`) {
		t.Errorf("error %v", err)
	}
}

// The environment of a service may move the application to another port than the source tells.
func TestPort(t *testing.T) {
	at := func(port int) ecosystem.Fact[int] {
		return ecosystem.Fact[int]{Value: port, Source: ecosystem.Source{File: "app.py", Line: 1}}
	}
	seen := ecosystem.Fact[int]{Value: 3000, Source: ecosystem.Source{Note: "seen"}}
	for _, test := range []struct {
		name      string
		known     ecosystem.Fact[int]
		published []ecosystem.Fact[int]
		want      int
	}{
		{"no compose file", at(8000), nil, 8000},
		{"the same", at(8000), []ecosystem.Fact[int]{at(9229), at(8000)}, 8000},
		{"another", at(8000), []ecosystem.Fact[int]{at(3000)}, 0},
		{"observed", seen, []ecosystem.Fact[int]{at(8000)}, 3000},
		{"not known", ecosystem.Fact[int]{}, []ecosystem.Fact[int]{at(8000), at(9229)}, 0},
	} {
		s := &subject{}
		s.options.Ports = test.published
		if got := s.port(test.known); got != test.want {
			t.Errorf("%s: %d, want %d", test.name, got, test.want)
		}
	}
}

// A service's command is run where the Dockerfile names none.
func TestCommand(t *testing.T) {
	for text, want := range map[string]string{
		"FROM debian\n":                       "[python app.py]",
		"FROM debian\nCMD [\"run\"]\n":        "[]",
		"FROM debian\nENTRYPOINT [\"run\"]\n": "[]",
	} {
		dir := tree(t, "-- compose.yaml --\nservices: {a: {build: ., command: python app.py}}\n-- Dockerfile --\n"+text)
		s, err := subjectOf(dir, ComposeOptions{}, dockerfile.Build{})
		if err != nil {
			t.Fatal(err)
		}
		p, err := load(t.Context(), s, sources{offline: true})
		if err != nil {
			t.Fatal(err)
		}
		if entrypoint, command := s.command(p); entrypoint != nil || fmt.Sprint(command) != want {
			t.Errorf("%q: %q %q, want %s", text, entrypoint, command, want)
		}
	}
}

// Development dependencies stay where a service of the same image starts one of them.
func TestOtherCommands(t *testing.T) {
	const files = `
-- Dockerfile --
FROM node:20
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci
COPY . .
CMD ["node", "server.js"]
-- package.json --
{"scripts": {"migrate": "sequelize-cli db:migrate", "work": "node work.js"}, "dependencies": {"express": "4"}, "devDependencies": {"sequelize-cli": "6", "dotenv": "16"}}
-- package-lock.json --
{}
-- server.js --
require('express')().listen(8080);
-- work.js --
require('express');
-- compose.yaml --
services:
  web: {build: .}
`
	for _, test := range []struct{ services, want string }{
		{"", ""},
		{"  work: {build: ., command: npm run work}", ""},
		{"  work: {build: ., command: [node, work.js]}", ""},
		{"  migrate: {build: ., command: npm run migrate}", "the service migrate runs the script migrate (sequelize-cli db:migrate), which is not known to need dependencies alone: list there what it starts"},
		{"  migrate: {build: ., entrypoint: npx sequelize-cli, command: db:migrate}", "the service migrate starts sequelize-cli, a development dependency: move it to dependencies (package.json:1), or start what the build makes"},
		{"  migrate: {build: ., entrypoint: [node, -r, dotenv/config], command: work.js}", "the service migrate needs dotenv, a development dependency: move it to dependencies"},
		{"  migrate: {build: ., command: sh -c 'npm run migrate && npm start'}", "the service migrate starts the image with a command that is not looked into, so that development dependencies stay: start one program there, or build a stage for it"},
		{"  migrate: {image: shop-web, command: npx sequelize db:migrate}", "the service migrate starts sequelize, a development dependency: move it to dependencies (package.json:1), or start what the build makes"},
		{"  migrate: {image: other, command: npx sequelize db:migrate}", ""},
		{"  migrate: {build: other, command: npx sequelize db:migrate}", ""},
		{"  migrate: {build: {context: ., target: tools}, command: npx sequelize db:migrate}", ""},
		{"  work: {build: ., working_dir: /app/jobs, command: npm run work}", "the service work starts the image in /app/jobs, so that development dependencies stay: build a stage for it"},
	} {
		dir := filepath.Join(tree(t, ""), "shop")
		if err := os.Rename(tree(t, files+test.services+"\n"), dir); err != nil {
			t.Fatal(err)
		}
		r, err := Fix(t.Context(), FixOptions{Path: dir, ComposeOptions: ComposeOptions{Service: "web"}, Rules: []string{"size/dev-dependencies"}, Offline: true})
		if err != nil || len(r.Findings) != 1 {
			t.Fatalf("%s: %v", test.services, err)
		}
		if got := r.Findings[0].Refused; got != test.want {
			t.Errorf("%s:\n%q, want\n%q", test.services, got, test.want)
		}
	}
}

// A probe and a runner without the tool that installs serve all services that start the image, or are refused.
func TestOtherServices(t *testing.T) {
	const files = `
-- Dockerfile --
FROM python:3.11
WORKDIR /app
RUN pip install poetry
COPY pyproject.toml poetry.lock ./
RUN poetry install --no-root
COPY . .
CMD ["poetry", "run", "gunicorn", "-b", "0.0.0.0:8000", "web:app"]
-- pyproject.toml --
[tool.poetry]
name = "shop"
version = "1"
[tool.poetry.dependencies]
python = "^3.11"
flask = "*"
gunicorn = "*"
celery = "*"
-- poetry.lock --
-- web.py --
from flask import Flask
app = Flask(__name__)

@app.get("/healthz")
def healthz():
    return "ok"
-- compose.yaml --
services:
  web: {build: .}
`
	for _, test := range []struct{ services, health, split string }{
		{"", "", ""},
		{"  worker: {build: ., command: celery -A tasks worker}",
			"the service worker starts the image with another command (compose.yaml:3), which the probe would call unhealthy for ever: give it a healthcheck of its own there (disable: true for none)", ""},
		{"  worker: {build: ., command: celery -A tasks worker, healthcheck: {disable: true}}", "", ""},
		{"  worker: {build: ., command: poetry run celery -A tasks worker, healthcheck: {disable: true}}",
			"", "the service worker (compose.yaml:3) calls poetry, which stays in the builder: call the program by its own name"},
		{"  worker: {build: ., command: /usr/local/bin/celery -A tasks worker, healthcheck: {disable: true}}",
			"", "the service worker (compose.yaml:3) names /usr/local/bin/celery, which a split would move into /opt/venv: call it by name"},
	} {
		dir := tree(t, files+test.services+"\n")
		for rule, want := range map[string]string{"runtime/no-healthcheck": test.health, "size/single-stage": test.split} {
			r, err := Fix(t.Context(), FixOptions{Path: dir, ComposeOptions: ComposeOptions{Service: "web"}, Rules: []string{rule}, Offline: true})
			if err != nil || len(r.Findings) != 1 {
				t.Fatalf("%s: %s: %v, %d findings", test.services, rule, err, len(r.Findings))
			}
			if got := r.Findings[0].Refused; got != want {
				t.Errorf("%s: %s:\n%q, want\n%q", test.services, rule, got, want)
			}
		}
	}
}

// Cron of another service can't run as the user that the image would have.
func TestOtherServiceNeedsRoot(t *testing.T) {
	dir := tree(t, `
-- Dockerfile --
FROM python:3.11-slim
WORKDIR /srv
COPY . .
CMD ["python", "main.py"]
-- main.py --
-- compose.yaml --
services:
  web: {build: .}
  nightly: {build: ., command: cron -f}
`)
	r, err := Fix(t.Context(), FixOptions{Path: dir, ComposeOptions: ComposeOptions{Service: "web"}, Rules: []string{"security/root-user"}, Offline: true})
	if err != nil || len(r.Findings) != 1 {
		t.Fatalf("%v, %d findings", err, len(r.Findings))
	}
	want := "the service nightly (compose.yaml:3) starts cron, which has to be root: run it in a container of its own"
	if got := r.Findings[0].Refused; got != want {
		t.Errorf("%q, want\n%q", got, want)
	}
}
