// Package dockerfile reads Dockerfiles without losing a byte.
//
// Every instruction, flag, argument, heredoc, comment and directive has a Span
// into the source. Instructions plus the text between them concatenate to the
// source for any input. BuildKit's parser is the judge of what the
// instructions are, in tests; it is not used here.
package dockerfile

// Span is the byte range [Start, End) of a file's source.
type Span struct{ Start, End int }

// Position is a place in a file: both count from 1, columns in bytes.
type Position struct{ Line, Column int }

// File is a parsed Dockerfile. It must not be changed.
type File struct {
	Name         string
	Source       []byte
	Escape       byte // '\\' or '`'
	Directives   []Directive
	Instructions []*Instruction
	Comments     []Comment // all of them, in order, those inside continuations too
	Stages       []*Stage
	GlobalArgs   []*Instruction // ARG before the first FROM

	lines []int // offset of each line's first byte
	build Build // that the file is read for
}

// Directive is a parser directive at the top: # syntax=…, # escape=…, # check=….
// It is not among the file's comments.
type Directive struct {
	Name, Value string
	Span        Span // of the whole line without its end
}

// Comment is a comment line.
type Comment struct {
	Text string // with the leading #
	Span Span   // from # to the end of the line, exclusive
}

// Instruction is one instruction with its arguments.
type Instruction struct {
	Index   int
	Keyword string // upper case
	// Span reaches from the keyword to the last byte before the final line
	// end; the bodies and terminators of heredocs belong to it, and so do
	// blank lines and comments that the last line continues into.
	Span        Span
	KeywordSpan Span
	Flags       []Flag
	// Rest is what follows keyword and flags, without surrounding blanks and
	// without the bodies of heredocs; continuations are still in it.
	Rest Span
	// Args are the words of Rest: decoded elements in JSON form; one word
	// with all of Rest for shell-form RUN, CMD, ENTRYPOINT and SHELL-less text.
	Args     []Word
	JSON     bool
	Heredocs []Heredoc
	Comments []Comment // inside continuations
	// Lead is the block of comment lines directly above, line ends included; empty when there is none.
	Lead Span
	// Inner is the instruction wrapped by ONBUILD, or HEALTHCHECK's CMD.
	Inner *Instruction
	Stage *Stage // FROM's is the one that it starts; nil before the first

	rest   Unfolded // Rest as the builder reads it
	escape byte
	onward bool // ONBUILD in ONBUILD: not parsed any deeper
}

// Flag is --name=value or --name.
type Flag struct {
	Name, Value string
	HasValue    bool // false for --name
	Span        Span
	ValueSpan   Span
}

// Word is one argument.
type Word struct {
	// Text is the argument with continuations, inner comments and (JSON form) quoting removed.
	// Variables are not expanded.
	Text string
	Span Span
}

// Pair is one NAME=value of ENV, ARG or LABEL.
type Pair struct {
	Name  string
	Value string // quotes and escapes removed, variables not expanded
	// Raw is the value with its quotes and escapes, continuations removed: what Expand wants.
	Raw string
	// HasValue is false for ARG NAME.
	HasValue            bool
	Span                Span
	NameSpan, ValueSpan Span // ValueSpan includes quotes
}

// Heredoc is <<NAME … NAME.
type Heredoc struct {
	Name   string
	Expand bool // the name was not quoted
	Chomp  bool // <<-
	Intro  Span // of <<NAME in the instruction's first logical line
	Body   Span // the lines between, line ends included
	End    Span // the line with the terminator, without its end
}

// Stage is a FROM and what follows it.
type Stage struct {
	Index        int
	Name         string // lower case, "" when unnamed
	Base         string // as written
	BaseSpan     Span
	Platform     string
	From         *Instruction
	Instructions []*Instruction // without From
	Parent       *Stage         // when Base names an earlier stage
	// Uses are the earlier stages that this one copies or mounts from, Parent included.
	Uses []*Stage
}
