// Package engines makes and starts the engines that plimsoll is tested against: Docker Engines, old and new,
// podman, and BuildKit's own daemon. Nothing of it is installed on the machine: programs are kept in the cache, and each daemon
// has folders and a socket of its own.
package engines

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/plimsoll/plimsoll/testbase/cache"
	"github.com/plimsoll/plimsoll/testbase/recipe"
)

// modules are the modules whose tools the newer engines are: each NAME.mod is a go.mod, with its NAME.sum. To move one
// to another version, in a folder of its own: cp NAME.mod go.mod; go get -tool PATH@VERSION; and back with both files.
//
//go:embed modules
var modules embed.FS

// packaged is an engine out of Debian's own packages, which are unpacked and not installed.
type packaged struct {
	unit, recipe string   // in the cache
	packages     []string // the first is the engine's own
	version      string   // of that one: the one that is tested against
	programs     []string // paths in the packages
	libraries    bool     // are wanted, too
}

// DebianDocker returns the folder with the programs of Debian 12's Docker Engine, the oldest that plimsoll supports.
func DebianDocker(ctx context.Context, store *cache.Store) (string, error) {
	return packaged{
		unit: "engine-debian", recipe: "3", packages: []string{"docker.io", "containerd"}, version: "20.10",
		programs: []string{"usr/sbin/dockerd", "usr/bin/containerd", "usr/bin/containerd-shim-runc-v2", "usr/bin/ctr", "usr/bin/docker-init", "usr/bin/docker"},
	}.get(ctx, store)
}

// Podman returns the folder with the programs of Debian 12's podman. The libraries in the folder beside it are those
// that a machine without podman and GnuPG may lack.
func Podman(ctx context.Context, store *cache.Store) (string, error) {
	return packaged{
		unit: "engine-podman", recipe: "1", version: "4.3", libraries: true,
		packages: []string{"podman", "conmon", "libgpgme11", "libassuan0", "libdevmapper1.02.1", "libsubid4", "libseccomp2", "libglib2.0-0"},
		programs: []string{"usr/bin/podman", "usr/bin/conmon"},
	}.get(ctx, store)
}

func (p packaged) get(ctx context.Context, store *cache.Store) (string, error) {
	dir, err := store.Ensure(ctx, p.unit, recipe.Key(p.recipe, strings.Join(p.packages, " "), recipe.Suite), p.unpack)
	return filepath.Join(dir, "bin"), err
}

func (p packaged) unpack(ctx context.Context, dir string) error {
	if err := download(ctx, dir, p.packages...); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err != nil {
		return err
	}
	root := filepath.Join(dir, "root")
	defer os.RemoveAll(root)
	for _, file := range files {
		if name := filepath.Base(file); strings.HasPrefix(name, p.packages[0]+"_") && !strings.HasPrefix(name, p.packages[0]+"_"+p.version) {
			return fmt.Errorf("this Debian has %s, and %s %s is tested against", name, p.packages[0], p.version)
		}
		if err := quietly(exec.CommandContext(ctx, "dpkg-deb", "--extract", file, root)); err != nil {
			return err
		}
		if err := os.Remove(file); err != nil {
			return err
		}
	}
	if err := moveTo(filepath.Join(dir, "bin"), root, p.programs...); err != nil || !p.libraries {
		return err
	}
	return moveTo(filepath.Join(dir, "lib"), root, "lib/*/lib*.so.*", "usr/lib/*/lib*.so.*")
}

// download fetches packages into a folder. Debian takes the files of an older version away: where lists are
// stale, or not there, they are updated once.
func download(ctx context.Context, dir string, packages ...string) error {
	apt := func(args ...string) error {
		cmd := exec.CommandContext(ctx, "apt-get", append([]string{"-qq", "-o", "APT::Sandbox::User=root"}, args...)...)
		cmd.Dir = dir
		return quietly(cmd)
	}
	get := append([]string{"download"}, packages...)
	err := apt(get...)
	if err == nil {
		return nil
	}
	if updated := apt("update"); updated != nil {
		return errors.Join(err, updated)
	}
	return apt(get...)
}

// moveTo takes what patterns name below root into a folder of its own. Each pattern must name something.
func moveTo(dir, root string, patterns ...string) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	for _, pattern := range patterns {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err == nil && len(files) == 0 {
			err = fmt.Errorf("the packages have no %s", pattern)
		}
		if err != nil {
			return err
		}
		for _, file := range files {
			if err := os.Rename(file, filepath.Join(dir, filepath.Base(file))); err != nil {
				return err
			}
		}
	}
	return nil
}

// Docker returns the folder with the programs of today's Docker Engine, built from its module.
func Docker(ctx context.Context, store *cache.Store) (string, error) {
	return built(ctx, store, "moby", "github.com/moby/moby/v2", "github.com/moby/moby/v2/dockerversion.Version")
}

// Buildkitd returns the folder with BuildKit's own daemon, built from its module.
func Buildkitd(ctx context.Context, store *cache.Store) (string, error) {
	return built(ctx, store, "buildkitd", "github.com/moby/buildkit", "github.com/moby/buildkit/version.Version")
}

// built returns the folder with the tools of a module file. The programs are told the version of the module
// that they are of, through a variable.
func built(ctx context.Context, store *cache.Store, name, module, variable string) (string, error) {
	mod, err := modules.ReadFile("modules/" + name + ".mod")
	if err != nil {
		return "", err
	}
	sum, err := modules.ReadFile("modules/" + name + ".sum")
	if err != nil {
		return "", err
	}
	version := regexp.MustCompile(`(?m)^\s*(?:require )?` + regexp.QuoteMeta(module) + ` (v\S+)`).FindSubmatch(mod)
	if version == nil {
		return "", fmt.Errorf("%s.mod does not require %s", name, module)
	}
	ldflags := "-s -w -X " + variable + "=" + string(version[1])
	// The tag is plimsoll's own (see the Makefile): what both are made of need not be compiled twice.
	flags := []string{"build", "-trimpath", "-tags=grpcnotrace", "-ldflags", ldflags}
	return store.Ensure(ctx, "engine-"+name, recipe.Key("1", string(mod), string(sum), strings.Join(flags, " ")), func(ctx context.Context, dir string) error {
		src, err := os.MkdirTemp("", "plimsoll-engine-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(src)
		for file, text := range map[string][]byte{"go.mod": mod, "go.sum": sum} {
			if err := os.WriteFile(filepath.Join(src, file), text, 0o644); err != nil {
				return err
			}
		}
		build := exec.CommandContext(ctx, "go", append(flags, "-o", dir+"/", "tool")...)
		build.Dir = src
		build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-mod=readonly", "GOWORK=off")
		return quietly(build)
	})
}

// quietly runs a command whose output is of interest only if it fails.
func quietly(cmd *exec.Cmd) error {
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, bytes.TrimSpace(out.Bytes()))
	}
	return nil
}
