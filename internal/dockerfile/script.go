package dockerfile

import "strings"

// Script is the text that the builder hands to the shell for a shell-form
// RUN, CMD, ENTRYPOINT or HEALTHCHECK CMD: the arguments, or the body of a
// heredoc that is the whole command, or the arguments with their heredocs
// behind them. It is empty for JSON forms.
func (f *File) Script(i *Instruction) Unfolded {
	if i.JSON || len(i.Args) == 0 {
		return Unfolded{}
	}
	if i.Keyword != "RUN" || len(i.Heredocs) == 0 {
		return i.rest
	}
	var j joiner
	if _, whole, _ := parseHeredoc(i.rest.Text); whole {
		j.body(f, i.Heredocs[0])
		return j.unfolded()
	}
	j.unfold(i.rest)
	for _, h := range i.Heredocs {
		j.add("\n", h.Body.Start-1)
		j.add(f.Text(h.Body), h.Body.Start) // for <<-, the shell removes the tabs
		if h.End.Start < h.End.End {        // it is terminated
			j.add(h.Name, h.End.End-len(h.Name))
		}
	}
	return j.unfolded()
}

// joiner puts pieces of source together.
type joiner struct {
	text   strings.Builder
	pieces []piece
}

func (j *joiner) add(text string, source int) {
	if text != "" {
		j.pieces = append(j.pieces, piece{j.text.Len(), source})
		j.text.WriteString(text)
	}
}

func (j *joiner) unfold(u Unfolded) {
	for at := 0; at < len(u.Text); {
		end := u.run(at)
		j.add(u.Text[at:end], u.offset(at))
		at = end
	}
}

// body adds a heredoc's text as the builder reads it.
func (j *joiner) body(f *File, h Heredoc) {
	at := h.Body.Start
	for line := range strings.SplitAfterSeq(f.Text(h.Body), "\n") {
		kept := line
		if h.Chomp {
			kept = strings.TrimLeft(line, "\t")
		}
		j.add(kept, at+len(line)-len(kept))
		at += len(line)
	}
}

func (j *joiner) unfolded() Unfolded {
	return Unfolded{Text: j.text.String(), pieces: j.pieces}
}
