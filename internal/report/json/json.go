// Package jsonreport writes reports as JSON. The format is described by
// docs/report.schema.json; its version is report.Schema.
package jsonreport

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/plimsoll/plimsoll/internal/report"
)

// ListSchema names the document that holds several reports.
const ListSchema = "plimsoll.reports/1"

// Write writes one report as one document. Secrets are masked.
func Write(w io.Writer, r *report.Report) error { return encode(w, newDocument(r)) }

// WriteAll writes the reports of a run over several Dockerfiles: one alone as
// by Write, else one document of ListSchema with all of them.
func WriteAll(w io.Writer, reports []*report.Report) error {
	if len(reports) == 1 {
		return Write(w, reports[0])
	}
	list := listDocument{Schema: ListSchema, Reports: []document{}}
	for _, r := range reports {
		list.Reports = append(list.Reports, newDocument(r))
	}
	return encode(w, list)
}

func encode(w io.Writer, value any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(value); err != nil {
		return fmt.Errorf("writing the JSON report: %w", err)
	}
	return nil
}
