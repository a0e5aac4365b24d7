package buildkitlint

import (
	"maps"
	"slices"

	"github.com/plimsoll/plimsoll/internal/finding"
)

// Rating says how much a check of BuildKit matters for an image in production.
type Rating struct {
	Severity finding.Severity
	Reason   string
	// CoveredBy names the rule of plimsoll that looks at the same thing with
	// more evidence; where both speak about one line, BuildKit's can be left out.
	CoveredBy string
}

// Rate gives the rating of a check. One that is not in the table, because
// BuildKit added it later, counts as a warning, which is what BuildKit calls it.
func Rate(rule string) Rating {
	if r, ok := ratings()[rule]; ok {
		return r
	}
	return Rating{Severity: finding.Warning, Reason: "a check of BuildKit's that is not rated yet"}
}

// Checks names the checks that are rated, sorted.
func Checks() []string { return slices.Sorted(maps.Keys(ratings())) }

func ratings() map[string]Rating {
	return map[string]Rating{
		"DuplicateStageName": {Severity: finding.Error,
			Reason: "a later stage takes the name over, and COPY --from or --target silently gets the other one"},
		"ReservedStageName": {Severity: finding.Error,
			Reason: "the name has a meaning of its own, so the stage can't be referred to"},
		"UndefinedArgInFrom": {Severity: finding.Error,
			Reason: "the base image's name is incomplete, so another image is used or none is found"},

		"UndefinedVar": {Severity: finding.Warning,
			Reason: "an undefined variable becomes an empty string, and the build goes on"},
		"InvalidDefaultArgInFrom": {Severity: finding.Warning,
			Reason: "the build fails for everyone who does not know which argument to pass"},
		"MultipleInstructionsDisallowed": {Severity: finding.Warning,
			Reason: "all but the last are ignored, so what is written there does not happen"},
		"JSONArgsRecommended": {Severity: finding.Warning, CoveredBy: "runtime/shell-form",
			Reason: "a shell stands between the runtime and the process, and signals end there"},
		"SecretsUsedInArgOrEnv": {Severity: finding.Warning, CoveredBy: "security/secret-in-env",
			Reason: "the value stays readable in the image; judged by the name alone, so no error"},
		"WorkdirRelativePath": {Severity: finding.Warning,
			Reason: "the directory depends on the base image, and moves with it"},
		"NoEmptyContinuation": {Severity: finding.Warning,
			Reason: "announced to become an error: the build will break with a newer BuildKit"},
		"ExposeInvalidFormat": {Severity: finding.Warning,
			Reason: "announced to become an error, and the address written is not honoured"},
		"CopyIgnoredFile": {Severity: finding.Warning,
			Reason: "the file is not in the context, so that the copy lacks it or fails"},
		"InvalidBaseImagePlatform": {Severity: finding.Warning,
			Reason: "the processes of another architecture run emulated or not at all"},

		"FromPlatformFlagConstDisallowed": {Severity: finding.Info,
			Reason: "the image can't be built for other platforms, which may be meant"},
		"RedundantTargetPlatform": {Severity: finding.Info,
			Reason: "it is what happens anyway"},
		"LegacyKeyValueFormat": {Severity: finding.Info,
			Reason: "works the same, and is read differently than it looks where the value has spaces"},
		"MaintainerDeprecated": {Severity: finding.Info, CoveredBy: "runtime/missing-labels",
			Reason: "works still; a label is what tools read"},
		"StageNameCasing": {Severity: finding.Info, Reason: "style"},
		"FromAsCasing":    {Severity: finding.Info, Reason: "style"},
		"ConsistentInstructionCasing": {Severity: finding.Info,
			Reason: "style"},
		"ExposeProtoCasing": {Severity: finding.Info, Reason: "style"},
		"InvalidDefinitionDescription": {Severity: finding.Info,
			Reason: "the comment does not show up as the description of the stage or argument"},
	}
}
