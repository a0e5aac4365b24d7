package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/plimsoll/plimsoll/internal/report"
)

// The exit codes; rootLong tells users of them.
const (
	exitClean       = 0
	exitFindings    = 1
	exitUsage       = 2
	exitFailure     = 3
	exitInterrupted = 130 // 128 + SIGINT, as shells have it
)

// resultError ends a command whose result was printed with a code other than 0.
type resultError int

func (e resultError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// usageError is a command line that can't be understood.
type usageError struct {
	error
	command string // whose help tells more
}

// asUsage makes an error one of usage, unless it is that already.
func asUsage(err error, command string) error {
	if errors.As(err, &usageError{}) {
		return err
	}
	return usageError{err, command}
}

// shownError is an error that has been told already.
type shownError struct{ error }

// exit prints an error, unless it was printed already, and returns the exit code for it.
func (s *session) exit(err error) int {
	var result resultError
	var usage usageError
	switch {
	case errors.As(err, &result):
		return int(result)
	case errors.As(err, &shownError{}):
		return exitFailure
	case errors.As(err, &usage):
		fmt.Fprintf(s.Stderr, "plimsoll: %s\nrun '%s --help' for what there is\n", strings.TrimSpace(usage.Error()), usage.command)
		return exitUsage
	}
	s.tell(nil, err)
	return exitFailure
}

// tell prints what ended a run on standard error. The report, which may be nil,
// knows the files and which values are secret.
func (s *session) tell(r *report.Report, failed error) {
	for _, one := range parts(failed) {
		// A standard error that can't be written to leaves nobody to tell.
		_ = s.printer(s.Stderr).Failure(r, failureOf(r, one))
	}
}

func failureOf(r *report.Report, err error) *report.Failure {
	if r == nil {
		return report.FailureOf(err)
	}
	return r.FailureOf(err)
}

// ended hands on the error that ended a run: told already where the report
// helps in telling, unless it was the user who ended it.
func (s *session) ended(ctx context.Context, r *report.Report, failed error) error {
	if r == nil || ctx.Err() != nil {
		return failed
	}
	s.tell(r, failed)
	return shownError{failed}
}

func (s *session) interrupted() int {
	fmt.Fprintln(s.Stderr, "plimsoll: interrupted")
	return exitInterrupted
}

// parts are the errors that errors.Join made one of, at any depth. Other errors
// with several causes have a text of their own and stay whole.
func parts(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok || errors.Join(joined.Unwrap()...).Error() != err.Error() {
		return []error{err}
	}
	var all []error
	for _, one := range joined.Unwrap() {
		all = append(all, parts(one)...)
	}
	return all
}
