package htmlreport

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"strings"
)

// The pages are put together here, and not by html/template: what calls methods by their names, as templates do, makes the linker keep
// all methods of all types, which are a fifth of the program.

// page is HTML in the making.
type page struct{ bytes.Buffer }

// add writes HTML. Every string among the arguments is text, and escaped.
func (p *page) add(format string, args ...any) {
	for i, a := range args {
		if text, ok := a.(string); ok {
			args[i] = html.EscapeString(text)
		}
	}
	fmt.Fprintf(p, format, args...)
}

// fill puts texts, escaped, in the places of {{name}} in a page, and values as JSON, whose own escapes keep it
// within its script.
func fill(text string, texts map[string]string, values map[string]any) (string, error) {
	var pairs []string
	for name, t := range texts {
		pairs = append(pairs, "{{"+name+"}}", html.EscapeString(t))
	}
	for name, v := range values {
		encoded, err := json.Marshal(v)
		if err != nil {
			return "", err
		}
		pairs = append(pairs, "{{"+name+"}}", string(encoded))
	}
	return strings.NewReplacer(pairs...).Replace(text), nil
}
