package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/edit"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/rule"
	"github.com/plimsoll/plimsoll/internal/shell"
)

// insecureFlag is an option that switches a check off.
type insecureFlag struct {
	programs []string
	flag     string
	value    bool // the next word belongs to it
	effect   string
	// keep says why it can't simply be left out; empty when it can.
	keep string
}

var insecureFlags = []insecureFlag{
	{programs: []string{"curl"}, flag: "--insecure", effect: "accepts any certificate"},
	{programs: []string{"wget"}, flag: "--no-check-certificate", effect: "accepts any certificate"},
	{programs: []string{"apt-get", "apt"}, flag: "--allow-unauthenticated", effect: "installs packages without a valid signature"},
	{programs: []string{"apt-get", "apt"}, flag: "--force-yes", effect: "installs packages without a valid signature", keep: "it also allows downgrades and the removal of held packages: say which of them is meant, as --allow-downgrades"},
	{programs: []string{"apt-get", "apt"}, flag: "--allow-insecure-repositories", effect: "takes package lists without a signature"},
	{programs: []string{"apk"}, flag: "--allow-untrusted", effect: "installs packages without a valid signature", keep: "a package that the author built has no signature: add its key to /etc/apk/keys"},
	{programs: []string{"yum", "dnf", "microdnf"}, flag: "--nogpgcheck", effect: "installs packages without a valid signature"},
	{programs: []string{"zypper"}, flag: "--no-gpg-checks", effect: "installs packages without a valid signature"},
	{programs: []string{"pip", "pip3"}, flag: "--trusted-host", value: true, effect: "accepts any certificate of that host"},
}

// checkFlags reports the flags of one command.
func checkFlags(p *rule.Pass, step *runStep, call shell.Call) {
	name, args := call.Name, call.Args
	if isPython(name) && len(args) > 2 && args[0].Text == "-m" {
		name, args = args[1].Text, args[2:]
	}
	for _, f := range insecureFlags {
		if !slices.Contains(f.programs, name) {
			continue
		}
		for i, w := range args {
			word, _, joined := strings.Cut(w.Text, "=")
			if word != f.flag {
				continue
			}
			end := i
			if f.value && !joined && i+1 < len(args) {
				end = i + 1
			}
			reportFlag(p, step, call, f, w.Text, dockerfile.Span{Start: before(call, w), End: args[end].Span.End})
		}
	}
	if call.Name == "curl" {
		checkShortInsecure(p, step, call)
	}
}

// before is the end of the word in front of w.
func before(call shell.Call, w shellWord) int {
	end := w.Span.Start
	for _, other := range call.Words {
		if other.Span.Start == w.Span.Start {
			break
		}
		end = other.Span.End
	}
	return end
}

func reportFlag(p *rule.Pass, step *runStep, call shell.Call, f insecureFlag, text string, cut dockerfile.Span) {
	remedy := "where the server's authority is a private one, add that to the image's certificates"
	if strings.HasSuffix(f.effect, "signature") {
		remedy = "where the key is missing, add that to the image"
	}
	found := finding.Finding{
		Span:    call.Span,
		Message: fmt.Sprintf("%s %s %s: leave it out; %s", call.Name, text, f.effect, remedy),
	}
	if f.flag == "--trusted-host" && plainIndex(call) {
		f.keep = "the index is read over plain http, which pip takes only from a trusted host: use https, then leave the flag out"
	}
	if found.Refused = f.keep; found.Refused == "" {
		found.Fix, found.Refused = dropFlag(step, f.flag, p.Edit(cut, ""))
	}
	p.Report(found)
}

func dropFlag(step *runStep, flag string, e edit.Edit) (*finding.Fix, string) {
	if step.inst.JSON {
		return nil, "the step is a JSON array: take the flag out by hand"
	}
	return &finding.Fix{
		Title:  "Leave " + flag + " out",
		Safety: finding.Unsafe,
		Why:    "a server with a private or an expired certificate, or an unsigned list, fails then; the proof builds the image with the check in force",
		Edits:  []edit.Edit{e},
	}, ""
}

// curlValued are curl's short options that take a value, in the same word or the next.
const curlValued = "ACDEFHKPQTUXYbcdehmortuwxyz"

// checkShortInsecure finds -k among curl's short options.
func checkShortInsecure(p *rule.Pass, step *runStep, call shell.Call) {
	for i := 0; i < len(call.Args); i++ {
		w := call.Args[i]
		if len(w.Text) < 2 || w.Text[0] != '-' || w.Text[1] == '-' || !w.Literal {
			continue
		}
		k := -1
		for n := 1; n < len(w.Text); n++ {
			if strings.IndexByte(curlValued, w.Text[n]) >= 0 {
				if n == len(w.Text)-1 {
					i++ // its value is the next word
				}
				break
			}
			if w.Text[n] == 'k' {
				k = n
			}
		}
		if k < 0 {
			continue
		}
		f := insecureFlag{flag: "-k", effect: "accepts any certificate"}
		switch quoted := p.Text(w.Span); {
		case w.Text == "-k":
			reportFlag(p, step, call, f, w.Text, dockerfile.Span{Start: before(call, w), End: w.Span.End})
		case quoted == w.Text:
			at := w.Span.Start + k
			reportFlag(p, step, call, f, w.Text, dockerfile.Span{Start: at, End: at + 1})
		default:
			f.keep = "the flag stands in quotes: take it out by hand"
			reportFlag(p, step, call, f, w.Text, w.Span)
		}
	}
}

// insecureSettings are words that switch a check off for what follows.
var insecureSettings = []struct {
	program string
	words   []string
	effect  string
}{
	{"npm", []string{"strict-ssl", "false"}, "makes npm accept any certificate"},
	{"npm", []string{"strict-ssl=false"}, "makes npm accept any certificate"},
	{"yarn", []string{"strict-ssl", "false"}, "makes yarn accept any certificate"},
	{"pnpm", []string{"strict-ssl", "false"}, "makes pnpm accept any certificate"},
	{"git", []string{"http.sslVerify", "false"}, "makes git accept any certificate"},
	{"git", []string{"http.sslverify", "false"}, "makes git accept any certificate"},
	{"git", []string{"http.sslVerify=false"}, "makes git accept any certificate"},
	{"conda", []string{"ssl_verify", "false"}, "makes conda accept any certificate"},
	{"composer", []string{"secure-http", "false"}, "lets composer fetch over plain http"},
	{"composer", []string{"disable-tls", "true"}, "makes composer accept any certificate"},
	{"bundle", []string{"ssl_verify_mode", "0"}, "makes bundler accept any certificate"},
}

func checkSettings(p *rule.Pass, call shell.Call) {
	var texts []string
	for _, w := range call.Args {
		texts = append(texts, strings.TrimPrefix(w.Text, "--"))
	}
	for _, s := range insecureSettings {
		if s.program == call.Name && containsRun(texts, s.words) {
			reportSetting(p, call, strings.Join(s.words, " "), s.effect)
		}
	}
	for _, w := range call.Args {
		switch low := strings.ToLower(w.Text); {
		case strings.Contains(low, "[trusted=yes") || strings.Contains(low, " trusted=yes"):
			reportSetting(p, call, "trusted=yes", "makes apt install unsigned packages from that source")
		case strings.Contains(low, "acquire::https::verify-peer") && strings.Contains(low, "false"):
			reportSetting(p, call, "Verify-Peer false", "makes apt accept any certificate")
		case strings.Contains(low, "allowinsecurerepositories") && strings.Contains(low, "true"):
			reportSetting(p, call, "AllowInsecureRepositories", "makes apt take package lists without a signature")
		}
	}
	if plainIndex(call) {
		p.Report(finding.Finding{
			Span:    call.Span,
			Message: call.Name + " fetches what it installs over plain http, where anybody on the way can replace it: use https",
			Refused: "whether the server speaks https is not known: try it, and write https:// by hand",
		})
	}
}

// plainIndex: an index of packages, or a repository of source code, is read over plain http.
func plainIndex(call shell.Call) bool {
	switch call.Name {
	case "pip", "pip3", "uv", "npm", "yarn", "pnpm", "gem", "git":
	default:
		return false
	}
	if operands := call.Operands(); call.Name == "git" && (len(operands) == 0 || operands[0].Text != "clone") {
		return false
	}
	for i, w := range call.Args {
		value := w.Text
		if strings.HasPrefix(value, "-") {
			_, value, _ = strings.Cut(value, "=")
		}
		if plainHTTP(value) && (call.Name == "git" || i > 0) {
			return true
		}
	}
	return false
}

func containsRun(texts, words []string) bool {
	for i := 0; i+len(words) <= len(texts); i++ {
		if slices.Equal(texts[i:i+len(words)], words) {
			return true
		}
	}
	return false
}

func reportSetting(p *rule.Pass, call shell.Call, what, effect string) {
	p.Report(finding.Finding{
		Span:    call.Span,
		Message: fmt.Sprintf("%s %s: keep the check, and add the server's authority or key to the image", what, effect),
		Refused: "which servers need it is not known: take the setting out by hand once their authority or key is trusted",
	})
}
