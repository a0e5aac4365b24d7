package syntax

// Expr is an expression: one of the pointer types below.
type Expr interface {
	// Line is the line that the expression starts on, counted from 1.
	Line() int
}

type at struct{ line int }

func (a at) Line() int { return a.line }

// Name is an identifier; True, False and None are names too.
type Name struct {
	at
	ID string
}

// Str is a string literal, adjacent literals joined, escapes decoded.
type Str struct {
	at
	Value string
	Bytes bool
}

// FString is a formatted string: Str parts and expressions.
type FString struct {
	at
	Parts []Expr
}

// Number is a numeric literal as written.
type Number struct {
	at
	Text string
}

// Attr is X.Name.
type Attr struct {
	at
	X    Expr
	Name string
}

// Call is Fun(Args…, Keywords…).
type Call struct {
	at
	Fun      Expr
	Args     []Expr // *args is an Opaque
	Keywords []Keyword
}

// Keyword is Name=Value; for **value the name is empty.
type Keyword struct {
	Name  string
	Value Expr
}

// Index is X[I].
type Index struct {
	at
	X, I Expr
}

// Binary is L Op R, comparisons and "and", "or" included.
type Binary struct {
	at
	Op   string
	L, R Expr
}

// List is a list, tuple or set display; Open is its bracket, "" for a tuple without one.
type List struct {
	at
	Open  string
	Elems []Expr
}

// Dict is a dict display; a nil key stands for **value.
type Dict struct {
	at
	Keys, Values []Expr
}

// Opaque is anything else, with the expressions found in it: a comprehension,
// lambda, conditional, unary operator, starred argument.
type Opaque struct {
	at
	What  string // the word or sign that introduced it
	Parts []Expr
}

// Stmt is a statement.
type Stmt struct {
	Line int
	Kind Kind
	// Name is what def and class declare.
	Name string
	// Params are the parameters of def, as far as they have defaults or annotations.
	Params []Param
	// Targets are assigned Value; for an annotated name Annotation is set, and
	// Value may be nil. Op is "=", or "+=" and the like.
	Targets    []Expr
	Annotation Expr
	Op         string
	Value      Expr
	// Exprs are the other expressions of the statement: conditions, returned
	// values, context managers, base classes, a function's result type, an
	// expression statement's own.
	Exprs      []Expr
	Decorators []Expr
	Imports    []Import
	Body       []*Stmt
}

// Kind says what a Stmt is.
type Kind int

// The kinds of statements; Other covers expression statements, return, raise, del and so on.
const (
	Other Kind = iota
	Assign
	ImportStmt
	Def
	Class
	Block // if, for, while, with, try, match and their further clauses
)

// Param is one parameter of a function.
type Param struct {
	Name                string
	Annotation, Default Expr
}

// Import is one imported name: import Module as As, or from Module import Name as As.
// Dots counts the leading dots of a relative import.
type Import struct {
	Line   int
	Module string
	Dots   int
	Name   string // "" for import Module
	As     string // the name bound in the importing module; "*" for all
}

// Module is a parsed source file.
type Module struct{ Body []*Stmt }
