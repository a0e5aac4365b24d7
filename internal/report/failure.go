package report

import "fmt"

// Failure is a run that could not go on, told for the person who has to mend
// it. It is an error too, so that pipelines can return it.
type Failure struct {
	// Stage is what was being done: "before build", "after start", "reading".
	Stage string
	// Message is what went wrong, in one sentence.
	Message string
	// File and Line point at the cause; Line is 0 when it is not known.
	File string
	Line int
	// Source is the text of that line.
	Source string
	// Detail is raw material of any length: the last output of a step or container.
	Detail string
	// Hint is what to do about it.
	Hint string
	// Err is the cause, for errors.Is and errors.As; its text is not shown.
	Err error
}

// Error puts stage, message and hint into one line.
func (f *Failure) Error() string {
	text := f.Message
	if f.Line > 0 {
		text = fmt.Sprintf("%s:%d: %s", f.File, f.Line, text)
	}
	if f.Stage != "" {
		text = f.Stage + ": " + text
	}
	if f.Hint != "" {
		text += " (" + f.Hint + ")"
	}
	return text
}

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }
