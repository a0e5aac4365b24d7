package shell

import (
	"path"
	"slices"
	"strings"
)

// Call is the program that a command starts in the end, behind sudo, env,
// exec and the like.
type Call struct {
	Command
	Name    string // without its folder
	Program Word
	Args    []Word
	Sudo    bool
	Env     []Word // NAME=value words of env and sudo
}

// prefix is a program that starts another one.
type prefix struct {
	values   string // flags that take the next word
	operands int    // words of its own before the program
	assigns  bool   // takes NAME=value words
}

// prefixes is never changed.
var prefixes = map[string]prefix{
	"sudo":    {values: "ugpCDhRTr", assigns: true},
	"doas":    {values: "uC"},
	"env":     {values: "uCS", assigns: true},
	"exec":    {values: "a"},
	"command": {},
	"nice":    {values: "n"},
	"ionice":  {values: "cn"},
	"nohup":   {},
	"time":    {values: "of"},
	"stdbuf":  {values: "ioe"},
	"timeout": {values: "ks", operands: 1},
	"setsid":  {},
	"gosu":    {operands: 1},
	"su-exec": {operands: 1},
}

// Call is the program that the command starts; ok is false when there is none
// or when its name is not literal.
func (c Command) Call() (call Call, ok bool) {
	call.Command = c
	words := c.Words
	for len(words) > 0 {
		if !words[0].Literal {
			return call, false
		}
		name := path.Base(words[0].Text)
		p, wraps := prefixes[name]
		if !wraps || len(words) == 1 {
			call.Name, call.Program, call.Args = name, words[0], words[1:]
			return call, true
		}
		call.Sudo = call.Sudo || name == "sudo" || name == "doas"
		words = call.skip(p, words[1:])
	}
	return call, false
}

// skip passes a prefix's own words.
func (c *Call) skip(p prefix, words []Word) []Word {
	operands := p.operands
	for len(words) > 0 {
		text := words[0].Text
		switch {
		case text == "--":
			return words[min(1+operands, len(words)):]
		case len(text) == 2 && text[0] == '-' && strings.IndexByte(p.values, text[1]) >= 0:
			words = words[min(2, len(words)):]
			continue
		case strings.HasPrefix(text, "-"):
		case p.assigns && strings.Contains(text, "="):
			c.Env = append(c.Env, words[0])
		case operands > 0:
			operands--
		default:
			return words
		}
		words = words[1:]
	}
	return nil
}

// Calls are the programs that the script starts, those of substitutions too.
func (s *Script) Calls() []Call {
	var calls []Call
	for _, c := range s.commands {
		if call, ok := c.Call(); ok {
			calls = append(calls, call)
		}
	}
	return calls
}

// Find are the calls of a program with these words first among its operands:
// Find("apt-get", "install").
func (s *Script) Find(name string, operands ...string) []Call {
	var found []Call
	for _, call := range s.Calls() {
		if call.Name == name && call.begins(operands) {
			found = append(found, call)
		}
	}
	return found
}

func (c Call) begins(operands []string) bool {
	have := c.Operands()
	if len(have) < len(operands) {
		return false
	}
	for i, o := range operands {
		if have[i].Text != o {
			return false
		}
	}
	return true
}

// valueFlags are flags that take the next word, of programs whose operands
// rules ask for. It is never changed.
var valueFlags = map[string][]string{
	"apt-get": {"-o", "--option", "-c", "--config-file", "-t", "--target-release", "--default-release", "-a", "--host-architecture"},
	"apt":     {"-o", "--option", "-c", "--config-file", "-t", "--target-release", "-a", "--host-architecture"},
	"apk":     {"-X", "--repository", "-p", "--root", "-t", "--virtual", "--arch", "--keys-dir", "--repositories-file", "--wait", "--cache-dir"},
	"yum":     {"-c", "--config", "--installroot", "-x", "--exclude", "--enablerepo", "--disablerepo", "--setopt", "--releasever"},
	"dnf":     {"-c", "--config", "--installroot", "-x", "--exclude", "--enablerepo", "--disablerepo", "--setopt", "--releasever"},
	"pip":     {"-r", "--requirement", "-c", "--constraint", "-i", "--index-url", "--extra-index-url", "-t", "--target", "-f", "--find-links", "--prefix", "--root", "--trusted-host", "--cache-dir", "--timeout", "--retries", "-e", "--editable", "--platform", "--python-version", "--proxy"},
	"npm":     {"--prefix", "--registry", "-w", "--workspace", "--cache"},
	"git":     {"-C", "-c", "-b", "--branch", "--depth"},
}

func (c Call) takesValue(flag string) bool {
	name := c.Name
	if name == "pip3" {
		name = "pip"
	}
	return slices.Contains(valueFlags[name], flag)
}

// Flags are the words that start with a dash, up to --. The value of a flag
// that stands in a word of its own is not among them.
func (c Call) Flags() []Word {
	flags, _ := c.split()
	return flags
}

// Operands are the words that are neither flags nor values of flags.
func (c Call) Operands() []Word {
	_, operands := c.split()
	return operands
}

// Packages are the operands behind the first, which is the verb:
// the packages of apt-get install.
func (c Call) Packages() []Word {
	operands := c.Operands()
	if len(operands) == 0 {
		return nil
	}
	return operands[1:]
}

// HasFlag reports whether one of the flags is given, with or without =value.
// A short flag counts among others as well: -y in -qy.
func (c Call) HasFlag(names ...string) bool {
	return slices.ContainsFunc(c.Flags(), func(w Word) bool {
		name, _, _ := strings.Cut(w.Text, "=")
		return slices.ContainsFunc(names, func(want string) bool {
			return name == want || isShort(want) && isShortGroup(name) && strings.Contains(name, want[1:])
		})
	})
}

func isShort(flag string) bool { return len(flag) == 2 && flag[0] == '-' && flag[1] != '-' }

func isShortGroup(word string) bool {
	return len(word) > 2 && word[0] == '-' && word[1] != '-' && strings.Trim(word[1:], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

func (c Call) split() (flags, operands []Word) {
	for i := 0; i < len(c.Args); i++ {
		w := c.Args[i]
		switch {
		case w.Text == "--":
			return flags, append(operands, c.Args[i+1:]...)
		case len(w.Text) > 1 && w.Text[0] == '-':
			flags = append(flags, w)
			if c.takesValue(w.Text) {
				i++
			}
		default:
			operands = append(operands, w)
		}
	}
	return flags, operands
}
