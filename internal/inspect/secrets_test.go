package inspect

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What is kept and handed to whoever prints it has no credential's value, wherever the image says it.
func TestCredentialsAreNotShown(t *testing.T) {
	const random = "dK7fQ2mX9vRw4TzLp8Ns"
	for name, c := range map[string]struct {
		config map[string]any // of the image; beside it an empty one
		by     string         // the layer's instruction
		hidden []string
		shown  []string // of what is around it
		places []string // where it is reported
	}{
		"a label": {
			config: map[string]any{"Labels": map[string]string{"api_token": random, "version": "1.2.3"}},
			hidden: []string{random}, shown: []string{"api_token", "1.2.3"}, places: []string{"config.Labels[api_token]"},
		},
		"a label with two": {
			config: map[string]any{"Labels": map[string]string{"mirrors": "https://anna:firstpass@a.example https://otto:otherpass@b.example"}},
			hidden: []string{"firstpass", "otherpass"}, shown: []string{"a.example", "b.example"},
			places: []string{"config.Labels[mirrors]", "config.Labels[mirrors]"},
		},
		"a variable with two": {
			config: map[string]any{"Env": []string{"URLS=redis://anna:firstpass@a.example redis://otto:otherpass@b.example"}},
			hidden: []string{"firstpass", "otherpass"}, shown: []string{"a.example", "b.example"},
			places: []string{"config.Env[URLS]", "config.Env[URLS]"},
		},
		"a variable with options": {
			config: map[string]any{"Env": []string{"OPTS=-Xmx1g --db-password=" + random}},
			hidden: []string{random}, shown: []string{"-Xmx1g"}, places: []string{"config.Env[OPTS]"},
		},
		"the command": {
			config: map[string]any{"Cmd": []string{"app", "--db-password=" + random}},
			hidden: []string{random}, places: []string{"config.Cmd[1]"},
		},
		"the entrypoint": {
			config: map[string]any{"Entrypoint": []string{"/bin/sh", "-c", "exec app redis://anna:firstpass@a.example"}},
			hidden: []string{"firstpass"}, places: []string{"config.Entrypoint[2]"},
		},
		"the health check": {
			config: map[string]any{"Healthcheck": map[string]any{"Test": []string{"CMD-SHELL", "curl https://anna:firstpass@a.example"}}},
			hidden: []string{"firstpass"}, places: []string{"config.Healthcheck[1]"},
		},
		"an instruction": {
			by:     "RUN /bin/sh -c API_TOKEN=" + random + " make # buildkit",
			hidden: []string{random}, shown: []string{"make"}, places: []string{"history[0].created_by"},
		},
		"an instruction of several lines": {
			by:     "RUN /bin/sh -c set -e\nA=1\nDB_PASSWORD=hunter22\nmake # buildkit",
			hidden: []string{"hunter22"}, shown: []string{"make"}, places: []string{"history[0].created_by"},
		},
		"a value in quotes": {
			by:     `RUN /bin/sh -c DB_PASSWORD='correct horse battery' make # buildkit`,
			hidden: []string{"correct", "horse", "battery"}, shown: []string{"make"}, places: []string{"history[0].created_by"},
		},
		"options in quotes": {
			by:     `RUN /bin/sh -c OPTS="-Xmx1g -Ddb.password=hunter22" make # buildkit`,
			hidden: []string{"hunter22"}, shown: []string{"-Xmx1g", "make"}, places: []string{"history[0].created_by"},
		},
		"ENV and its blanks": {
			by:     "ENV DB_PASSWORD=correct horse battery MODE=fast",
			hidden: []string{"correct", "horse", "battery"}, shown: []string{"MODE=fast"}, places: []string{"history[0].created_by"},
		},
		"LABEL of the old builder": {
			by:     "/bin/sh -c #(nop)  LABEL mode=fast db.password=correct horse battery",
			hidden: []string{"correct", "horse", "battery"}, shown: []string{"mode=fast"}, places: []string{"history[0].created_by"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			layer := layerText(t, "f a 10 x")
			image := map[string]any{"config": map[string]any{}}
			if c.config != nil {
				image["config"] = c.config
			}
			image["history"] = []any{map[string]any{"created_by": c.by}}
			place, cache := archiveOf(t, maps.Clone(image), layer), t.TempDir()
			other, _ := kept(t, archiveOf(t, nil, layer), "", time.Time{})
			for _, run := range []string{"first run", "second run"} {
				r, _ := kept(t, place, cache, time.Time{})
				all, err := json.Marshal([]any{r, Compare(r, other), Compare(other, r)})
				if err != nil {
					t.Fatal(err)
				}
				hides(t, run, string(all), c.hidden)
				for _, text := range c.shown {
					if !strings.Contains(string(all), text) {
						t.Errorf("%s: %q is not shown in %s", run, text, all)
					}
				}
				var places []string
				for _, s := range r.Secrets {
					places = append(places, s.Path)
				}
				if strings.Join(places, " ") != strings.Join(c.places, " ") {
					t.Errorf("%s: reported in %q, want %q", run, places, c.places)
				}
			}
			hides(t, "the cache", keptText(t, cache), c.hidden)
		})
	}
}

// Of accounts it is kept whether they have a password, and not its hash.
func TestPasswordHashesAreNotKept(t *testing.T) {
	const hash = "$6$salt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2"
	place, cache := archiveOf(t, nil, layerText(t, `t etc/shadow root:`+hash+`:19000:0:99999:7:::\nopen::19000:0:99999:7:::\n`)), t.TempDir()
	for _, run := range []string{"first run", "second run"} {
		r, _ := kept(t, place, cache, time.Time{})
		var open []string
		for _, p := range r.Points {
			if p.ID == "empty-password" {
				open = p.Paths
			}
		}
		if len(open) != 1 || open[0] != "etc/shadow: open" {
			t.Errorf("%s: without a password are %q", run, open)
		}
	}
	hides(t, "the cache", keptText(t, cache), []string{hash})
}

func hides(t *testing.T, where, text string, values []string) {
	t.Helper()
	for _, value := range values {
		if at := strings.Index(text, value); at >= 0 {
			t.Errorf("%s has %q: …%s…", where, value, text[max(0, at-60):min(len(text), at+60)])
		}
	}
}

// keptText is all that is in a cache.
func keptText(t *testing.T, cache string) string {
	t.Helper()
	var all strings.Builder
	files, err := filepath.Glob(filepath.Join(cache, "*", "*.gob"))
	if err != nil || len(files) < 2 {
		t.Fatalf("%q are kept: %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}
