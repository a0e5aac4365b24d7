package container

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
)

func parse(t *testing.T, src string) *dockerfile.File {
	t.Helper()
	f, err := dockerfile.Parse("Dockerfile", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestFiles(t *testing.T) {
	context := fstest.MapFS{
		"requirements.txt": {}, "requirements-dev.txt": {}, "app/main.py": {}, "app/sub/x.py": {}, "lib/y.py": {},
	}
	for _, c := range []struct {
		name, docker string
		// image → context; "" when it is not there.
		want map[string]string
	}{
		{"everything to the working directory", "WORKDIR /srv\nCOPY . .", map[string]string{"/srv/app/main.py": "app/main.py", "/srv/none": "", "/app/main.py": ""}},
		{"a file into a directory", "WORKDIR /srv\nCOPY requirements.txt ./", map[string]string{"/srv/requirements.txt": "requirements.txt"}},
		{"a file to a directory that exists", "COPY requirements.txt /tmp", map[string]string{"/tmp/requirements.txt": "requirements.txt"}},
		{"a file under another name", "COPY requirements.txt /r.txt", map[string]string{"/r.txt": "requirements.txt", "/r.txt/requirements.txt": ""}},
		{"a file to a working directory without slash", "WORKDIR /srv/app\nCOPY requirements.txt /srv/app", map[string]string{"/srv/app/requirements.txt": "requirements.txt"}},
		{"several files", "COPY requirements.txt requirements-dev.txt /r", map[string]string{"/r/requirements-dev.txt": "requirements-dev.txt"}},
		{"a directory gives its contents", "COPY app /code", map[string]string{"/code/main.py": "app/main.py", "/code/app/main.py": ""}},
		{"a pattern", "COPY requirements*.txt /r/", map[string]string{"/r/requirements.txt": "requirements.txt", "/r/requirements-dev.txt": "requirements-dev.txt"}},
		{"an argument", "ARG DIR=/code\nCOPY app $DIR", map[string]string{"/code/main.py": "app/main.py"}},
		{"the last copy wins", "COPY app /code\nCOPY lib/y.py /code/main.py", map[string]string{"/code/main.py": "lib/y.py"}},
		{"no way out of the context", "COPY ../app /code", map[string]string{"/code/main.py": "app/main.py"}},
		{"an address is not in the context", "ADD https://example.org/requirements.txt /r.txt", map[string]string{"/r.txt": ""}},
		{"by way of a stage", "WORKDIR /build\nCOPY . .\nFROM scratch\nCOPY --from=0 /build/app /srv/app\nCOPY --from=0 /build/requirements.txt /srv/", map[string]string{"/srv/app/sub/x.py": "app/sub/x.py", "/srv/requirements.txt": "requirements.txt", "/srv/lib/y.py": ""}},
		{"a directory above the copies of a stage", "COPY app /b/one\nCOPY requirements.txt /b/\nFROM scratch\nCOPY --from=0 /b /c", map[string]string{"/c/one/main.py": "app/main.py", "/c/requirements.txt": "requirements.txt"}},
		{"a pattern in a stage", "WORKDIR /build\nCOPY . .\nFROM scratch\nCOPY --from=0 /build/requirements*.txt /srv/", map[string]string{"/srv/requirements.txt": "requirements.txt", "/srv/requirements-dev.txt": "requirements-dev.txt", "/srv/app/main.py": ""}},
		{"from an image", "FROM scratch\nCOPY --from=alpine / /", map[string]string{"/requirements.txt": ""}},
		{"from the parent", "AS base\nCOPY . /src\nFROM base", map[string]string{"/src/lib/y.py": "lib/y.py"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			docker := "FROM scratch\n" + c.docker
			if strings.HasPrefix(c.docker, "AS") {
				docker = "FROM scratch " + c.docker
			}
			f := parse(t, docker)
			files := FilesOf(f, f.Final(), context)
			for image, want := range c.want {
				got, _ := files.InContext(image)
				if got != want {
					t.Errorf("%s: got %q, want %q", image, got, want)
				}
				if want != "" && c.name != "the last copy wins" && files.InImage(want) != image {
					t.Errorf("%s lies at %q, want %q", want, files.InImage(want), image)
				}
			}
		})
	}
}

func TestFilesAt(t *testing.T) {
	context := fstest.MapFS{"a.txt": {}, "d/b.txt": {}}
	f := parse(t, "FROM scratch\nWORKDIR /w\nRUN --mount=type=bind,source=d/b.txt,target=m.txt one\nCOPY . .\nRUN two\n")
	one, two := f.Instructions[2], f.Instructions[4]
	for _, c := range []struct {
		inst  *dockerfile.Instruction
		image string
		want  string
	}{{one, "/w/m.txt", "d/b.txt"}, {one, "/w/a.txt", ""}, {two, "/w/a.txt", "a.txt"}, {two, "/w/m.txt", ""}} {
		if got, _ := FilesAt(f, c.inst, context).InContext(c.image); got != c.want {
			t.Errorf("%s at instruction %d: got %q, want %q", c.image, c.inst.Index, got, c.want)
		}
	}
}

func TestStart(t *testing.T) {
	for _, c := range []struct{ docker, argv, likely, reason string }{
		{`CMD ["a", "b c"]`, "a|b c", "a|b c", ""},
		{`CMD a "b c"`, "a|b c", "a|b c", ""},
		{`CMD exec a b`, "a|b", "a|b", ""},
		{"ENTRYPOINT [\"a\"]\nCMD [\"b\"]", "a|b", "a|b", ""},
		{"CMD [\"b\"]\nENTRYPOINT [\"a\"]", "a|b", "a|b", ""},
		{"ENTRYPOINT a\nCMD [\"b\"]", "a", "a", ""},
		{"ENTRYPOINT []\nCMD [\"b\"]", "b", "b", ""},
		{"ENTRYPOINT [\"a\"]\nCMD b", "", "", "shell-form CMD"},
		{"ENV P=80\nCMD a --port $P", "", "a|--port|80", `expands "$P"`},
		{"CMD a --port ${P:-81}", "", "a|--port|81", "expands"},
		{"CMD a && exec b c", "", "b|c", `joins commands with "&&"`},
		{"CMD X=1 a", "", "a", "sets X"},
		{"CMD a > log", "", "a", "redirects"},
		{`CMD ["sh", "-c", "a b"]`, "a|b", "a|b", ""},
		{`CMD ["/bin/bash", "-c", "a $X"]`, "", "a|", "expands"},
		{"CMD [\"sh\", \"-c\", \"a\\nb\"]", "", "", "can't be read"},
		{"SHELL [\"pwsh\"]\nCMD a", "", "", "not the language"},
		{"CMD []", "", "", "empty"},
		{"RUN a", "", "", "neither CMD nor ENTRYPOINT"},
	} {
		f := parse(t, "FROM scratch\n"+c.docker+"\n")
		s := StartOf(f, f.Final())
		if got := strings.Join(s.Argv, "|"); got != c.argv {
			t.Errorf("%q: starts %q, want %q", c.docker, got, c.argv)
		}
		if got := strings.Join(s.Likely, "|"); got != c.likely {
			t.Errorf("%q: likely starts %q, want %q", c.docker, got, c.likely)
		}
		if !strings.Contains(s.Reason, c.reason) || (s.Reason == "") != (c.reason == "") {
			t.Errorf("%q: reason %q, want %q", c.docker, s.Reason, c.reason)
		}
	}
	if s := StartOf(nil, nil); s.Reason == "" {
		t.Error("no Dockerfile, and no reason given")
	}
}

func TestCommands(t *testing.T) {
	for docker, want := range map[string]string{
		"RUN a && b c":                        "/:a() /:b(c)",
		"WORKDIR /w\nRUN cd x && a; cd /y; b": "/w:cd(x) /w/x:a() /w/x:cd(/y) /y:b()",
		"RUN (cd x && a) && b":                "/:cd(x) /x:a() /:b()",
		"ARG V=1\nRUN a $V $W x[y]":           "/:a(1 $W? x[y])",
		`RUN ["a", "$V"]`:                     "/:a($V)",
		"RUN sudo env A=b /usr/bin/a":         "/:a()",
		"RUN if":                              "",
	} {
		f := parse(t, "FROM scratch\n"+docker+"\n")
		var got []string
		for _, c := range Commands(f, f.Instructions[len(f.Instructions)-1]) {
			var args []string
			for _, w := range c.Args {
				if !w.Literal {
					w.Text += "?"
				}
				args = append(args, w.Text)
			}
			got = append(got, fmt.Sprintf("%s:%s(%s)", c.Dir, c.Name, strings.Join(args, " ")))
		}
		if text := strings.Join(got, " "); text != want {
			t.Errorf("%q: got %q, want %q", docker, text, want)
		}
	}
}

func TestStages(t *testing.T) {
	f := parse(t, "FROM a AS one\nFROM b AS two\nFROM c AS three\nCOPY --from=one /x /x\nFROM three\n")
	var bases []string
	for _, s := range Stages(f, f.Final()) {
		bases = append(bases, s.Base)
	}
	if got := strings.Join(bases, " "); got != "a c three" {
		t.Errorf("got %q", got)
	}
}
