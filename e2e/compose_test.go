package e2e

import (
	"slices"
	"strings"
	"testing"

	"github.com/plimsoll/plimsoll/internal/report"
)

// composed starts only with what its compose file says: the target, an argument and a variable of .env. The port is
// neither in the Dockerfile nor in the source.
func composed() map[string]string {
	return map[string]string{
		"compose.yaml": `services:
  api:
    build:
      context: ./api
      target: serve
      args: {GREETING: "hello from compose"}
    environment:
      SHOP_PORT: ${PORT:-8123}
      SHOP_NAME: ${NAME}
    ports: ["80:${PORT:-8123}"]
    depends_on: [cache]
  cache: {image: redis}
`,
		".env": "NAME=corner\n",
		"api/Dockerfile": `FROM python:3.11 AS serve
ARG GREETING
ENV GREETING=$GREETING
WORKDIR /app
COPY . .
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
