package shell

import (
	"bytes"
	"encoding/json"
	"strings"
)

// builtins do something in the shell that no program does, so that they can't
// stand in an exec form.
const builtins = " . : alias bg break cd command continue eval exec exit export fg getopts hash jobs local read readonly return set shift source times trap type ulimit umask unalias unset wait declare typeset shopt pushd popd let "

// IsBuiltin reports whether a name is one of these.
func IsBuiltin(name string) bool { return strings.Contains(builtins, " "+name+" ") }

// Simple reports whether the script is one command that would run the same
// without a shell: no expansion, pattern, assignment or redirection, and no
// builtin of the shell. A leading exec is allowed.
func (s *Script) Simple() bool { return s.Argv() != nil }

// Argv is the command of a simple script, without a leading exec; nil for
// others.
func (s *Script) Argv() []string {
	if !s.simple || len(s.commands) != 1 || len(s.commands[0].Assignments) > 0 {
		return nil
	}
	words := s.commands[0].Words
	if !s.Exec && len(words) > 1 && words[0].Text == "exec" && !strings.HasPrefix(words[1].Text, "-") {
		words = words[1:]
	}
	var argv []string
	for _, w := range words {
		if !w.Literal {
			return nil
		}
		argv = append(argv, w.Text)
	}
	if len(argv) == 0 || !s.Exec && IsBuiltin(argv[0]) {
		return nil
	}
	return argv
}

// Quote writes an argv so that a POSIX shell reads it back as it is.
func Quote(argv []string) string {
	quoted := make([]string, len(argv))
	for i, arg := range argv {
		quoted[i] = quoteWord(arg)
	}
	return strings.Join(quoted, " ")
}

func quoteWord(s string) string {
	if s != "" && strings.Trim(s, safe) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// safe bytes need no quotes anywhere in a word.
const safe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:@%+,"

// ExecForm writes an argv as a JSON array, the way that Dockerfiles have them.
func ExecForm(argv []string) string {
	quoted := make([]string, len(argv))
	for i, arg := range argv {
		quoted[i] = jsonString(arg)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

func jsonString(s string) string {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return `""` // strings always encode
	}
	return strings.TrimSuffix(out.String(), "\n")
}
