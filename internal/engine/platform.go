package engine

import "strings"

// Runs says whether the engine runs programs of a platform, "os/arch[/variant]". An engine that does not tell
// what it runs is taken to run its own alone.
func (i Info) Runs(platform string) bool {
	known := append([]string{i.Platform}, i.Platforms...)
	wanted := normalized(platform)
	for _, one := range known {
		has := normalized(one)
		if has == wanted || strings.HasPrefix(has, wanted+"/") {
			return true
		}
	}
	return false
}

// normalized writes a platform as the OCI image specification does, with variants left out that say no more than
// the architecture.
func normalized(platform string) string {
	platform = strings.ToLower(platform)
	for other, usual := range map[string]string{"/x86_64": "/amd64", "/x86-64": "/amd64", "/aarch64": "/arm64", "/i386": "/386", "/armhf": "/arm/v7", "/armel": "/arm/v6"} {
		platform = strings.Replace(platform, other, usual, 1)
	}
	for _, plain := range []string{"/amd64/v1", "/arm64/v8"} {
		if strings.HasSuffix(platform, plain) {
			return platform[:strings.LastIndexByte(platform, '/')]
		}
	}
	return platform
}
