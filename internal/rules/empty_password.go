package rules

import (
	"fmt"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/rule"
	"github.com/plimsoll/plimsoll/internal/secret"
	"github.com/plimsoll/plimsoll/internal/shell"
)

var emptyPassword = &rule.Rule{
	ID:       "security/empty-password",
	Severity: finding.Error,
	Safety:   finding.Display,
	Phase:    rule.Lines,
	Doc: rule.Doc{
		Summary: "An account gets an empty password, or one that everybody can read.",
		What:    "In a stage that ships, a step removes an account's password (passwd -d, usermod -p ''), or sets one that stands in the Dockerfile (echo user:password | chpasswd). Locking a password is fine.",
		Why:     "Whoever runs anything in the container becomes that account with su; with a service such as sshd, whoever reaches it. The password is in the source, in the image's history and the same in every container.",
		Before: `
-- Dockerfile --
FROM debian:bookworm-slim
RUN passwd -d root
CMD ["/bin/true"]
`,
		Fix:   "Shown only: what logs in with it has to change first. Containers need no passwords: choose the user with USER, and use keys that are mounted at run time.",
		Proof: "Nothing is changed.",
		Links: []string{"https://manpages.debian.org/bookworm/passwd/passwd.1.en.html"},
	},
	Check: checkEmptyPassword,
}

func checkEmptyPassword(p *rule.Pass) error {
	for _, stage := range p.File.Stages {
		if !ships(p, stage) {
			continue
		}
		for _, step := range runSteps(p, stage) {
			if step.script == nil {
				continue
			}
			calls := step.script.Calls()
			for i, call := range calls {
				if message := passwordFault(call, feeding(calls, i)); message != "" {
					p.Report(finding.Finding{Span: faultSpan(call, feeding(calls, i)), Message: message, Secrets: hiddenPassword(feeding(calls, i))})
				}
			}
		}
	}
	return nil
}

// feeding is the command whose output a command reads through a pipe.
func feeding(calls []shell.Call, i int) *shell.Call {
	if i == 0 || calls[i].Op != "|" || !calls[i-1].Piped {
		return nil
	}
	return &calls[i-1]
}

func faultSpan(call shell.Call, feeder *shell.Call) dockerfile.Span {
	if feeder != nil {
		return dockerfile.Span{Start: feeder.Span.Start, End: call.Span.End}
	}
	return call.Span
}

func passwordFault(call shell.Call, feeder *shell.Call) string {
	switch call.Name {
	case "passwd":
		switch {
		case call.HasFlag("-d", "--delete"):
			return "passwd -d leaves the account without a password, so that everybody in the container can become it: lock it with passwd -l, or leave it out"
		case printed(feeder) != "":
			return "the password stands in the Dockerfile and in the image's history: leave the account locked"
		}
	case "useradd", "usermod", "adduser":
		if value, ok := passwordOption(call); ok && value == "" {
			return fmt.Sprintf("%s -p '' leaves the account without a password, so that everybody in the container can become it: leave -p out, which locks it", call.Name)
		}
	case "chpasswd":
		return chpasswdFault(printed(feeder))
	}
	return ""
}

// passwordOption reads -p VALUE; adduser of BusyBox and Debian have no such option.
func passwordOption(call shell.Call) (string, bool) {
	for i, w := range call.Args {
		if (w.Text == "-p" || w.Text == "--password") && i+1 < len(call.Args) {
			return call.Args[i+1].Text, call.Args[i+1].Literal && call.Name != "adduser"
		}
		if v, ok := strings.CutPrefix(w.Text, "--password="); ok {
			return v, w.Literal && call.Name != "adduser"
		}
	}
	return "", false
}

// printed is what echo or printf writes, when nothing of it is expanded.
func printed(feeder *shell.Call) string {
	if feeder == nil || feeder.Name != "echo" && feeder.Name != "printf" {
		return ""
	}
	var words []string
	for _, w := range feeder.Args {
		if !w.Literal && !w.Glob {
			return ""
		}
		if !strings.HasPrefix(w.Text, "-") || len(w.Text) > 3 {
			words = append(words, w.Text)
		}
	}
	return strings.Join(words, " ")
}

// hiddenPassword is what stands behind the colon of a chpasswd line.
func hiddenPassword(feeder *shell.Call) []string {
	_, password, _ := strings.Cut(printed(feeder), ":")
	return hidden(password)
}

// chpasswdFault reads user:password lines; ! and * in a hash's place lock the password.
func chpasswdFault(text string) string {
	user, password, ok := strings.Cut(text, ":")
	if !ok || strings.HasPrefix(password, "!") || strings.HasPrefix(password, "*") {
		return ""
	}
	if password == "" {
		return fmt.Sprintf("%s gets an empty password, so that everybody in the container can become it: leave the account locked", user)
	}
	password, _, _ = strings.Cut(password, "\n")
	return fmt.Sprintf("the password of %s %s stands in the Dockerfile and in the image's history: leave the account locked, and choose the user with USER", user, secret.Redact(password))
}
