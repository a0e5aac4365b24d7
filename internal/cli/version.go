package cli

import (
	"encoding/json"
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// Version says which build of plimsoll this is.
type Version struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Time     string `json:"time,omitempty"` // of the revision
	Modified bool   `json:"modified"`       // the tree had changes of its own
	Go       string `json:"go"`
}

// BuildVersion reads the version that the Go toolchain put into the binary.
func BuildVersion() Version {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return Version{Version: "(unknown)"}
	}
	return versionOf(info)
}

func versionOf(info *debug.BuildInfo) Version {
	v := Version{Version: info.Main.Version, Go: info.GoVersion}
	if v.Version == "" {
		v.Version = "(devel)"
	}
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			v.Revision = setting.Value
		case "vcs.time":
			v.Time = setting.Value
		case "vcs.modified":
			v.Modified = setting.Value == "true"
		}
	}
	return v
}

// String is the version in one line.
func (v Version) String() string {
	text := "plimsoll " + v.Version
	if v.Revision != "" {
		text += " " + v.Revision[:min(12, len(v.Revision))]
	}
	if v.Modified {
		text += " (modified)"
	}
	if v.Go != "" {
		text += " " + v.Go
	}
	return text
}

func (s *session) version() *cobra.Command {
	format := newFormat()
	cmd := &cobra.Command{
		Use: "version", Short: "Print the version", Args: atMost(0),
		RunE: func(*cobra.Command, []string) error {
			if format.json() {
				e := json.NewEncoder(s.Stdout)
				e.SetIndent("", "  ")
				return e.Encode(s.Version)
			}
			_, err := fmt.Fprintln(s.Stdout, s.Version)
			return err
		},
	}
	format.register(cmd.Flags())
	return cmd
}
