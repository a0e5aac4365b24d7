package wheel

import (
	"slices"
	"testing"
)

func TestParseRequirement(t *testing.T) {
	tests := []struct {
		text string
		want Requirement
	}{
		{"idna", Requirement{Name: "idna"}},
		{"starlette<0.26.0,>=0.25.0", Requirement{Name: "starlette", Spec: "<0.26.0,>=0.25.0"}},
		{"uvicorn[standard] (>=0.12, <1)", Requirement{Name: "uvicorn", Extras: "[standard]", Spec: ">=0.12,<1"}},
		{"zope.interface ; python_version < '3.8'", Requirement{Name: "zope.interface", Marker: "python_version < '3.8'"}},
	}
	for _, test := range tests {
		got, err := ParseRequirement(test.text)
		if err != nil || got != test.want {
			t.Errorf("%q: got %+v, %v", test.text, got, err)
		}
	}
	for _, bad := range []string{"", "name @ https://example.org/x.whl", "-r other.txt"} {
		if got, err := ParseRequirement(bad); err == nil {
			t.Errorf("%q was read as %+v", bad, got)
		}
	}
}

func TestParseRequires(t *testing.T) {
	reqs, extras, err := ParseRequires(`click>=8.0

[:python_version < "3.10"]
importlib-metadata>=3.6.0

[async]
asgiref>=3.2

[empty]

[test:python_version < "3" or os_name == "nt"]
mock
`)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range reqs {
		got = append(got, r.String())
	}
	want := []string{
		"click>=8.0",
		`importlib-metadata>=3.6.0; python_version < "3.10"`,
		"asgiref>=3.2; extra == 'async'",
		`mock; (python_version < "3" or os_name == "nt") and extra == 'test'`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	if want := []string{"async", "empty", "test"}; !slices.Equal(extras, want) {
		t.Errorf("extras %q, want %q", extras, want)
	}
	if _, _, err := ParseRequires("?!"); err == nil {
		t.Error("nonsense was read as a requirement")
	}
}

func TestDebianDepends(t *testing.T) {
	got := debianDepends("python3-h11 (>= 0.8), python3:any, python3-click (>= 1:7.0-2~exp1) , python3-tomli | python3 (>> 3.11), libc6 (<< 3), python3-x (>= 1), python3-x (<< 2), python3-x (>= 1.1)")
	want := map[string]Dependency{
		"python3-h11": {Spec: ">=0.8"}, "python3": {}, "python3-click": {Spec: ">=7.0"},
		"python3-tomli": {Alternatives: true}, "libc6": {}, "python3-x": {Spec: ">=1,>=1.1"},
	}
	for name, w := range want {
		if got[name] != w {
			t.Errorf("%s: got %+v, want %+v", name, got[name], w)
		}
	}
	if len(got) != len(want) {
		t.Errorf("got %v", got)
	}
}

func TestSatisfies(t *testing.T) {
	tests := []struct {
		version, spec string
		want          bool
	}{
		{"0.26.1", "<0.26.0,>=0.25.0", false},
		{"0.25.0", "<0.26.0,>=0.25.0", true},
		{"1.0", "==1.0.0", true},
		{"1.4.2", "==1.4.*", true},
		{"1.40", "==1.4.*", false},
		{"1.4.2", "!=1.4.*", false},
		{"2.3", "~=2.2", true},
		{"3.0", "~=2.2", false},
		{"2.2.9", "~=2.2.3", true},
		{"2.3", "~=2.2.3", false},
		{"2022.10.31", ">2022", true},
		{"1.10", "<=1.9", false},
		{"1", "", true},
		{"unknown", "", false},
		{"1", ">=next", false},
		{"1", "1", false},
	}
	for _, test := range tests {
		if got := Satisfies(test.version, test.spec); got != test.want {
			t.Errorf("Satisfies(%q, %q) = %v", test.version, test.spec, got)
		}
	}
}

func TestElsewhere(t *testing.T) {
	for marker, want := range map[string]bool{
		`sys_platform == "win32"`:                              true,
		`platform_system == 'Windows'`:                         true,
		`python_version < "3.8"`:                               true,
		`python_version <= "3.10" and sys_platform == "linux"`: true,
		`python_version < "3.12"`:                              false,
		`python_version >= "3.7"`:                              false,
		`sys_platform == "win32" or python_version > "3"`:      false,
		"": false,
	} {
		if got := (Requirement{Name: "x", Marker: marker}).elsewhere(); got != want {
			t.Errorf("%q: %v", marker, got)
		}
	}
}
