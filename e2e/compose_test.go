package e2e

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/plimsoll/plimsoll/internal/report"
	reportjson "github.com/plimsoll/plimsoll/internal/report/json"
)

// token is a secret of a build, and what it says as it uses it.
const token = "tok_5f4dcc3b5aa765d61d83"

// composed starts only with what its compose files say: the target, an argument and a variable of .env, and the secret that
// its build asks for. The port is neither in the Dockerfile nor in the source.
func composed() map[string]string {
	return map[string]string{
		"compose.yaml": `include: [deploy/cache.yaml]
services:
  api:
    extends: {file: deploy/base.yaml, service: base}
    build:
      args: {GREETING: "hello from compose"}
      secrets: [token]
    environment:
      SHOP_PORT: ${PORT:-8123}
      SHOP_NAME: ${NAME}
    ports: ["80:${PORT:-8123}"]
    depends_on: [cache]
secrets:
  token: {environment: API_TOKEN}
`,
		"deploy/base.yaml":  "services: {base: {build: {context: ../api, target: serve}}}\n",
		"deploy/cache.yaml": "services: {cache: {image: redis}}\n",
		".env":              "NAME=corner\nAPI_TOKEN=" + token + "\n",
		"api/Dockerfile": `FROM python:3.11 AS serve
ARG GREETING
ENV GREETING=$GREETING
WORKDIR /app
COPY . .
RUN --mount=type=secret,id=token,required=true echo "fetched with $(cat /run/secrets/token)"
CMD python app.py

FROM debian:bookworm-slim AS docs
RUN false
`,
		"api/app.py": `import os
from http.server import BaseHTTPRequestHandler, HTTPServer

NAME = os.environ["SHOP_NAME"]


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        body = f"{os.environ['GREETING']}, {NAME}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


HTTPServer(("0.0.0.0", int(os.environ["SHOP_PORT"])), Handler).serve_forever()
`,
	}
}

func TestCompose(t *testing.T) {
	needSuite(t)
	dir := project(t, composed())
	r, err := proveShared(t, openShared(t), dir, wanted{probes: []string{"GET /shop"}})
	if err != nil {
		t.Fatal(err)
	}
	if r.Verdict != report.Proven && r.Verdict != report.PartlyProven {
		t.Errorf("verdict %s: %+v", r.Verdict, r.Failure)
	}
	var told bytes.Buffer
	if err := reportjson.Write(&told, r); err != nil || strings.Contains(told.String(), token) {
		t.Errorf("the report shows the build's secret, or none was made (%v)", err)
	}
	if files := []string{"compose.yaml", "deploy/cache.yaml", "deploy/base.yaml"}; r.Compose != nil && len(r.Compose.Files) != len(files) {
		t.Errorf("files: %q", r.Compose.Files)
	}
	if r.Compose == nil || r.Compose.Service != "api" {
		t.Errorf("service: %+v", r.Compose)
	}
	if !slices.ContainsFunc(r.Requests, func(q report.Request) bool { return q.Path == "/shop" && q.Before == 200 && q.After == 200 && q.Same }) {
		t.Errorf("requests: %+v", r.Requests)
	}
	if after := r.Plan.After["Dockerfile"]; !strings.HasPrefix(after, "FROM python:3.11-slim AS serve\n") || !strings.HasSuffix(after, "AS docs\nRUN false\n") {
		t.Errorf("the target is not rewritten, or another one is:\n%s", after)
	}
	if !slices.ContainsFunc(r.Notes, func(n string) bool { return strings.Contains(n, "needs cache, which the proof does not start") }) {
		t.Errorf("notes: %q", r.Notes)
	}
}
