package main

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"golang.org/x/tools/txtar"

	"github.com/plimsoll/plimsoll/internal/edit"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/rule"
)

const (
	index  = "README.md"
	notice = "<!-- Written by go generate from the rules in internal/rules. Change them, not this page. -->\n\n"
)

// pages renders the page of each rule and the index, by file name.
func pages(rules []*rule.Rule) map[string]string {
	sorted := slices.Clone(rules)
	slices.SortFunc(sorted, func(a, b *rule.Rule) int { return cmp.Compare(a.ID, b.ID) })
	texts := map[string]string{index: indexPage(sorted)}
	for _, r := range sorted {
		texts[pageName(r)] = page(r)
	}
	return texts
}

// pageName is "group-name.md"; a family of rules is "group-checks.md".
func pageName(r *rule.Rule) string {
	return strings.NewReplacer("/", "-", "*", "checks").Replace(r.ID) + ".md"
}

func isFamily(r *rule.Rule) bool { return strings.HasSuffix(r.ID, "/*") }

func indexPage(rules []*rule.Rule) string {
	var b strings.Builder
	b.WriteString(notice + "# Rules\n\n")
	b.WriteString("`plimsoll explain RULE` shows the same pages in a terminal. What the severities and the kinds of fix mean is [below](#severities-and-fixes).\n")
	group := ""
	for _, r := range rules {
		if g := path.Dir(r.ID); g != group {
			group = g
			fmt.Fprintf(&b, "\n## %s\n\n| rule | severity | fix | |\n|---|---|---|---|\n", group)
		}
		severity := r.Severity.String()
		if isFamily(r) {
			severity = "by check"
		}
		fmt.Fprintf(&b, "| [%s](%s) | %s | %s | %s |\n", r.ID, pageName(r), severity, fixKind(r.Safety), cell(r.Doc.Summary))
	}
	b.WriteString(meanings)
	return b.String()
}

const meanings = `
## Severities and fixes

- **error**: unfit for production as it is. **warning**: costs size, time or safety. **info**: good to know.
- **safe**: the application sees the same files, user, environment and entrypoint. Applied by ` + "`plimsoll fix`" + `, also with ` + "`--safe`" + `.
- **proven**: may change what the application sees. ` + "`plimsoll prove`" + ` keeps it only when both images were built, run and compared;
  ` + "`plimsoll fix`" + ` applies it and marks it unproven.
- **shown**: plimsoll says what to do and changes nothing.
`

// fixKind is the word of a rule's fix in the index.
func fixKind(s finding.Safety) string {
	switch s {
	case finding.Safe:
		return "safe"
	case finding.Unsafe:
		return "proven"
	}
	return "shown"
}

func page(r *rule.Rule) string {
	var b strings.Builder
	b.WriteString(notice + "# " + r.ID + "\n\n" + text(r.Doc.Summary) + "\n\n")
	if !isFamily(r) {
		fmt.Fprintf(&b, "Severity: **%s**. ", r.Severity)
	}
	fmt.Fprintf(&b, "Fix: **%s** ([what that means](%s#severities-and-fixes)).%s\n", fixKind(r.Safety), index, needs(r))
	section(&b, "Raised when", text(r.Doc.What))
	section(&b, "Why it matters", text(r.Doc.Why))
	section(&b, "Example", files(r.Doc.Before))
	section(&b, "Fixed", changes(r.Doc.Before, r.Doc.After))
	section(&b, "How the fix works", text(r.Doc.Fix))
	section(&b, "How it is proven", text(r.Doc.Proof))
	if isFamily(r) {
		section(&b, "Checks", checkTable(r))
	}
	section(&b, "Silencing it", suppression(r))
	section(&b, "See also", links(r.Doc.Links))
	return b.String()
}

func section(b *strings.Builder, title, body string) {
	if body = strings.TrimSpace(body); body != "" {
		fmt.Fprintf(b, "\n## %s\n\n%s\n", title, body)
	}
}

// needs says what evidence the rule can't do without.
func needs(r *rule.Rule) string {
	known := map[rule.Need]string{
		rule.NeedContext:  "the build context",
		rule.NeedFacts:    "an application that plimsoll recognises",
		rule.NeedRegistry: "the base image's variants in its registry",
	}
	var words []string
	for _, n := range r.Needs {
		words = append(words, cmp.Or(known[n], string(n)))
	}
	if len(words) == 0 {
		return ""
	}
	return " Needs " + strings.Join(words, " and ") + "; without, the rule is listed as not evaluated."
}

// files shows an archive, each file under its name.
func files(archive string) string {
	var b strings.Builder
	for _, f := range txtar.Parse([]byte(archive)).Files {
		fmt.Fprintf(&b, "`%s`\n\n%s\n", f.Name, fenced(language(f.Name), string(f.Data)))
	}
	return b.String()
}

// changes shows what the fix does to the files: a diff where there was one, else the new file.
func changes(before, after string) string {
	old := map[string]string{}
	for _, f := range txtar.Parse([]byte(before)).Files {
		old[f.Name] = string(f.Data)
	}
	var b strings.Builder
	for _, f := range txtar.Parse([]byte(after)).Files {
		if was, ok := old[f.Name]; ok {
			b.WriteString(fenced("diff", edit.Unified(f.Name, f.Name, was, string(f.Data))) + "\n")
		} else {
			fmt.Fprintf(&b, "`%s`, new\n\n%s\n", f.Name, fenced(language(f.Name), string(f.Data)))
		}
	}
	return b.String()
}

// fenced puts text into a code block whose fence is longer than any in the text.
func fenced(language, text string) string {
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	return fence + language + "\n" + strings.TrimRight(text, "\n") + "\n" + fence + "\n"
}

func language(name string) string {
	switch {
	case path.Base(name) == "Dockerfile":
		return "dockerfile"
	case path.Ext(name) == ".py":
		return "python"
	}
	return ""
}

func suppression(r *rule.Rule) string {
	id, how := r.ID, "Above the instruction that it is raised for"
	if isFamily(r) {
		id, how = strings.TrimSuffix(id, "*")+"StageNameCasing", "Above the instruction that a check is raised for"
	}
	s := how + ":\n\n" + fenced("dockerfile", "# plimsoll ignore="+id) +
		"\nFor the whole file, at its top:\n\n" + fenced("dockerfile", "# plimsoll global ignore="+id)
	if isFamily(r) {
		s += "\nBuildKit's own way works too: `# check=skip=StageNameCasing` at the top of the file.\n"
	}
	return s
}

func links(urls []string) string {
	var b strings.Builder
	for _, u := range urls {
		fmt.Fprintf(&b, "- <%s>\n", u)
	}
	return b.String()
}

// text is prose of a Doc as Markdown: as it stands, but for what Markdown would take as HTML.
func text(s string) string { return strings.ReplaceAll(strings.TrimSpace(s), "<", "&lt;") }

func cell(s string) string { return strings.ReplaceAll(text(s), "|", `\|`) }
