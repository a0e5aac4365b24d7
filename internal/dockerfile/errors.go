package dockerfile

import "fmt"

// SyntaxError is why the builder would reject the file, and where.
type SyntaxError struct {
	File         string
	Line, Column int
	Source       string // the text of the line
	Message      string
	Hint         string // what to do, "" when nothing is known
}

func (e *SyntaxError) Error() string {
	text := fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
	if e.Hint != "" {
		text += ": " + e.Hint
	}
	return text
}

// fault is a SyntaxError before its place is turned into line and column.
type fault struct {
	at            int
	message, hint string
}

func (f *fault) in(file *File) *SyntaxError {
	p := file.Position(f.at)
	return &SyntaxError{
		File: file.Name, Line: p.Line, Column: p.Column, Source: file.Text(file.Line(p.Line)), Message: f.message, Hint: f.hint,
	}
}
