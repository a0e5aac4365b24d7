package requirements

import (
	"fmt"
	"strings"
	"testing"
)

func show(l Line) string {
	kinds := []string{"package", "local", "vcs", "remote", "include", "constraint", "option"}
	text := fmt.Sprintf("%d %s", l.Number, kinds[l.Kind])
	add := func(label, value string) {
		if value != "" {
			text += " " + label + value
		}
	}
	add("", l.Name)
	add("extras=", strings.Join(l.Extras, ","))
	for _, s := range l.Specs {
		add(s.Op, s.Version)
	}
	add("target=", l.Target)
	add("marker=", l.Marker)
	add("", l.Option)
	add("value=", l.Value)
	add("hashes=", strings.Join(l.Hashes, ","))
	if l.Editable {
		text += " editable"
	}
	return text
}

var lineCases = []struct{ name, src, want string }{
	{"name", "Flask", "1 package flask"},
	{"normalised", "Zope.Interface__x", "1 package zope-interface-x"},
	{"pinned", "flask==2.0.1", "1 package flask ==2.0.1"},
	{"range with blanks", "flask >= 2, < 3 , != 2.5", "1 package flask >=2 <3 !=2.5"},
	{"parentheses", "flask (>=2,<3)", "1 package flask >=2 <3"},
	{"compatible and wildcard", "a~=1.4\nb==2.*", "1 package a ~=1.4\n2 package b ==2.*"},
	{"extras", "uvicorn[standard, Watch_Files]==0.30", "1 package uvicorn extras=standard,watch-files ==0.30"},
	{"marker", `pywin32>=1 ; sys_platform == "win32"`, `1 package pywin32 >=1 marker=sys_platform == "win32"`},
	{"comments", "# top\n\nflask # why\n  # indented\nx#y\n", "3 package flask\nerror 5"},
	{"continuation", "flask==2 \\\n  --hash=sha256:aa \\\n  --hash sha256:bb\nnext", "1 package flask ==2 hashes=sha256:aa,sha256:bb\n4 package next"},
	{"comment ends a continuation", "flask \\\n# c\nnext", "1 package flask\n3 package next"},
	{"carriage returns", "a\r\nb\r\n", "1 package a\n2 package b"},
	{"include", "-r base.txt\n-rdev.txt\n--requirement=x/y.txt\n--requirement z.txt", "1 include target=base.txt\n2 include target=dev.txt\n3 include target=x/y.txt\n4 include target=z.txt"},
	{"constraint", "-c c.txt\n--constraint=d.txt", "1 constraint target=c.txt\n2 constraint target=d.txt"},
	{"editable", "-e .\n-e ./lib[dev]\n--editable=git+https://h/x.git#egg=My_X", "1 local target=. editable\n2 local extras=dev target=lib editable\n3 vcs my-x target=git+https://h/x.git#egg=My_X editable"},
	{"version control", "git+ssh://git@h/x.git@v1\nx @ git+https://h/x@main ; python_version > '3'", "1 vcs target=git+ssh://git@h/x.git@v1\n2 vcs x target=git+https://h/x@main marker=python_version > '3'"},
	{"remote archive", "https://h/x-1.whl\nx[a] @ https://h/x.zip", "1 remote target=https://h/x-1.whl\n2 remote x extras=a target=https://h/x.zip"},
	{"local", "./lib\n../up\ndist/x-1.0.whl\nx.tar.gz\nfile:///abs/lib\nx @ file:./lib", "1 local target=./lib\n2 local target=../up\n3 local target=dist/x-1.0.whl\n4 local target=x.tar.gz\n5 local target=/abs/lib\n6 local x target=./lib"},
	{"options", "-i https://h/simple\n--extra-index-url=https://h2\n--no-index\n--pre\n-f ./wheels\n--trusted-host h", "1 option --index-url value=https://h/simple\n2 option --extra-index-url value=https://h2\n3 option --no-index\n4 option --pre\n5 option --find-links value=./wheels\n6 option --trusted-host value=h"},
	{"config settings after a requirement", "x --config-settings k=v --global-option=y", "1 package x"},
	{"utf-16", "\xff\xfef\x00l\x00a\x00s\x00k\x00", "1 package flask"},
	{"byte order mark", "\ufeffflask", "1 package flask"},
	{"bad lines", "==1\nflask=1\nflask==\na b\n-r\nok", "error 1\nerror 2\nerror 3\nerror 4\nerror 5\n6 package ok"},
	{"unclosed extras", "a[b", "error 1"},
}

func TestParse(t *testing.T) {
	for _, c := range lineCases {
		t.Run(c.name, func(t *testing.T) {
			lines, errs := Parse([]byte(c.src))
			got := merge(lines, errs)
			if got != c.want {
				t.Errorf("parsing %q:\ngot:\n%s\nwant:\n%s", c.src, got, c.want)
			}
		})
	}
}

// merge lists lines and errors in the order of the file.
func merge(lines []Line, errs []*Error) string {
	var out []string
	for len(lines)+len(errs) > 0 {
		if len(errs) == 0 || len(lines) > 0 && lines[0].Number < errs[0].Line {
			out, lines = append(out, show(lines[0])), lines[1:]
			continue
		}
		out, errs = append(out, fmt.Sprintf("error %d", errs[0].Line)), errs[1:]
	}
	return strings.Join(out, "\n")
}

func TestApplies(t *testing.T) {
	for marker, want := range map[string]bool{
		"":                                   true,
		"sys_platform == 'win32'":            false,
		"sys_platform != 'win32'":            true,
		"'linux' in sys_platform":            true,
		"platform_system not in 'Linux Mac'": false,
		"python_version < '3.9'":             false,
		"python_version >= '3.10'":           true,
		"sys_platform == 'win32' or (os_name == 'posix' and python_version > '3.2')": true,
		"platform_machine == 'arm64'": true, // not known
		"extra == 'dev'":              false,
		"((((":                        true,
	} {
		if got := (Line{Marker: marker}).Applies(Linux("3.11")); got != want {
			t.Errorf("%q: got %v", marker, got)
		}
	}
}

func TestCompareVersions(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"1.10", "1.9", 1}, {"3.8", "3.8.0", 0}, {"2rc1", "2", 0}, {"", "1", -1}, {"1.2.3", "1.3", -1}} {
		if got := CompareVersions(c.a, c.b); got != c.want {
			t.Errorf("%s and %s: got %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, c := range lineCases {
		f.Add([]byte(c.src))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		lines, errs := Parse(src)
		count := strings.Count(strings.ReplaceAll(decode(src), "\r", "\n"), "\n") + 1
		last := 0
		for _, l := range lines {
			if l.Number <= last || l.Number > count {
				t.Fatalf("line %d after %d of %d", l.Number, last, count)
			}
			last = l.Number
			l.Applies(Linux("3.11"))
			if strings.HasSuffix(l.Text, `\`) || decode([]byte(l.Text)) != l.Text {
				continue // would read differently as a whole file
			}
			again, _ := Parse([]byte(l.Text))
			if len(again) != 1 || again[0].Kind != l.Kind || again[0].Name != l.Name || again[0].Target != l.Target {
				t.Fatalf("%q differs when parsed alone: %+v, %+v", l.Text, again, l)
			}
		}
		if len(lines)+len(errs) > count {
			t.Fatalf("%d lines out of %d", len(lines)+len(errs), count)
		}
	})
}
