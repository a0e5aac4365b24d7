package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/app"
	"github.com/plimsoll/plimsoll/internal/engine/docker"
	"github.com/plimsoll/plimsoll/internal/image"
	"github.com/plimsoll/plimsoll/internal/report"
	"github.com/spf13/pflag"
)

// deliveryFlags say where a proven image is put.
type deliveryFlags struct {
	output, push, load string
	attest             []string
	any                bool
}

// nameOfProject is what --load without a name stands for.
const nameOfProject = "."

// attestable are the values of --attest.
var attestable = []string{"provenance", "sbom"}

func (f *deliveryFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.output, "output", "", "write the proven image as an OCI layout: a folder, or a file that ends in .tar (`PATH`)")
	flags.StringVar(&f.push, "push", "", "push the proven image as `NAME`")
	flags.StringVar(&f.load, "load", "", "load the proven image into the Docker Engine, as --load=NAME (without one: the folder's)")
	flags.Lookup("load").NoOptDefVal = nameOfProject
	flags.StringSliceVar(&f.attest, "attest", nil, "push and write these beside it: provenance, sbom, or none (default: provenance where the engine can)")
	flags.BoolVar(&f.any, "put-out-any", false, "put an image out whatever the verdict: without a proven one that of the Dockerfile as it is")
}

// delivery checks the flags and turns them into options.
func (s *session) delivery(f deliveryFlags, path string, partly bool) (d app.Delivery, err error) {
	d = app.Delivery{Output: f.output, Push: f.push, Load: f.load, Partly: partly, Any: f.any}
	if d.Load == nameOfProject {
		d.Load = projectName(path)
	}
	for flag, name := range map[string]string{"push": d.Push, "load": d.Load} {
		if name == "" {
			continue
		}
		if r, err := image.ParseReference(name); err != nil || r.Digest != "" {
			return d, fmt.Errorf("--%s %s: want a name, as registry.example/app:1.4", flag, name)
		}
	}
	if !d.Wanted() {
		if f.any || f.attest != nil {
			return d, errors.New("--put-out-any and --attest go with --output, --push or --load")
		}
		return app.Delivery{}, nil
	}
	if d.Attest, err = attestations(f.attest); err != nil {
		return d, err
	}
	if d.Load != "" {
		d.Loader = s.loader
	}
	return d, nil
}

// attestations are those that must be there; nil when nothing is said about them.
func attestations(named []string) ([]string, error) {
	if named == nil {
		return nil, nil
	}
	kinds := []string{}
	for _, kind := range named {
		switch {
		case kind == "none" && len(named) == 1:
		case slices.Contains(attestable, kind):
			kinds = append(kinds, kind)
		default:
			return nil, fmt.Errorf("--attest %s: want none, or some of %s", strings.Join(named, ","), strings.Join(attestable, ", "))
		}
	}
	slices.Sort(kinds)
	return slices.Compact(kinds), nil
}

// projectName makes an image's name of a folder's: in lower case, with what may not stand there left out.
func projectName(path string) string {
	folder, err := filepath.Abs(path)
	if err != nil {
		folder = path
	}
	if info, err := os.Stat(folder); err == nil && !info.IsDir() {
		folder = filepath.Dir(folder)
	}
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return -1
	}, strings.ToLower(filepath.Base(folder)))
	name = strings.Trim(name, "-")
	if name == "" {
		name = "app"
	}
	return name + ":proven"
}

// loader loads an archive into the Docker Engine that the docker command would talk to.
func (s *session) loader(ctx context.Context, archive io.Reader) (where string, err error) {
	endpoint, err := s.dockerEndpoint()
	if err != nil {
		return "", err
	}
	return docker.Load(ctx, endpoint, archive)
}

// putOut is the exit code that a wanted image calls for which was not put out.
func putOut(r *report.Report, d app.Delivery) error {
	if d.Wanted() && len(r.Delivered) == 0 {
		return resultError(exitFindings)
	}
	return nil
}
