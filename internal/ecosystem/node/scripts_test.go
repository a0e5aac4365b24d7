package node

import (
	"fmt"
	"strings"
	"testing"
)

func TestScriptOf(t *testing.T) {
	for command, want := range map[string]string{
		"npm start":                                   "start",
		"npm run serve":                               "run serve",
		"npm --silent run serve -- --port 3":          "run serve [--port 3]",
		"npm run serve -w api":                        "run serve in api",
		"npm run serve --workspace=api now -- -p 3":   "run serve [now -p 3] in api",
		"npm -w api -w web start":                     "start in web, many",
		"npm start --workspaces":                      "start many",
		"npm start --port 3":                          "start [3] option --port",
		"npm ci":                                      "none",
		"npm":                                         "none",
		"yarn start --port 3":                         "start [--port 3]",
		"yarn workspace @b/api start":                 "start in @b/api",
		"yarn --silent workspace api run start -- x":  "run start [x] in api",
		"yarn workspaces run build":                   "run build many",
		"yarn workspaces foreach -A --from api run b": "run b many option --from",
		"yarn workspaces":                             "workspaces",
		"yarn --cwd packages/api start":               "start in packages/api",
		"yarn":                                        "none",
		"pnpm --filter api start":                     "start in api",
		"pnpm -r run build":                           "run build many",
		"pnpm -w run build":                           "run build option -w",
		"pnpm start --filter=x":                       "start [--filter=x]",
		"node server.js":                              "none",
	} {
		if got := told(strings.Fields(command)); got != want {
			t.Errorf("%s: got %q, want %q", command, got, want)
		}
	}
}

func told(argv []string) string {
	c, ok := scriptOf(argv)
	if !ok {
		return "none"
	}
	text := strings.TrimPrefix(c.String(), c.manager+" ")
	if len(c.args) > 0 {
		text += fmt.Sprint(" ", c.args)
	}
	if c.place != "" {
		text += " in " + c.place
	}
	if c.many {
		text += map[bool]string{true: ", many", false: " many"}[c.place != ""]
	}
	if c.option != "" {
		text += " option " + c.option
	}
	return text
}
