package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/plimsoll/plimsoll/internal/report"
)

const offerHelp = `y  take this edit
n  leave it out
a  take this one and all that follow
q  leave this one and all that follow out
?  tell what the keys mean
`

// dialogue asks a user about edits, one by one: questions on standard error,
// answers from standard input, a line each. The end of the input means q.
type dialogue struct {
	*session
	ctx    context.Context
	lines  <-chan string
	number int
	rest   string // "a" or "q" once one of them was answered
	shown  bool   // the whole diff was
}

// newDialogue begins to read answers. Its reader ends with the process: a read
// of a terminal can't be interrupted.
func (s *session) newDialogue(ctx context.Context) *dialogue {
	lines := make(chan string)
	go func() {
		defer close(lines)
		in := bufio.NewScanner(s.stdin())
		for in.Scan() {
			select {
			case lines <- in.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	return &dialogue{session: s, ctx: ctx, lines: lines}
}

// accept shows an edit and asks for it.
func (d *dialogue) accept(r *report.Report) (bool, error) {
	if d.rest != "" {
		return d.rest == "a", d.ctx.Err()
	}
	d.number++
	if err := d.printer(d.Stderr).Offer(r, d.number); err != nil {
		return false, err
	}
	for {
		answer, err := d.ask("take this edit? [y,n,a,q,?] ")
		if err != nil {
			return false, err
		}
		switch answer {
		case "y", "yes":
			return true, nil
		case "n", "no":
			return false, nil
		case "a", "q":
			d.rest = answer
			return answer == "a", nil
		}
		fmt.Fprint(d.Stderr, offerHelp)
	}
}

// confirm asks whether to change the files. Only a yes is one.
func (d *dialogue) confirm(r *report.Report) (bool, error) {
	if err := d.printer(d.Stderr).Diff(r); err != nil {
		return false, err
	}
	d.shown = true
	answer, err := d.ask("write these changes? [y,N] ")
	return answer == "y" || answer == "yes", err
}

// ask reads one answer, in lower case.
func (d *dialogue) ask(question string) (string, error) {
	fmt.Fprint(d.Stderr, question)
	select {
	case <-d.ctx.Done():
		fmt.Fprintln(d.Stderr)
		return "", d.ctx.Err()
	case line, more := <-d.lines:
		if !more {
			fmt.Fprintln(d.Stderr)
			return "q", d.ctx.Err()
		}
		if _, typed := terminal(d.Stdin); !typed {
			fmt.Fprintln(d.Stderr) // nobody pressed return
		}
		return strings.ToLower(strings.TrimSpace(line)), nil
	}
}

// stdin is empty where the command has none.
func (s *session) stdin() io.Reader {
	if s.Stdin == nil {
		return strings.NewReader("")
	}
	return s.Stdin
}
