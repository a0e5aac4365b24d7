package jsonreport

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

const reportSchema = "../../../docs/report.schema.json"

// schema is the part of JSON Schema that the files in docs use.
type schema struct {
	Ref         string             `json:"$ref"`
	Defs        map[string]*schema `json:"$defs"`
	OneOf       []*schema          `json:"oneOf"`
	Type        any                `json:"type"`
	Const       any                `json:"const"`
	Enum        []any              `json:"enum"`
	Required    []string           `json:"required"`
	Properties  map[string]*schema `json:"properties"`
	Additional  *schema            `json:"additionalProperties"`
	Items       *schema            `json:"items"`
	Dialect     string             `json:"$schema"`
	Title       string             `json:"title"`
	Description string             `json:"description"`
}

func loadSchema(t *testing.T, name string) *schema {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	d := json.NewDecoder(file)
	d.DisallowUnknownFields() // a keyword that this validator would overlook
	var s schema
	if err := d.Decode(&s); err != nil {
		t.Fatal(err)
	}
	return &s
}

// validate returns what is wrong with a document. It is stricter than the
// schema: a property that the schema does not name is a problem, so that none
// stays undocumented.
func validate(t *testing.T, schemaFile string, document []byte) []string {
	t.Helper()
	var value any
	if err := json.Unmarshal(document, &value); err != nil {
		return []string{err.Error()}
	}
	root := loadSchema(t, schemaFile)
	v := validator{defs: root.Defs}
	v.check("$", root, value)
	return v.problems
}

type validator struct {
	defs     map[string]*schema
	problems []string
}

func (v *validator) fail(at, format string, args ...any) {
	v.problems = append(v.problems, at+": "+fmt.Sprintf(format, args...))
}

func (v *validator) check(at string, s *schema, value any) {
	if s.Ref != "" {
		v.check(at, v.defs[strings.TrimPrefix(s.Ref, "#/$defs/")], value)
		return
	}
	if s.OneOf != nil {
		v.oneOf(at, s.OneOf, value)
		return
	}
	if s.Const != nil && value != s.Const {
		v.fail(at, "%v is not %v", value, s.Const)
	}
	if s.Enum != nil && !slices.Contains(s.Enum, value) {
		v.fail(at, "%v is none of %v", value, s.Enum)
	}
	if s.Type != nil && !hasType(s.Type, value) {
		v.fail(at, "%v is not of type %v", value, s.Type)
	}
	switch value := value.(type) {
	case map[string]any:
		v.object(at, s, value)
	case []any:
		if s.Items == nil {
			v.fail(at, "a list, of what the schema does not say")
			return
		}
		for i, item := range value {
			v.check(fmt.Sprintf("%s[%d]", at, i), s.Items, item)
		}
	}
}

func (v *validator) oneOf(at string, choices []*schema, value any) {
	var all []string
	matches := 0
	for _, choice := range choices {
		one := validator{defs: v.defs}
		one.check(at, choice, value)
		if len(one.problems) == 0 {
			matches++
		}
		all = append(all, one.problems...)
	}
	if matches != 1 {
		v.fail(at, "matches %d of the choices: %s", matches, strings.Join(all, "; "))
	}
}

func (v *validator) object(at string, s *schema, value map[string]any) {
	for _, name := range s.Required {
		if _, ok := value[name]; !ok {
			v.fail(at, "%s is missing", name)
		}
	}
	for name, item := range value {
		property := s.Properties[name]
		if property == nil {
			property = s.Additional
		}
		if property == nil {
			v.fail(at, "%s is not in the schema", name)
			continue
		}
		v.check(at+"."+name, property, item)
	}
}

func hasType(want any, value any) bool {
	if list, ok := want.([]any); ok {
		return slices.ContainsFunc(list, func(one any) bool { return hasType(one, value) })
	}
	switch value := value.(type) {
	case nil:
		return want == "null"
	case string:
		return want == "string"
	case bool:
		return want == "boolean"
	case float64:
		return want == "number" || want == "integer" && value == float64(int64(value))
	case []any:
		return want == "array"
	}
	return want == "object"
}

func TestSchemaRefuses(t *testing.T) {
	whole, err := os.ReadFile("testdata/proved.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, from, to string }{
		{"an unknown verdict", `"verdict": "proven"`, `"verdict": "splendid"`},
		{"another schema", `"schema": "plimsoll.report/1"`, `"schema": "plimsoll.report/2"`},
		{"a line that is no integer", `"line": 2`, `"line": 2.5`},
		{"an undocumented property", `"same": true`, `"same": true, "other": 1`},
		{"a missing property", `"same": true`, `"noise": []`},
	} {
		document := strings.Replace(string(whole), test.from, test.to, 1)
		if document == string(whole) {
			t.Fatalf("%s: %s is not in the document", test.name, test.from)
		}
		if len(validate(t, reportSchema, []byte(document))) == 0 {
			t.Errorf("%s is accepted", test.name)
		}
	}
}
