package sarif

import (
	"bytes"
	"encoding/json"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/report"
	"github.com/plimsoll/plimsoll/internal/report/reporttest"
	"github.com/plimsoll/plimsoll/internal/rule"
)

// shape is what the published schema says of an object: each property with the name of its own
// shape ("" for a leaf), the required ones, and the values of those that are enumerated.
type shape struct {
	properties map[string]string
	required   []string
	values     map[string][]string
}

// shapes are transcribed from sarif-schema-2.1.0.json, for the objects that are written; where the
// schema asks for one of several properties, the one that is written is required.
var shapes = map[string]shape{
	"document": {properties: map[string]string{"$schema": "", "version": "", "runs": "run"}, required: []string{"version", "runs"}, values: map[string][]string{"version": {"2.1.0"}}},
	"run": {
		properties: map[string]string{"tool": "tool", "invocations": "invocation", "columnKind": "", "results": "result"}, required: []string{"tool"},
		values: map[string][]string{"columnKind": {"utf16CodeUnits", "unicodeCodePoints"}},
	},
	"tool":          {properties: map[string]string{"driver": "driver"}, required: []string{"driver"}},
	"driver":        {properties: map[string]string{"name": "", "version": "", "informationUri": "", "rules": "rule"}, required: []string{"name"}},
	"rule":          {properties: map[string]string{"id": "", "shortDescription": "message", "fullDescription": "message", "help": "message", "defaultConfiguration": "configuration"}, required: []string{"id"}},
	"configuration": {properties: map[string]string{"level": ""}, values: map[string][]string{"level": {"none", "note", "warning", "error"}}},
	"message":       {properties: map[string]string{"text": ""}, required: []string{"text"}},
	"result": {
		properties: map[string]string{"ruleId": "", "ruleIndex": "", "level": "", "message": "message", "locations": "location", "suppressions": "suppression", "properties": "bag"},
		required:   []string{"message"}, values: map[string][]string{"level": {"none", "note", "warning", "error"}},
	},
	"location":    {properties: map[string]string{"physicalLocation": "physical"}},
	"physical":    {properties: map[string]string{"artifactLocation": "artifact", "region": "region"}, required: []string{"artifactLocation"}},
	"artifact":    {properties: map[string]string{"uri": ""}, required: []string{"uri"}},
	"region":      {properties: map[string]string{"startLine": "", "startColumn": "", "endLine": "", "endColumn": ""}, required: []string{"startLine"}},
	"suppression": {properties: map[string]string{"kind": ""}, required: []string{"kind"}, values: map[string][]string{"kind": {"inSource", "external"}}},
	"invocation":  {properties: map[string]string{"executionSuccessful": "", "toolExecutionNotifications": "notification"}, required: []string{"executionSuccessful"}},
	"notification": {
		properties: map[string]string{"level": "", "message": "message", "locations": "location"}, required: []string{"message"},
		values: map[string][]string{"level": {"none", "note", "warning", "error"}},
	},
}

// check holds a value to its shape.
func check(t *testing.T, at, name string, value any) {
	t.Helper()
	if name == "" || name == "bag" {
		return
	}
	if list, ok := value.([]any); ok {
		for _, one := range list {
			check(t, at+"[]", name, one)
		}
		return
	}
	object, ok := value.(map[string]any)
	if !ok {
		t.Errorf("%s: got %T, want an object", at, value)
		return
	}
	s := shapes[name]
	for _, key := range s.required {
		if _, ok := object[key]; !ok {
			t.Errorf("%s: %s is missing", at, key)
		}
	}
	for key, inner := range object {
		below, ok := s.properties[key]
		if !ok {
			t.Errorf("%s: the schema has no %s", at, key)
		}
		if allowed := s.values[key]; allowed != nil && !strings.Contains(" "+strings.Join(allowed, " ")+" ", " "+inner.(string)+" ") {
			t.Errorf("%s.%s: %v is none of %v", at, key, inner, allowed)
		}
		check(t, at+"."+key, below, inner)
	}
}

func written(t *testing.T, reports []*report.Report, rules []*rule.Rule) document {
	t.Helper()
	var out bytes.Buffer
	if err := Write(&out, reports, rules, "1.2.3"); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), reporttest.Secret) {
		t.Error("the document holds the secret")
	}
	var value any
	if err := json.Unmarshal(out.Bytes(), &value); err != nil {
		t.Fatal(err)
	}
	check(t, "$", "document", value)
	var d document
	if err := json.Unmarshal(out.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	for _, r := range d.Runs[0].Results {
		if r.RuleIndex >= len(d.Runs[0].Tool.Driver.Rules) || d.Runs[0].Tool.Driver.Rules[r.RuleIndex].ID != r.RuleID {
			t.Errorf("%s is not the rule %d", r.RuleID, r.RuleIndex)
		}
		if _, err := url.Parse(r.Locations[0].Physical.Artifact.URI); err != nil {
			t.Error(err)
		}
	}
	return d
}

func TestFindings(t *testing.T) {
	checked := reporttest.Checked()
	d := written(t, []*report.Report{checked}, nil)
	got := d.Runs[0]
	if len(got.Results) != len(checked.Findings)+len(checked.Suppressed) || !got.Invocations[0].Successful {
		t.Errorf("%d results for %d findings and %d suppressed ones", len(got.Results), len(checked.Findings), len(checked.Suppressed))
	}
	for _, r := range got.Results {
		if uri := r.Locations[0].Physical.Artifact.URI; !strings.HasPrefix(uri, "service/") {
			t.Errorf("%s: uri %s", r.RuleID, uri)
		}
	}
}

// Without findings the lists are there all the same: consumers read an absent one as "not run".
func TestClean(t *testing.T) {
	var out bytes.Buffer
	if err := Write(&out, nil, nil, ""); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), `"results": []`) || !strings.Contains(out.String(), `"rules": []`) {
		t.Error(out.String())
	}
}

func TestRegionCountsCodePoints(t *testing.T) {
	r := report.New("", "Dockerfile")
	r.Root = "a b"
	r.Sources = map[string]string{"Dockerfile": "FROM x\nENV Ä=é B=1\n"}
	r.Findings = []finding.Finding{{
		Rule: "a/b", Severity: finding.Error, File: "Dockerfile", Message: "m",
		Span: dockerfile.Span{Start: 17, End: 20}, Position: dockerfile.Position{Line: 2, Column: 11},
	}}
	known := []*rule.Rule{{ID: "a/*", Doc: rule.Doc{Summary: "s", What: "w"}}}
	d := written(t, []*report.Report{r}, known)
	res := d.Runs[0].Results[0]
	if want := (region{2, 9, 2, 12}); *res.Locations[0].Physical.Region != want {
		t.Errorf("got %+v, want %+v", *res.Locations[0].Physical.Region, want)
	}
	if uri := res.Locations[0].Physical.Artifact.URI; uri != "a%20b/Dockerfile" {
		t.Errorf("uri %s", uri)
	}
	if res.Level != "error" || d.Runs[0].Tool.Driver.Rules[0].ShortDescription.Text != "s" {
		t.Errorf("got %+v", d.Runs[0].Tool.Driver.Rules[0])
	}
}

func TestFailure(t *testing.T) {
	r := report.New("", "x/Dockerfile")
	r.Failure = &report.Failure{Message: "unknown instruction", File: "x/Dockerfile", Line: 3, Err: os.ErrInvalid}
	d := written(t, []*report.Report{r}, nil)
	n := d.Runs[0].Invocations[0]
	if n.Successful || len(n.Notifications) != 1 || n.Notifications[0].Locations[0].Physical.Region.StartLine != 3 {
		t.Errorf("got %+v", n)
	}
}
