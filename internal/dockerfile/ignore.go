package dockerfile

import "strings"

// Ignored reports whether the author suppressed a rule: for the file, by
//
//	# plimsoll global ignore=rule[,rule]
//
// above the first instruction or BuildKit's # check=skip=Name[,Name], or for
// one instruction by # plimsoll ignore=rule[,rule] or # check=skip=Name above
// it. A rule is named by its id or the last part of it. inst may be nil.
func (f *File) Ignored(rule string, inst *Instruction) bool {
	for _, d := range f.Directives {
		if d.Name == "check" && skips(d.Value, rule) {
			return true
		}
	}
	for _, c := range f.Comments {
		if len(f.Instructions) > 0 && c.Span.Start > f.Instructions[0].Span.Start {
			break
		}
		if list, ok := suppression(c.Text, "plimsoll global ignore="); ok && names(list, rule) {
			return true
		}
	}
	return inst != nil && f.ignoredAbove(rule, inst)
}

func (f *File) ignoredAbove(rule string, inst *Instruction) bool {
	for _, text := range strings.Split(f.Text(inst.Lead), "\n") {
		text = strings.TrimSpace(text)
		if list, ok := suppression(text, "plimsoll ignore="); ok && names(list, rule) {
			return true
		}
		body := strings.TrimSpace(strings.TrimPrefix(text, "#"))
		if m := directivePattern.FindStringSubmatch(body); m != nil && strings.EqualFold(m[1], "check") && skips(m[2], rule) {
			return true
		}
	}
	return false
}

func suppression(comment, prefix string) (string, bool) {
	body := strings.TrimSpace(strings.TrimLeft(comment, "#"))
	return strings.CutPrefix(body, prefix)
}

// skips reads the value of BuildKit's check directive, which knows BuildKit's
// own rules alone.
func skips(value, rule string) bool {
	name, ours := strings.CutPrefix(rule, "build/")
	if !ours {
		return false
	}
	value, _, _ = strings.Cut(value, " ")
	for _, option := range strings.Split(value, ";") {
		key, list, _ := strings.Cut(option, "=")
		if strings.TrimSpace(key) == "skip" && (strings.TrimSpace(list) == "all" || names(list, name)) {
			return true
		}
	}
	return false
}

// names reports whether a comma-separated list, which ends at a blank that
// follows no comma, names the rule.
func names(list, rule string) bool {
	short := rule[strings.LastIndexByte(rule, '/')+1:]
	for _, name := range strings.Split(list, ",") {
		fields := strings.Fields(name)
		if len(fields) > 0 && (fields[0] == rule || fields[0] == short) {
			return true
		}
		if len(fields) > 1 {
			return false
		}
	}
	return false
}
