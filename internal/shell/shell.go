// Package shell reads the shell code in a Dockerfile: of RUN, of the shell
// forms of CMD, ENTRYPOINT and HEALTHCHECK, and of heredocs. Every word has
// its place in the Dockerfile's source.
package shell

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"mvdan.cc/sh/v3/syntax"
)

var (
	// ErrNotPOSIX says that the instruction runs in a shell whose language
	// this package does not read: PowerShell, cmd, fish and others.
	ErrNotPOSIX = errors.New("not the language of a POSIX shell")
	// ErrNoCommand says that the instruction has no command at all.
	ErrNoCommand = errors.New("no command")
)

// maxScript bounds the text given to the parser, which descends once per
// nested construct: a stack that overflows can't be recovered from.
const maxScript = 64 << 10

// Script is the parsed command of an instruction.
type Script struct {
	// Source is the text that the shell reads; empty for a JSON form.
	Source dockerfile.Unfolded
	// Exec is set for a JSON form. It has one command, whose words are literal.
	Exec     bool
	commands []Command
	simple   bool // one statement, nothing around its command
}

// Commands are all simple commands in the order in which they stand. What a
// command substitutes into its words comes before it.
func (s *Script) Commands() []Command { return s.commands }

// Parse reads an instruction's command: RUN, CMD, ENTRYPOINT, HEALTHCHECK CMD,
// or one of them in ONBUILD. The shell is the one in force by SHELL, or named
// by the #! of a heredoc.
func Parse(f *dockerfile.File, inst *dockerfile.Instruction) (*Script, error) {
	for inst.Inner != nil {
		inst = inst.Inner
	}
	s, err := parse(f, inst)
	if err != nil {
		line := f.Position(inst.Span.Start).Line
		return nil, fmt.Errorf("reading the command of %s in line %d: %w", inst.Keyword, line, err)
	}
	return s, nil
}

func parse(f *dockerfile.File, inst *dockerfile.Instruction) (*Script, error) {
	switch inst.Keyword {
	case "RUN", "CMD", "ENTRYPOINT":
	default:
		return nil, ErrNoCommand
	}
	if inst.JSON {
		return execScript(inst)
	}
	source := f.Script(inst)
	if strings.TrimSpace(source.Text) == "" {
		return nil, ErrNoCommand
	}
	argv := f.StateBefore(inst).Shell
	if line, ok := shebang(inst, source.Text); ok {
		argv = strings.Fields(line)
	}
	dialect, ok := dialectOf(argv)
	if !ok {
		return nil, fmt.Errorf("%w: %s", ErrNotPOSIX, strings.Join(argv, " "))
	}
	s, err := parseText(source, dialect)
	return s, inSource(err, f, source)
}

// inSource gives the place of a syntax error in the Dockerfile.
func inSource(err error, f *dockerfile.File, source dockerfile.Unfolded) error {
	var (
		bad     syntax.ParseError
		foreign syntax.LangError
	)
	switch {
	case errors.As(err, &bad):
	case errors.As(err, &foreign):
		bad.Pos, bad.Text = foreign.Pos, foreign.Feature+" is not known to "+foreign.LangUsed.String()
	default:
		return err
	}
	p := f.Position(source.Offset(int(bad.Pos.Offset())))
	return fmt.Errorf("%d:%d: %s", p.Line, p.Column, bad.Text)
}

// shebang is the interpreter that a heredoc names in its first line.
func shebang(inst *dockerfile.Instruction, text string) (string, bool) {
	if len(inst.Heredocs) == 0 {
		return "", false
	}
	line, _, _ := strings.Cut(text, "\n")
	return strings.CutPrefix(line, "#!")
}

func execScript(inst *dockerfile.Instruction) (*Script, error) {
	if len(inst.Args) == 0 {
		return nil, ErrNoCommand
	}
	c := Command{Span: inst.Rest}
	for _, w := range inst.Args {
		c.Words = append(c.Words, Word{Text: w.Text, Literal: true, Span: w.Span})
	}
	return &Script{Exec: true, commands: []Command{c}, simple: true}, nil
}

// dialectOf finds the shell in an argv such as /usr/bin/env bash -c.
func dialectOf(argv []string) (syntax.LangVariant, bool) {
	for _, arg := range argv {
		switch strings.TrimSuffix(path.Base(arg), ".exe") {
		case "bash", "rbash":
			return syntax.LangBash, true
		case "sh", "ash", "dash":
			return syntax.LangPOSIX, true
		case "ksh", "mksh":
			return syntax.LangMirBSDKorn, true
		}
	}
	return 0, false
}

func parseText(source dockerfile.Unfolded, dialect syntax.LangVariant) (*Script, error) {
	if len(source.Text) > maxScript {
		return nil, fmt.Errorf("the script has %d bytes; more than %d are not read", len(source.Text), maxScript)
	}
	file, err := tryParse(source.Text, dialect)
	if err != nil && dialect == syntax.LangPOSIX {
		// In many images sh is bash.
		if asBash, bashErr := tryParse(source.Text, syntax.LangBash); bashErr == nil {
			file, err = asBash, nil
		}
	}
	if err != nil {
		return nil, err
	}
	s := &Script{Source: source}
	w := walker{source: source}
	w.list(file.Stmts, context{})
	s.commands = w.commands
	s.simple = len(file.Stmts) == 1 && isCall(file.Stmts[0])
	return s, nil
}

// isCall reports whether a statement is a command with nothing around it.
func isCall(stmt *syntax.Stmt) bool {
	_, call := stmt.Cmd.(*syntax.CallExpr)
	return call && !stmt.Negated && !stmt.Background && !stmt.Coprocess && len(stmt.Redirs) == 0
}

// tryParse turns a panic of the parser into an error: its input is anything
// that someone wrote behind RUN.
func tryParse(text string, dialect syntax.LangVariant) (file *syntax.File, err error) {
	defer func() {
		if r := recover(); r != nil {
			file, err = nil, fmt.Errorf("the shell parser failed: %v", r)
		}
	}()
	return syntax.NewParser(syntax.Variant(dialect)).Parse(strings.NewReader(text), "")
}
