package rule

import (
	"fmt"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
)

// refuseWindows takes back all fixes of a file that builds a Windows image: paths, users and
// shells differ there, and no proof can run it.
func (p *Pass) refuseWindows() {
	why := windows(p.File)
	if why == "" {
		return
	}
	for i := range p.findings {
		if f := &p.findings[i]; f.Fix != nil {
			f.Fix, f.Refused = nil, why+": plimsoll rewrites Linux images only, so change it by hand"
		}
	}
}

// windows says what shows that a file builds a Windows image; empty when nothing does.
func windows(f *dockerfile.File) string {
	for _, s := range f.Stages {
		base := strings.ToLower(f.BaseOf(s))
		for _, mark := range []string{"/windows", "nanoserver", "servercore", "windowsservercore"} {
			if strings.Contains(base, mark) {
				return fmt.Sprintf("line %d builds on %s, a Windows image", f.Position(s.From.Span.Start).Line, s.Base)
			}
		}
	}
	return ""
}
