package rules

import (
	"fmt"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/rule"
	"github.com/plimsoll/plimsoll/internal/secret"
)

var secretInRun = &rule.Rule{
	ID:       "security/secret-in-run",
	Severity: finding.Error,
	Safety:   finding.Display,
	Phase:    rule.Lines,
	Doc: rule.Doc{
		Summary: "A credential stands in a RUN line.",
		What:    "A word of a RUN step is a credential: in an address, a header, a login, an option or variable whose name says so, or a line that is written to a file such as .npmrc.",
		Why:     "The line is in the image's history, in the build's cache and in the source. What it writes (.npmrc, .git/config, .netrc) is in a layer as well, even when a later step deletes it.",
		Before: `
-- Dockerfile --
FROM debian:bookworm-slim
RUN curl -fsSL -H "Authorization: Bearer 9f8e7d6c5b4a39281706f5e4d3c2b1a0" -o /opt/tool https://packages.example.org/tool
`,
		Fix:   "Shown only: the build has to be given the value in another way, which no file of the project can do. The finding says how: RUN --mount=type=secret, and --secret at the build. Rotate the value: it is in the git history and in every image built so far.",
		Proof: "Nothing is changed. prove counts the places of both images in which the value is found.",
		Links: []string{"https://docs.docker.com/build/building/secrets/"},
	},
	Check: checkSecretInRun,
}

func checkSecretInRun(p *rule.Pass) error {
	for _, inst := range p.File.Instructions {
		if inst.Keyword != "RUN" {
			continue
		}
		step := readRun(p, inst)
		if step.script == nil {
			textSecrets(p, inst)
			continue
		}
		seen := map[string]bool{}
		for _, c := range step.script.Commands() {
			for _, s := range commandSecrets(c) {
				if !seen[s.match.Hash] {
					seen[s.match.Hash] = true
					reportRunSecret(p, s)
				}
			}
		}
	}
	return nil
}

// runSecret is a credential in a shell command.
type runSecret struct {
	match secret.Match
	value string
	span  dockerfile.Span
	// variable is how a step would best call it.
	variable string
	// where it stands, in a few words.
	where string
}

// textSecrets looks at a step whose shell code can't be read, by the shape of values alone.
func textSecrets(p *rule.Pass, inst *dockerfile.Instruction) {
	text := p.Text(inst.Span)
	for _, m := range secret.Text([]byte(text)) {
		at := dockerfile.Span{Start: inst.Span.Start + m.Offset, End: inst.Span.Start + m.Offset + m.Length}
		reportRunSecret(p, runSecret{match: m, value: p.Text(at), span: at, variable: "TOKEN", where: "a RUN line"})
	}
}

func commandSecrets(c shellCommand) (found []runSecret) {
	for _, a := range c.Assignments {
		if m, ok := named(a.Name, a.Value.Text); ok && a.Value.Literal {
			found = append(found, runSecret{m, a.Value.Text, a.Span, a.Name, "the variable " + a.Name})
		}
	}
	name, rest := program(c)
	for i, w := range c.Words {
		var next shellWord
		if i+1 < len(c.Words) {
			next = c.Words[i+1]
		}
		if s, ok := wordSecret(name, w, next); ok {
			found = append(found, s)
		}
	}
	return append(found, loginSecrets(name, rest)...)
}

// wordSecret finds a credential in a word, or in the next one when this word is its option.
func wordSecret(program string, w, next shellWord) (runSecret, bool) {
	if s, ok := header(w); ok {
		return s, true
	}
	if strings.Contains(w.Text, "://") {
		if s, ok := inAddress(w); ok {
			return s, true
		}
	}
	if s, ok := netrc(w); ok {
		return s, true
	}
	for line := range strings.SplitSeq(w.Text, "\n") {
		name, value, ok := setting(line)
		if !ok {
			continue
		}
		if m, ok := named(name, value); ok && plain(value) {
			return runSecret{m, value, w.Span, variableFor(name), "the setting " + name}, true
		}
	}
	if option := strings.TrimLeft(w.Text, "-"); valueFollows(program, w.Text) && next.Literal && !strings.HasPrefix(next.Text, "-") {
		if m, ok := named(lastPart(option), next.Text); ok {
			return runSecret{m, next.Text, next.Span, variableFor(lastPart(option)), w.Text}, true
		}
	}
	for _, m := range secret.Text([]byte(w.Text)) {
		if value := w.Text[m.Offset : m.Offset+m.Length]; m.Certainty >= secret.Certain && plain(value) {
			return runSecret{m, value, w.Span, "TOKEN", "a word of the command"}, true
		}
	}
	return runSecret{}, false
}

// named is secret.Env without what builds are given to get on: SECRET_KEY=build.
func named(name, value string) (secret.Match, bool) {
	m, ok := secret.Env(name, value)
	if !ok || m.Certainty < secret.Likely || len(value) <= 8 && strings.Trim(strings.ToLower(value), "abcdefghijklmnopqrstuvwxyz-_") == "" {
		return m, false
	}
	return m, true
}

// netrc finds the password in a line of a .netrc file.
func netrc(w shellWord) (runSecret, bool) {
	fields := strings.Fields(w.Text)
	if len(fields) < 4 || fields[0] != "machine" && fields[0] != "default" {
		return runSecret{}, false
	}
	for i, f := range fields[:len(fields)-1] {
		if value := strings.TrimSuffix(fields[i+1], `\n`); f == "password" && plain(value) {
			m, ok := secret.Env("PASSWORD", value)
			m.Why = "the password of a .netrc file"
			return runSecret{m, value, w.Span, "PASSWORD", "a line for .netrc"}, ok
		}
	}
	return runSecret{}, false
}

// valueFollows reports whether a word says what the next one is: an option, or a key of a tool's settings.
func valueFollows(program, word string) bool {
	if strings.HasPrefix(word, "--") && !strings.Contains(word, "=") {
		return true
	}
	switch program {
	case "npm", "yarn", "pnpm", "composer", "pip", "bundle", "poetry", "git":
		return strings.ContainsAny(word, "._:") && !strings.HasPrefix(word, "-")
	}
	return false
}

// setting reads NAME=value and key: value, as files of settings have them.
func setting(line string) (name, value string, ok bool) {
	line = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "export "))
	if strings.ContainsAny(line, " \t") && !strings.Contains(line, "= ") && !strings.Contains(line, " =") {
		return "", "", false // prose
	}
	name, value, ok = strings.Cut(line, "=")
	name, value = strings.TrimSpace(name), strings.Trim(strings.TrimSpace(value), `"'`)
	return lastPart(strings.TrimLeft(name, "-")), value, ok && name != "" && value != ""
}

// lastPart is the key itself in //registry.npmjs.org/:_authToken or http-basic.example.org.password.
func lastPart(key string) string {
	return key[strings.LastIndexAny(key, ":./")+1:]
}

// plain reports whether a value is given as it is, and not made up when the step runs.
func plain(value string) bool { return !strings.ContainsAny(value, "$`") }

// headerNames are those that carry a credential, in lower case.
var headerNames = map[string]bool{
	"authorization": true, "proxy-authorization": true, "private-token": true, "job-token": true, "deploy-token": true,
	"x-api-key": true, "api-key": true, "apikey": true, "x-auth-token": true, "x-jfrog-art-api": true, "x-vault-token": true, "x-access-token": true,
}

func header(w shellWord) (runSecret, bool) {
	name, value, ok := strings.Cut(w.Text, ":")
	if i := strings.LastIndexByte(name, '='); i >= 0 {
		name = name[i+1:] // --header=NAME: value
	}
	name = strings.ToLower(strings.TrimSpace(strings.TrimPrefix(name, "-H")))
	if !ok || !headerNames[name] || !plain(value) {
		return runSecret{}, false
	}
	value = strings.TrimSpace(value)
	if scheme, credential, ok := strings.Cut(value, " "); ok && len(scheme) <= len("Bearer:") {
		value = strings.TrimSpace(credential)
	}
	m, ok := secret.Env("AUTH_TOKEN", value)
	m.Why = "a header that logs in"
	return runSecret{m, value, w.Span, "AUTH_TOKEN", "the header " + name}, ok
}

// inAddress finds user:password@ and token@ in an address.
func inAddress(w shellWord) (runSecret, bool) {
	_, rest, _ := strings.Cut(w.Text, "://")
	authority, _, _ := strings.Cut(rest, "/")
	at := strings.LastIndexByte(authority, '@')
	if at < 0 {
		return runSecret{}, false
	}
	user, password, both := strings.Cut(authority[:at], ":")
	if !both || password == "x-oauth-basic" {
		password = user
		if len(password) < 16 { // git@, or the name of a person
			return runSecret{}, false
		}
	}
	if !plain(password) || strings.Trim(password, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") == "" {
		return runSecret{}, false // a placeholder that something replaces
	}
	m, ok := secret.Env("URL_PASSWORD", password)
	m.Why = "what logs in stands before the @"
	return runSecret{m, password, w.Span, "TOKEN", "an address"}, ok
}

// loginSecrets reads docker login -p, curl -u user:password, mysql -pPASSWORD and wget's like.
func loginSecrets(name string, args []shellWord) (found []runSecret) {
	for i, w := range args {
		value, at := "", w
		switch {
		case name == "curl" && (w.Text == "-u" || w.Text == "--user") && i+1 < len(args):
			_, value, _ = strings.Cut(args[i+1].Text, ":")
			at = args[i+1]
		case (name == "docker" || name == "podman" || name == "buildah" || name == "helm" || name == "skopeo" || name == "az" || name == "sshpass") &&
			w.Text == "-p" && i+1 < len(args) && loggingIn(name, args):
			value, at = args[i+1].Text, args[i+1]
		case name == "sshpass" && strings.HasPrefix(w.Text, "-p"), (name == "mysql" || name == "mysqladmin" || name == "mysqldump") && strings.HasPrefix(w.Text, "-p"):
			value = w.Text[2:]
		}
		if value == "" || !at.Literal {
			continue
		}
		if m, ok := secret.Env("PASSWORD", value); ok {
			m.Why = "a password"
			found = append(found, runSecret{m, value, at.Span, "PASSWORD", name + "'s login"})
		}
	}
	return found
}

func loggingIn(name string, args []shellWord) bool {
	if name == "sshpass" {
		return true
	}
	for _, w := range args {
		if w.Text == "login" {
			return true
		}
	}
	return false
}

// variableFor is a name for the value in a shell.
func variableFor(name string) string {
	up := strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' {
			return r
		}
		return '_'
	}, strings.ToUpper(name))
	if up = strings.Trim(up, "_"); up == "" || up[0] >= '0' && up[0] <= '9' {
		return "TOKEN"
	}
	return up
}

func reportRunSecret(p *rule.Pass, s runSecret) {
	id := strings.ToLower(s.variable)
	p.Report(finding.Finding{
		Span: s.span,
		Message: fmt.Sprintf("%s holds a credential (%s, %s), readable for ever in the image's history: hand it over with RUN --mount=type=secret, and rotate it",
			s.where, s.match.Why, s.match.Redacted),
		Costs:   []finding.Cost{{Metric: "exposure", Value: 1, Unit: "values", Basis: finding.Observed, Note: "in the history and the cache of every build"}},
		Secrets: hidden(s.value),
		Fix: &finding.Fix{
			Title: fmt.Sprintf("RUN --mount=type=secret,id=%s,env=%s …, with $%[2]s in the value's place", id, s.variable),
			Why:   fmt.Sprintf("the build must then be called with --secret id=%s,env=%s, which is outside of the project's files", id, s.variable),
		},
	})
}

// hidden is a value that renderers must not print. A plain short word is left out:
// it would be hidden wherever it occurs in a report, and hide nothing.
func hidden(value string) []string {
	if len(value) < 8 || strings.Trim(value, "abcdefghijklmnopqrstuvwxyz") == "" {
		return nil
	}
	return []string{value}
}
