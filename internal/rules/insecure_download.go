package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/rule"
	"github.com/plimsoll/plimsoll/internal/shell"
)

var insecureDownload = &rule.Rule{
	ID:       "security/insecure-download",
	Severity: finding.Warning,
	Safety:   finding.Unsafe,
	Phase:    rule.Lines,
	Doc: rule.Doc{
		Summary: "What is installed is downloaded without a check that it is what was meant.",
		What:    "A step switches certificate or signature checks off (curl -k, wget --no-check-certificate, pip --trusted-host, apt --allow-unauthenticated, strict-ssl false, a variable such as NODE_TLS_REJECT_UNAUTHORIZED=0), fetches what it runs or unpacks over plain http, or pipes a download into a shell without a checksum.",
		Why:     "Who stands between the build and the server, or gets into the server, runs code in the image. Without a checksum nobody can tell afterwards, and the same Dockerfile gives another image tomorrow.",
		Before: `
-- Dockerfile --
FROM debian:bookworm-slim
RUN curl -fsSLk -o /usr/local/bin/tool https://example.org/tool && echo "0f343b0931126a20f133d67c2b018a3b5d5bd3d4  /usr/local/bin/tool" | sha1sum -c -
`,
		After: `
-- Dockerfile --
FROM debian:bookworm-slim
RUN curl -fsSL -o /usr/local/bin/tool https://example.org/tool && echo "0f343b0931126a20f133d67c2b018a3b5d5bd3d4  /usr/local/bin/tool" | sha1sum -c -
`,
		Fix:   "Takes the flag away that switches the check off. Elsewhere it only tells what to do: a checksum has to come from who makes the file, and a private authority's certificate from the author.",
		Proof: "The image builds with the check in force.",
		Links: []string{"https://docs.docker.com/reference/dockerfile/#add---checksum", "https://curl.se/docs/sslcerts.html"},
	},
	Check: checkInsecureDownload,
}

func checkInsecureDownload(p *rule.Pass) error {
	for _, inst := range p.File.Instructions {
		switch inst.Keyword {
		case "ENV", "ARG":
			for _, pair := range inst.Pairs() {
				if what := tlsOff(pair.Name, pair.Value); what != "" {
					p.Report(finding.Finding{
						Span:    pair.Span,
						Message: fmt.Sprintf("%s=%s %s: add the server's authority to the image's certificates instead", pair.Name, pair.Value, what),
						Refused: "which server is meant is not known, nor whether its certificate is good: take the variable out once its authority is trusted",
					})
				}
			}
		case "ADD":
			checkAdd(p, inst)
		case "RUN":
			if step := readRun(p, inst); step.script != nil {
				checkDownloads(p, step)
			}
		}
	}
	return nil
}

// tlsVariables switch the check of certificates off with one of these values.
var tlsVariables = map[string]struct {
	values []string
	effect string
}{
	"NODE_TLS_REJECT_UNAUTHORIZED": {[]string{"0"}, "makes Node accept any certificate, in the application too"},
	"PYTHONHTTPSVERIFY":            {[]string{"0"}, "makes Python accept any certificate, in the application too"},
	"GIT_SSL_NO_VERIFY":            {[]string{"1", "true", "True", "yes"}, "makes git accept any certificate"},
	"NPM_CONFIG_STRICT_SSL":        {[]string{"false"}, "makes npm accept any certificate"},
	"npm_config_strict_ssl":        {[]string{"false"}, "makes npm accept any certificate"},
	"YARN_STRICT_SSL":              {[]string{"false"}, "makes yarn accept any certificate"},
	"CURL_INSECURE":                {[]string{"1"}, "makes curl accept any certificate"},
	"GOINSECURE":                   {nil, "lets go fetch modules without a check"},
	"PIP_TRUSTED_HOST":             {nil, "makes pip accept any certificate of that host"},
}

func tlsOff(name, value string) string {
	v, ok := tlsVariables[name]
	if !ok || value == "" || v.values != nil && !slices.Contains(v.values, value) {
		return ""
	}
	return v.effect
}

// checkAdd looks at ADD http://…: the builder checks --checksum.
func checkAdd(p *rule.Pass, inst *dockerfile.Instruction) {
	if _, checked := inst.Flag("checksum"); checked {
		return
	}
	for _, w := range inst.Sources() {
		if plainHTTP(w.Text) {
			p.Report(finding.Finding{
				Span:    w.Span,
				Message: "ADD fetches over plain http, where anybody on the way can replace the file: use https, and give --checksum=sha256:…",
				Refused: "the checksum has to come from who makes the file: add it by hand",
			})
		}
	}
}

// plainHTTP reports whether an address is http, and not one of the builder's own machine.
func plainHTTP(address string) bool {
	rest, ok := strings.CutPrefix(address, "http://")
	if !ok {
		return false
	}
	for _, own := range []string{"localhost", "127.", "[::1]", "host.docker.internal"} {
		if strings.HasPrefix(rest, own) {
			return false
		}
	}
	return true
}

func checkDownloads(p *rule.Pass, step *runStep) {
	calls := step.script.Calls()
	checked := slices.ContainsFunc(calls, verifies)
	for i, call := range calls {
		for _, a := range call.Assignments {
			reportTLS(p, a.Span, a.Name, a.Value.Text)
		}
		if call.Name == "export" {
			for _, w := range call.Args {
				name, value, _ := strings.Cut(w.Text, "=")
				reportTLS(p, w.Span, name, value)
			}
		}
		checkFlags(p, step, call)
		checkSettings(p, call)
		switch {
		case !downloads(call):
		case runsAtOnce(calls, i):
			reportPipe(p, call, checked)
		case !checked && fetchesPlain(call) && slices.ContainsFunc(calls[i+1:], uses):
			p.Report(finding.Finding{
				Span:    call.Span,
				Message: call.Name + " fetches over plain http what a later command of the step installs or runs, and anybody on the way can replace it: use https, and check a sha256sum",
				Refused: "whether the server speaks https, and the checksum, have to come from who makes the file: look them up there, write https://, and check the file with sha256sum -c",
			})
		}
	}
}

func reportTLS(p *rule.Pass, span dockerfile.Span, name, value string) {
	if what := tlsOff(name, value); what != "" {
		p.Report(finding.Finding{
			Span:    span,
			Message: fmt.Sprintf("%s=%s %s: add the server's authority to the image's certificates instead", name, value, what),
			Refused: "which server is meant is not known, nor whether its certificate is good: take the variable out once its authority is trusted",
		})
	}
}

func downloads(call shell.Call) bool { return call.Name == "curl" || call.Name == "wget" }

func fetchesPlain(call shell.Call) bool {
	return slices.ContainsFunc(call.Args, func(w shellWord) bool { return plainHTTP(w.Text) })
}

// verifiers are programs that compare a file with a checksum or a signature.
var verifiers = map[string]bool{
	"sha256sum": true, "sha512sum": true, "sha384sum": true, "sha1sum": true, "shasum": true, "md5sum": true, "b2sum": true,
	"gpgv": true, "cosign": true, "minisign": true, "signify": true,
}

func verifies(call shell.Call) bool {
	return verifiers[call.Name] || call.Name == "gpg" && call.HasFlag("--verify", "--batch") || call.Name == "openssl" && call.HasFlag("-verify")
}

// interpreters run what they are given.
var interpreters = map[string]bool{
	"sh": true, "bash": true, "ash": true, "dash": true, "zsh": true, "python": true, "python3": true, "perl": true, "ruby": true, "node": true, "php": true,
}

// uses reports whether a command installs, unpacks or runs files.
func uses(call shell.Call) bool {
	switch call.Name {
	case "tar", "unzip", "dpkg", "rpm", "apt-key", "gunzip", "bsdtar", "make":
		return true
	case "chmod":
		return slices.ContainsFunc(call.Args, func(w shellWord) bool { return strings.Contains(w.Text, "x") || numeric(w.Text) })
	}
	return interpreters[call.Name] && len(call.Args) > 0 || strings.HasPrefix(call.Program.Text, "./") || strings.HasPrefix(call.Program.Text, "/tmp/")
}

// runsAtOnce reports whether what a command prints is run: curl … | sh, sh -c "$(curl …)", sh <(curl …).
func runsAtOnce(calls []shell.Call, i int) bool {
	if calls[i].Piped && i+1 < len(calls) && calls[i+1].Op == "|" {
		next := calls[i+1]
		return interpreters[next.Name] && !runsOwnCode(next)
	}
	if !calls[i].Substituted {
		return false
	}
	for _, call := range calls[i+1:] {
		if call.Span.Start <= calls[i].Span.Start && calls[i].Span.End <= call.Span.End {
			return interpreters[call.Name] || call.Name == "eval" || call.Name == "source" || call.Name == "."
		}
	}
	return false
}

// runsOwnCode: with code or a script of its own the interpreter only reads what is piped to it.
func runsOwnCode(call shell.Call) bool {
	if len(call.Args) == 0 {
		return false
	}
	first := call.Args[0].Text
	switch {
	case first == "-" || first == "-s" || first == "/dev/stdin" || first == "--":
		return false
	case call.Name == "python" || call.Name == "python3" || call.Name == "perl" || call.Name == "ruby" || call.Name == "node" || call.Name == "php":
		return true
	}
	return !strings.HasPrefix(first, "-") || strings.Contains(first, "c") && !strings.HasPrefix(first, "--")
}

func reportPipe(p *rule.Pass, call shell.Call, checked bool) {
	if checked {
		return
	}
	p.Report(finding.Finding{
		Span:    call.Span,
		Message: call.Name + " hands what it fetches to an interpreter, unseen: fetch it to a file, check it with sha256sum -c, then run it",
		Refused: "the checksum has to come from who makes the file, and a script that changes without notice has none: pin a version by hand",
	})
}
