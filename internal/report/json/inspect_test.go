package jsonreport

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/plimsoll/plimsoll/internal/inspect"
)

const imageSchema = "../../../docs/inspect.schema.json"

// fullReport has every field set, so that every property is written.
func fullReport() *inspect.Report {
	r := &inspect.Report{
		Reference: "docker.io/library/app:1", Digest: "sha256:1", OS: "linux", Architecture: "amd64", Created: time.Unix(1_700_000_000, 0),
		Labels:        map[string]string{"maintainer": "me"},
		Config:        inspect.Config{User: "app", Env: []string{"A=b"}, Entrypoint: []string{"/app"}, Cmd: []string{"serve"}, ExposedPorts: []string{"80/tcp"}, Healthcheck: []string{"CMD", "true"}},
		TransferBytes: 10, ArchiveBytes: 40, LayerBytes: 30, FlatBytes: 20, Files: 3,
		Layers:          []inspect.Layer{{Digest: "sha256:2", DiffID: "sha256:3", Instruction: "RUN x", TransferBytes: 10, WastedBytes: 10, Entries: 4, Cached: true}},
		Waste:           inspect.Waste{Bytes: 10, ByCause: map[inspect.Cause]int64{inspect.Deleted: 10}},
		Classes:         []inspect.Class{{Name: "package caches", Bytes: 5, Files: 1, Top: []inspect.Sized{{Path: "var/cache/apt", Bytes: 5}}}},
		SecretsSearched: true, Seconds: 0.5,
	}
	for _, cause := range inspect.Causes() {
		r.Waste.Items = append(r.Waste.Items, inspect.Wasted{Path: "x", Cause: cause, Bytes: 10, Files: 1, By: 1})
	}
	for _, ecosystem := range []string{"deb", "apk", "rpm", "python", "npm", "go"} {
		r.Packages = append(r.Packages, inspect.Package{Ecosystem: ecosystem, Name: "p", Version: "1", Bytes: 3, Declared: ecosystem == "deb", Source: "f"})
	}
	for _, where := range []string{"layer", "config", "history"} {
		r.Secrets = append(r.Secrets, inspect.Secret{Where: where, Layer: -1, Path: "p", Line: 1, Rule: "github-pat", Certainty: "certain", Why: "w", Redacted: "r", Hash: "h", Instruction: "RUN", Hidden: true})
	}
	r.Secrets[0].Layer = 0
	for _, level := range []inspect.Level{inspect.Fatal, inspect.Warn, inspect.Info} {
		r.Points = append(r.Points, inspect.Point{ID: "root-user", Level: level, Message: "m", Refs: []string{"CIS-DI-4.1"}, Paths: []string{"p"}, Count: 1})
	}
	return r
}

// TestInspectionSchema holds what is written for images against the published
// schema, in which every property must be named.
func TestInspectionSchema(t *testing.T) {
	for name, r := range map[string]*inspect.Report{"full": fullReport(), "empty": {}} {
		var b bytes.Buffer
		if err := WriteInspection(&b, r, "1.2.3", []string{"size: 3 MB, allowed are 2 MB"}[:len(r.Layers)]); err != nil {
			t.Fatal(err)
		}
		for _, problem := range validate(t, imageSchema, b.Bytes()) {
			t.Errorf("%s: %s", name, problem)
		}
		if name == "full" {
			unwritten(t, "inspection", b.Bytes())
		}
	}
}

func TestComparisonSchema(t *testing.T) {
	sizes := []inspect.Difference{{Name: "deb x", A: 1, B: 2, WasVer: "1", NowVer: "2"}}
	files := inspect.FileSet{Files: 1, Bytes: 2, Top: []inspect.Sized{{Path: "x", Bytes: 2}}}
	full := &inspect.Comparison{
		A: fullReport(), B: fullReport(), Sizes: sizes, Packages: sizes, Config: []inspect.Change{{Field: "user", A: "", B: "app"}},
		Added: files, Removed: files, Changed: files,
	}
	for name, c := range map[string]*inspect.Comparison{"full": full, "empty": {A: &inspect.Report{}, B: &inspect.Report{}}} {
		var b bytes.Buffer
		if err := WriteComparison(&b, c, "1.2.3", []string{"growth: 3 MB, allowed are 2 MB"}[:len(c.Sizes)]); err != nil {
			t.Fatal(err)
		}
		for _, problem := range validate(t, imageSchema, b.Bytes()) {
			t.Errorf("%s: %s", name, problem)
		}
		if name == "full" {
			unwritten(t, "comparison", b.Bytes())
		}
	}
}

// unwritten finds properties of the schema that a full document does not have.
func unwritten(t *testing.T, def string, document []byte) {
	t.Helper()
	var value any
	if err := json.Unmarshal(document, &value); err != nil {
		t.Fatal(err)
	}
	defs := loadSchema(t, imageSchema).Defs
	var down func(at string, s *schema, value any)
	down = func(at string, s *schema, value any) {
		if s == nil {
			return
		}
		if s.Ref != "" {
			s = defs[s.Ref[len("#/$defs/"):]]
		}
		switch value := value.(type) {
		case map[string]any:
			for name, property := range s.Properties {
				if value[name] == nil {
					t.Errorf("%s.%s is in the schema and not in the document", at, name)
				}
				down(at+"."+name, property, value[name])
			}
		case []any:
			if len(value) == 0 {
				t.Errorf("%s is empty", at)
				return
			}
			down(at+"[0]", s.Items, value[0])
		}
	}
	down("$", defs[def], value)
}
