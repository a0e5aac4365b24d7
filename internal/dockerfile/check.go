package dockerfile

import (
	"encoding/csv"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// check looks for what the builder rejects once lines are split.
func (f *File) check() *fault {
	if len(f.Instructions) == 0 {
		return &fault{at: len(f.Source), message: "the file has no instructions", hint: "start it with FROM and a base image"}
	}
	for _, i := range f.Instructions {
		if bad := f.checkInstruction(i); bad != nil {
			return bad
		}
		if i.Stage == nil && i.Keyword != "ARG" {
			return i.fault(i.Keyword+" before the first FROM", "only ARG may stand there; start the stage with FROM and a base image")
		}
	}
	if len(f.Stages) == 0 {
		last := f.Instructions[len(f.Instructions)-1]
		return last.fault("the file has no FROM", "add FROM and a base image")
	}
	return nil
}

func (i *Instruction) fault(message, hint string) *fault {
	return &fault{at: i.KeywordSpan.Start, message: message, hint: hint}
}

func (f *File) checkInstruction(i *Instruction) *fault {
	want, known := instructionSyntax[i.Keyword]
	if !known {
		return f.unknownInstruction(i)
	}
	if bad := i.checkCount(want); bad != nil {
		return bad
	}
	if bad := i.checkFlags(want); bad != nil {
		return bad
	}
	return i.checkArguments()
}

func (f *File) unknownInstruction(i *Instruction) *fault {
	word := f.Text(i.KeywordSpan)
	hint := didYouMean(i.Keyword, Keywords())
	if hint == "" && i.Index > 0 {
		hint = "if it belongs to the instruction above, that line must end with " + string(f.Escape)
	}
	return i.fault("unknown instruction "+quote(word), hint)
}

func (i *Instruction) checkCount(want syntax) *fault {
	n := len(i.Args)
	switch {
	case i.Keyword == "FROM" && n != 1 && n != 3:
		return i.fault("FROM takes a base image, or a base image, AS and a name", "write FROM image AS name")
	case n < want.min && want.min == 2:
		return i.fault(i.Keyword+" needs a source and a destination", "write "+i.Keyword+" source destination")
	case n < want.min:
		return i.fault(i.Keyword+" has no argument", "")
	case want.max > 0 && n > want.max:
		return i.fault(i.Keyword+" has too many arguments", "")
	}
	return nil
}

func (i *Instruction) checkFlags(want syntax) *fault {
	if want.anyFlags || i.Keyword == "HEALTHCHECK" && strings.EqualFold(i.Args[0].Text, "NONE") {
		return nil
	}
	seen := map[string]bool{}
	for _, f := range i.Flags {
		kind, known := want.flags[f.Name]
		switch {
		case !known:
			return &fault{at: f.Span.Start, message: i.Keyword + " has no flag --" + f.Name, hint: didYouMean(f.Name, slices.Sorted(maps.Keys(want.flags)))}
		case seen[f.Name] && kind != flagList:
			return &fault{at: f.Span.Start, message: "--" + f.Name + " is given twice", hint: "remove one of them"}
		case kind != flagBool && !f.HasValue, f.HasValue && f.Value == "" && kind == flagBool:
			return &fault{at: f.Span.Start, message: "--" + f.Name + " has no value", hint: "write --" + f.Name + "=value"}
		case kind == flagBool && f.HasValue && !strings.EqualFold(f.Value, "true") && !strings.EqualFold(f.Value, "false"):
			return &fault{at: f.ValueSpan.Start, message: "--" + f.Name + " is true or false, not " + quote(f.Value)}
		}
		seen[f.Name] = true
	}
	return nil
}

var stageNamePattern = regexp.MustCompile(`^[a-z][a-z0-9-_.]*$`)

func (i *Instruction) checkArguments() *fault {
	switch i.Keyword {
	case "FROM":
		return i.checkFrom()
	case "ADD", "COPY":
		dest := i.Dest()
		if _, isHeredoc, _ := parseHeredoc(dest.Text); isHeredoc {
			return &fault{at: dest.Span.Start, message: i.Keyword + " has a heredoc as its destination", hint: "put the destination last"}
		}
	case "ARG", "ENV", "LABEL":
		for _, p := range i.Pairs() {
			if strings.HasPrefix(i.textOf(p), "=") {
				return &fault{at: p.Span.Start, message: i.Keyword + " has a value without a name", hint: "remove the blank before =, if there is one"}
			}
		}
	case "VOLUME":
		for _, w := range i.Args {
			if strings.TrimSpace(w.Text) == "" {
				return &fault{at: w.Span.Start, message: "VOLUME has an empty path"}
			}
		}
	case "SHELL":
		if !i.JSON {
			return i.fault("SHELL must be a JSON array", `write SHELL ["/bin/bash", "-c"]`)
		}
	case "HEALTHCHECK":
		return i.checkHealthcheck()
	case "ONBUILD":
		return i.checkOnbuild()
	case "RUN":
		return i.checkRunFlags()
	}
	return nil
}

func (i *Instruction) textOf(p Pair) string { return i.rest.at(p.Span).Text }

func (i *Instruction) checkFrom() *fault {
	if len(i.Args) == 1 {
		return nil
	}
	name := i.Args[2]
	switch {
	case !strings.EqualFold(i.Args[1].Text, "AS"):
		return &fault{at: i.Args[1].Span.Start, message: "FROM has " + quote(i.Args[1].Text) + " where AS is wanted", hint: "write FROM image AS name"}
	case !stageNamePattern.MatchString(strings.ToLower(name.Text)):
		return &fault{at: name.Span.Start, message: quote(name.Text) + " can't be the name of a stage", hint: "start it with a letter, and use letters, digits, -, _ and . alone"}
	}
	return nil
}

func (i *Instruction) checkHealthcheck() *fault {
	kind := i.Args[0]
	switch {
	case strings.EqualFold(kind.Text, "NONE"):
		if len(i.Args) > 1 {
			return &fault{at: i.Args[1].Span.Start, message: "HEALTHCHECK NONE takes no arguments"}
		}
		return nil
	case !strings.EqualFold(kind.Text, "CMD"):
		return &fault{at: kind.Span.Start, message: "HEALTHCHECK has " + quote(kind.Text) + " where CMD or NONE is wanted", hint: "write HEALTHCHECK CMD before the command"}
	case len(i.Args) == 1:
		return &fault{at: kind.Span.Start, message: "HEALTHCHECK CMD has no command"}
	}
	for _, f := range i.Flags {
		if bad := checkHealthFlag(f); bad != "" {
			return &fault{at: f.Span.Start, message: "--" + f.Name + "=" + f.Value + " " + bad}
		}
	}
	return nil
}

func checkHealthFlag(f Flag) string {
	if f.Value == "" {
		return ""
	}
	if f.Name == "retries" {
		if n, err := strconv.ParseInt(f.Value, 10, 32); err != nil || n < 0 {
			return "is not a count"
		}
		return ""
	}
	d, err := time.ParseDuration(f.Value)
	switch {
	case err != nil:
		return "is not a duration such as 30s"
	case d != 0 && d < time.Millisecond:
		return "is shorter than a millisecond"
	}
	return ""
}

func (i *Instruction) checkOnbuild() *fault {
	inner := i.Inner
	if len(i.Flags) > 0 {
		return &fault{at: i.Flags[0].Span.Start, message: "ONBUILD takes no flags"}
	}
	if inner == nil {
		return nil
	}
	switch inner.Keyword {
	case "ONBUILD", "FROM", "MAINTAINER":
		return inner.fault(inner.Keyword+" can't be the trigger of ONBUILD", "")
	}
	return nil
}

func (i *Instruction) checkRunFlags() *fault {
	for _, f := range i.Flags {
		bad := ""
		switch f.Name {
		case "network":
			bad = oneOf(f.Value, "default", "none", "host")
		case "security":
			bad = oneOf(f.Value, "sandbox", "insecure")
		case "mount":
			bad = checkMount(f.Value)
		case "device":
			bad = checkDevice(f.Value)
		}
		if bad != "" {
			return &fault{at: f.ValueSpan.Start, message: "--" + f.Name + "=" + f.Value + " " + bad}
		}
	}
	return nil
}

func oneOf(value string, options ...string) string {
	if slices.Contains(options, value) {
		return ""
	}
	return "is none of " + strings.Join(options, ", ")
}

func checkMount(value string) string {
	fields, err := csvFields(value)
	if err != nil {
		return "is not a comma-separated list"
	}
	for _, f := range fields {
		key, from, found := strings.Cut(f, "=")
		dollar := strings.IndexByte(from, '$')
		if found && strings.EqualFold(key, "from") && dollar >= 0 && dollar != len(from)-1 {
			return "has a variable in from: give the image a stage of its own and name that"
		}
	}
	return ""
}

// checkDevice wants one name, and perhaps required.
func checkDevice(value string) string {
	fields, err := csvFields(value)
	if err != nil {
		return "is not a comma-separated list"
	}
	named := false
	for _, f := range fields {
		key, text, hasValue := strings.Cut(f, "=")
		key = strings.ToLower(key)
		switch {
		case key == "required" && !hasValue:
		case key == "required":
			if _, err := strconv.ParseBool(text); err != nil {
				return "has a required that is neither true nor false"
			}
		case named:
			return "names more than one device"
		default:
			named = f != "" && (key != "name" || text != "" || !hasValue)
		}
	}
	return ""
}

// csvFields splits the value of a flag that holds key=value fields.
func csvFields(value string) ([]string, error) {
	return csv.NewReader(strings.NewReader(value)).Read()
}
