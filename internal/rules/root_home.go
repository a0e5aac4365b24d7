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
	return ""
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
