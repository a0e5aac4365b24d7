package rules

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/rule"
)

// homeCaches are what programs that download into a cache are known by, the variables and options that put the cache
// elsewhere, and what to do.
var homeCaches = []struct {
	marks, elsewhere []string
	hint             string
}{
	{[]string{"nltk.download"}, []string{"-d ", "download_dir"}, "have it download to /usr/share/nltk_data with -d or download_dir"},
	{
		[]string{".from_pretrained(", "SentenceTransformer(", "hf_hub_download(", "snapshot_download(", "huggingface-cli download", "hf download"},
		[]string{"HF_HOME", "HF_HUB_CACHE", "TRANSFORMERS_CACHE", "SENTENCE_TRANSFORMERS_HOME", "XDG_CACHE_HOME", "cache_dir", "cache_folder", "local_dir", "--local-dir", "--cache-dir"},
		"set HF_HOME above it, to a folder outside",
	},
	{[]string{"torch.hub.load", "torch.hub.download"}, []string{"TORCH_HOME", "XDG_CACHE_HOME", "set_dir("}, "set TORCH_HOME above it, to a folder outside"},
	{[]string{"whisper.load_model("}, []string{"XDG_CACHE_HOME", "download_root"}, "set XDG_CACHE_HOME above it, to a folder outside"},
	{[]string{"playwright install"}, []string{"PLAYWRIGHT_BROWSERS_PATH"}, "set PLAYWRIGHT_BROWSERS_PATH above it, to a folder outside"},
	{[]string{"puppeteer browsers install"}, []string{"PUPPETEER_CACHE_DIR", "XDG_CACHE_HOME", "--path"}, "set PUPPETEER_CACHE_DIR above it, to a folder outside"},
}

// rootsHome says what the image keeps in root's home, which is closed to everybody else and is not the home of another user.
func rootsHome(p *rule.Pass) string {
	const closed = ", which is closed to other users"
	if workdir := p.File.EndState(p.Final).Workdir; within(workdir, "/root") {
		return "the application lies in " + workdir + closed + ": move it out of root's home, to /srv say"
	}
	for stage := p.Final; stage != nil; stage = stage.Parent {
		for _, inst := range stage.Instructions {
			line := p.File.Position(inst.Span.Start).Line
			switch state := p.File.StateBefore(inst); {
			case copies(inst) && within(destination(p, inst), "/root"):
				return fmt.Sprintf("line %d copies to %s%s: copy it elsewhere", line, destination(p, inst), closed)
			case inst.Keyword == "RUN":
				if mark, hint := downloadsHome(p, inst, state); mark != "" {
					return fmt.Sprintf("line %d calls %s, which downloads into root's home%s: %s", line, strings.Trim(mark, ".("), closed, hint)
				}
			}
		}
	}
	state := p.File.EndState(p.Final)
	if v, ok := state.EnvVar("PATH"); ok && v.By != nil {
		for dir := range strings.SplitSeq(v.Value, ":") {
			if within(dir, "/root") {
				return fmt.Sprintf("line %d has programs looked for in %s%s: install them elsewhere", p.File.Position(v.By.Span.Start).Line, dir, closed)
			}
		}
	}
	if name, by := environmentAtHome(p); name != "" {
		return fmt.Sprintf("%s calls %s, whose environment lies in root's home%s: set %s=1, so that it lies beside the source", by, name, closed, homeEnvironments[name][0])
	}
	return ""
}

// homeEnvironments are programs that keep the environment of a project in the home of who installs it, with the variables that
// put it elsewhere.
var homeEnvironments = map[string][]string{
	"poetry": {"POETRY_VIRTUALENVS_IN_PROJECT", "POETRY_VIRTUALENVS_CREATE", "POETRY_VIRTUALENVS_PATH", "VIRTUAL_ENV"},
	"pipenv": {"PIPENV_VENV_IN_PROJECT", "WORKON_HOME", "VIRTUAL_ENV"},
}

// environmentAtHome names such a program when it starts the application out of an environment that it made as root.
func environmentAtHome(p *rule.Pass) (name, by string) {
	state := p.File.EndState(p.Final)
	for _, program := range p.Facts.Programs {
		name := path.Base(program.Value)
		variables, ok := homeEnvironments[name]
		if !ok || slices.ContainsFunc(variables, func(v string) bool { _, set := state.EnvVar(v); return set }) {
			continue
		}
		for stage := p.Final; stage != nil; stage = stage.Parent {
			if slices.ContainsFunc(stage.Instructions, func(i *dockerfile.Instruction) bool {
				text := p.Text(i.Rest)
				return i.Keyword == "RUN" && (strings.Contains(text, "virtualenvs.") || strings.Contains(text, "--system"))
			}) {
				return "", ""
			}
		}
		return name, whereShown(program.Source)
	}
	return "", ""
}

// downloadsHome finds a program that downloads into the home of its user, in a RUN or in a file of the context that it names.
func downloadsHome(p *rule.Pass, run *dockerfile.Instruction, state dockerfile.State) (mark, hint string) {
	if home, set := state.EnvVar("HOME"); set && !within(home.Value, "/root") {
		return "", ""
	}
	code := p.Text(run.Rest)
	for _, c := range readRun(p, run).other {
		for _, w := range c.Words {
			if name := path.Clean(w.Text); p.Context != nil && w.Literal && path.Ext(name) != "" {
				if text, err := p.ReadText(name); err == nil {
					code += "\n" + text
				}
			}
		}
	}
	for _, cache := range homeCaches {
		if slices.ContainsFunc(cache.elsewhere, func(name string) bool {
			v, set := state.EnvVar(name)
			return set && !within(v.Value, "/root") || strings.Contains(code, name)
		}) {
			continue
		}
		for _, mark := range cache.marks {
			if strings.Contains(code, mark) {
				return mark, cache.hint
			}
		}
	}
	return "", ""
}
