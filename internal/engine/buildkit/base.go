package buildkit

import (
	"regexp"
	"strings"
)

// missingBase is an image that can't be had.
type missingBase struct {
	ref, what, hint string
	registry        string // host that did not do its part; empty when the image does not exist there
}

// loadMetadata is the step in which the daemon asks a registry for an image.
const loadMetadata = "[internal] load metadata for "

// pullStep is one in which it fetches the image: "[builder 1/4] FROM docker.io/library/python:3.11@sha256:…".
var pullStep = regexp.MustCompile(`^(?:\[[^\]]*\] )?FROM (\S+)$`)

// baseFailure tells a base image that can't be had; nil when a step failed for another reason.
func baseFailure(step, reason string) *missingBase {
	ref, isQuestion := strings.CutPrefix(step, loadMetadata)
	if !isQuestion {
		pull := pullStep.FindStringSubmatch(step)
		if pull == nil || !isOutOfReach(reason) {
			return nil
		}
		ref, _, _ = strings.Cut(pull[1], "@")
	}
	host, _, _ := strings.Cut(ref, "/")
	if _, told, ok := strings.Cut(reason, loginKept); ok {
		return &missingBase{ref: ref, registry: host, what: loginKept + told}
	}
	if isAbsent(reason) {
		return &missingBase{ref: ref,
			what: "the image " + ref + " does not exist, or needs a login",
			hint: "check the name and the tag; for a private image, log in to " + host + " first"}
	}
	base := &missingBase{ref: ref, registry: host, what: "the registry " + host + " could not be asked for " + ref + ": " + lastPart(reason)}
	if !strings.Contains(reason, "--ca-file") { // which is the remedy
		base.hint = "check the network, or name a mirror: --mirror " + host + "=HOST:PORT"
	}
	return base
}

// loginKept begins the error of a credential helper, which the daemon hands on as text.
const loginKept = "the login for "

func isAbsent(reason string) bool {
	return hasAny(reason, ": not found", "pull access denied", "insufficient_scope", "authorization failed", "401 Unauthorized", "repository does not exist")
}

// isOutOfReach tells a registry that does not answer, or breaks off, from other reasons why a pull fails:
// a full disk, a layer that does not unpack. The first are the words of this program's own access, the others those of daemons.
func isOutOfReach(reason string) bool {
	return hasAny(reason, "(tried ", loginKept, "is not trusted",
		"dial tcp", "i/o timeout", "connection refused", "connection reset", "TLS handshake", "unexpected EOF", "x509: ",
		"unexpected status", "toomanyrequests", "Too Many Requests")
}

func hasAny(text string, signs ...string) bool {
	for _, sign := range signs {
		if strings.Contains(text, sign) {
			return true
		}
	}
	return false
}

// request is how net/http names the request that failed: Get "https://…": reason.
var request = regexp.MustCompile(`(?s)^.*(?:Head|Get|Post) "[^"]*": (.*)$`)

// lastPart is the innermost reason in a chain of wrapped ones: "dial tcp …: connection refused".
func lastPart(reason string) string {
	if inner := request.FindStringSubmatch(reason); inner != nil {
		return inner[1]
	}
	for _, begin := range []string{"dial tcp", "unexpected status"} {
		if i := strings.LastIndex(reason, begin); i >= 0 {
			return reason[i:]
		}
	}
	return reason
}
