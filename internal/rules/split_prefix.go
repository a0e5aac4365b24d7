package rules

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/buildctx"
	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/ecosystem/container"
)

// refusesPrefix says what counts on packages lying in the base's own prefix, where a split leaves nothing of them.
func (s *split) refusesPrefix() string {
	if s.bundle.Source || s.bundle.Create == "" && s.bundle.Env == nil && !s.bundle.Tool.Known() {
		return "" // nothing of the base's prefix moves
	}
	for _, inst := range s.stage.Instructions {
		if w := s.prefixIn(inst); w != "" {
			hint := "call it by name"
			if inst.Keyword == "ENV" {
				hint = "split by hand, and name it there"
			}
			return fmt.Sprintf("line %d names %s, which a split would move into %s: %s", s.line(inst), w, s.carried(), hint)
		}
	}
	if s.bundle.Create == "" {
		return "" // nothing that lay elsewhere moves
	}
	for _, inst := range s.stage.Instructions {
		switch {
		case copies(inst) && strings.HasPrefix(destination(s.p, inst), "/usr/local/lib/python"):
			return fmt.Sprintf("line %d copies to %s, and a split moves the packages there into %s: install the patched package, or split by hand", s.line(inst), destination(s.p, inst), s.carried())
		case loginShell(s.p.Text(inst.Rest)) && inst.Keyword != "COPY" && inst.Keyword != "ADD" && inst.Keyword != "LABEL":
			return fmt.Sprintf("line %d starts a login shell, which sets PATH anew and no longer finds what lies in %s: leave -l out", s.line(inst), s.carried())
		}
	}
	for _, c := range s.p.Commands() {
		words := strings.Join(slices.Concat(c.Value.Entrypoint, c.Value.Argv), " ")
		if w := s.moved(inPrefix, words); w != "" {
			return fmt.Sprintf("%s (%s) names %s, which a split would move into %s: call it by name", c.Value.By, whereShown(c.Source), w, s.carried())
		}
		if loginShell(words) {
			return fmt.Sprintf("%s (%s) starts a login shell, which sets PATH anew and no longer finds what lies in %s: leave -l out", c.Value.By, whereShown(c.Source), s.carried())
		}
	}
	return s.prefixInContext()
}

// prefixIn is the word of an instruction that names a file of the base's prefix, other than one that the context brings.
func (s *split) prefixIn(inst *dockerfile.Instruction) string {
	switch inst.Keyword {
	case "CMD", "ENTRYPOINT", "RUN":
	case "ENV", "HEALTHCHECK":
		if s.bundle.Create == "" {
			return ""
		}
	default:
		return ""
	}
	return s.moved(inPrefix, s.p.Text(inst.Rest))
}

// inPrefix are paths of programs and packages in the prefix of an official image.
var inPrefix = regexp.MustCompile(`/usr/local/(?:bin|lib)/[^\s"',;:=\[\]()]+`)

// ofPackages are those of them that are an interpreter's or a package's for certain.
var ofPackages = regexp.MustCompile(`/usr/local/(?:lib/python|bin/(?:python|pip|gunicorn|uvicorn|hypercorn|daphne|granian|uwsgi|waitress|celery|flask|fastapi|django|alembic|streamlit))[^\s"',;:=\[\]()]*`)

// moved is the first path of a kind in a text that no instruction copies to the base's prefix from the context.
func (s *split) moved(kind *regexp.Regexp, text string) string {
	for _, at := range kind.FindAllStringIndex(text, -1) {
		if at[0] > 0 && strings.ContainsRune("/.-_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", rune(text[at[0]-1])) {
			continue // within another path
		}
		if name := text[at[0]:at[1]]; !s.copied(name) {
			return name
		}
	}
	return ""
}

// copied reports whether an instruction copies a file of the image from the context.
func (s *split) copied(name string) bool {
	_, ok := container.FilesOf(s.p.File, s.stage, s.p.Context.FS()).InContext(name)
	return ok
}

// maxSettings bounds the files of the context that are searched.
const maxSettings = 64 << 10

// prefixInContext finds a script or the settings of a program of the context that name the interpreter or a package by their paths.
func (s *split) prefixInContext() string {
	if s.p.Context == nil {
		return ""
	}
	gone := s.outsideWorkdir()
	for _, e := range s.p.Context.Entries {
		outside := slices.Contains(gone, e.Path)
		if e.Ignored || !e.Mode.IsRegular() || e.Size > maxSettings || !outside && !maySet(e) {
			continue
		}
		text, err := s.p.ReadText(e.Path)
		if err != nil {
			continue
		}
		first, _, _ := strings.Cut(text, "\n")
		if path.Ext(e.Path) == ".py" { // only what the kernel reads of it: the rest is for the interpreter that runs already
			text = ""
			if strings.HasPrefix(first, "#!") {
				text = first
			}
		}
		kind := ofPackages
		if outside {
			kind = inPrefix
		}
		if w := s.moved(kind, text); w != "" {
			return fmt.Sprintf("%s names %s, which a split would move into %s: call it by name", e.Path, w, s.carried())
		}
		if strings.HasPrefix(first, "#!") && loginShell(first) {
			return fmt.Sprintf("%s starts a login shell, which sets PATH anew and no longer finds what lies in %s: leave -l out", e.Path, s.carried())
		}
	}
	return ""
}

// maySet reports whether a file of the context is called like a script, or like settings of programs beside the application.
func maySet(e buildctx.Entry) bool {
	switch path.Ext(e.Path) {
	case ".sh", ".conf", ".ini", ".service", ".cron":
		return true
	case ".py":
		return e.Mode&0o111 != 0
	}
	base := path.Base(e.Path)
	return strings.Contains(base, "cron") || strings.Contains(base, "entrypoint") || base == "Procfile"
}

// outsideWorkdir are the files of the context that instructions copy by their names out of the working directory.
func (s *split) outsideWorkdir() (names []string) {
	workdir := s.p.File.EndState(s.stage).Workdir
	for _, inst := range s.stage.Instructions {
		if copies(inst) && !within(destination(s.p, inst), workdir) && !copiesAll(inst) {
			names = append(names, namedBy(s.p, inst)...)
		}
	}
	return names
}

// loginFlag is a shell with options of which one makes it a login shell, in shell code or in an array.
var loginFlag = regexp.MustCompile(`(?:^|[\s"'/])(?:ba|da|a)?sh(?:["',\s]+-[-a-z]*)*?["',\s]+(?:-[a-z]*l[a-z]*|--login)(?:$|["'\s])`)

// loginShell reports whether a text starts a shell that reads /etc/profile.
func loginShell(text string) bool { return loginFlag.MatchString(text) }
