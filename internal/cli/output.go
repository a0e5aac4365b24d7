package cli

import (
	"errors"
	"io"
	"os"

	"github.com/plimsoll/plimsoll/internal/report"
	jsonreport "github.com/plimsoll/plimsoll/internal/report/json"
	"github.com/plimsoll/plimsoll/internal/report/sarif"
	"github.com/plimsoll/plimsoll/internal/report/term"
	xterm "golang.org/x/term"
)

// widest is how far text runs on a terminal: longer lines are hard to read.
const widest = 120

// terminal returns the file behind a stream if it is a terminal.
func terminal(stream any) (*os.File, bool) {
	file, ok := stream.(*os.File)
	return file, ok && xterm.IsTerminal(int(file.Fd()))
}

// smart reports whether a stream is a terminal that understands escape sequences.
func (s *session) smart(stream any) bool {
	_, ok := terminal(stream)
	name, _ := s.getenv("TERM")
	return ok && name != "dumb" && name != ""
}

func (s *session) color(stream any) bool {
	disabled, _ := s.getenv("NO_COLOR")
	return s.smart(stream) && disabled == "" && !s.noColor
}

// columns is the width of a terminal, 0 for anything else.
func columns(stream any) int {
	file, ok := terminal(stream)
	if !ok {
		return 0
	}
	width, _, err := xterm.GetSize(int(file.Fd()))
	if err != nil {
		return 0
	}
	return width
}

func (s *session) printer(w io.Writer) *term.Printer {
	return term.New(w, term.Options{Color: s.color(w), Width: min(columns(w), widest), Verbose: s.verbose})
}

// progress returns the display of a run's progress, on standard error.
func (s *session) progress() *term.Progress {
	w := s.Stderr
	if s.quiet {
		w = io.Discard
	}
	s.shown = term.NewProgress(w, term.ProgressOptions{
		Live: s.smart(w), Color: s.color(w), Verbose: s.verbose,
		Width: func() int { return columns(w) },
	})
	return s.shown
}

// writeJSON writes the reports and, as reports of their own, the errors that
// left none. What was printed so is not told again on standard error.
func (s *session) writeJSON(reports []*report.Report, failed error) error {
	return s.writeAll(reports, failed, func(all []*report.Report) error { return jsonreport.WriteAll(s.Stdout, all) })
}

// writeSARIF does the same in SARIF.
func (s *session) writeSARIF(reports []*report.Report, failed error) error {
	return s.writeAll(reports, failed, func(all []*report.Report) error {
		return sarif.Write(s.Stdout, all, s.rules(), s.Version.Version)
	})
}

func (s *session) writeAll(reports []*report.Report, failed error, write func([]*report.Report) error) error {
	for _, r := range reports {
		s.stamp(r)
	}
	if failed != nil {
		reports = withFailures(reports, failed, s.Version.Version)
	}
	if err := write(reports); err != nil {
		return err
	}
	if failed != nil {
		return shownError{failed}
	}
	return nil
}

// withFailures puts errors into the reports: one alone into the only report
// that there is, so that what was found until then stays beside it.
func withFailures(reports []*report.Report, failed error, version string) []*report.Report {
	errs := parts(failed)
	if len(reports) == 1 && len(errs) == 1 && (reports[0].Failure == nil || errors.Is(errs[0], reports[0].Failure)) {
		reports[0].Failure = reports[0].FailureOf(errs[0])
		if reports[0].Verdict == "" { // a proof that broke off says itself how far it came
			reports[0].Verdict = report.Failed
		}
		return reports
	}
	for _, err := range errs {
		failure := report.FailureOf(err)
		r := report.New(version, failure.File)
		r.Verdict, r.Failure = report.Failed, failure
		reports = append(reports, r)
	}
	return reports
}

// stamp fills in what a pipeline need not know.
func (s *session) stamp(r *report.Report) {
	if r.Version == "" {
		r.Version = s.Version.Version
	}
}

// present returns the reports that are there: with an error a pipeline may return none.
func present(r *report.Report) []*report.Report {
	if r == nil {
		return nil
	}
	return []*report.Report{r}
}
