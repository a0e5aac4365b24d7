// Package pyindex makes and serves a package index (PEP 503) of wheels made
// out of Debian packages, and of source packages of our own.
package pyindex

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/gzip"

	"github.com/plimsoll/plimsoll/testbase/cache"
	"github.com/plimsoll/plimsoll/testbase/recipe"
	"github.com/plimsoll/plimsoll/testbase/sdist"
	"github.com/plimsoll/plimsoll/testbase/source"
	"github.com/plimsoll/plimsoll/testbase/wheel"
)

// Key is the hash of everything that the index is made from. The version in it
// stands for the code that makes wheels.
func Key() string {
	return recipe.Key("index 5", recipe.PythonSource, recipe.Script("fetch"), recipe.PythonPackages, recipe.PureFallback,
		fmt.Sprint(recipe.Part, recipe.Joined, recipe.Linking),
		recipe.Suite, recipe.Mirror, recipe.Epoch.String(), sdist.Sources)
}

// Ensure returns the index and makes it first where it is missing.
func Ensure(ctx context.Context, store *cache.Store) (*Index, error) {
	dir, err := store.Ensure(ctx, "index", Key(), func(ctx context.Context, dir string) error {
		return build(ctx, store, dir)
	})
	if err != nil {
		return nil, err
	}
	return load(dir)
}

// deb is a downloaded Debian package.
type deb struct{ path, name, depends string }

func build(ctx context.Context, store *cache.Store, dir string) error {
	debs := filepath.Join(dir, "debs")
	defer os.RemoveAll(debs)
	files := filepath.Join(dir, "files")
	for _, d := range []string{debs, files} {
		if err := os.Mkdir(d, 0o755); err != nil {
			return err
		}
	}
	packages, err := fetch(ctx, debs)
	if err != nil {
		return err
	}
	ready, err := bundledWheels(ctx, store, files)
	if err != nil {
		return err
	}
	if err := writeWheels(ctx, packages, files, ready); err != nil {
		return err
	}
	if err := writeSource(files); err != nil {
		return err
	}
	index, err := scan(files)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(index, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "index.json"), append(text, '\n'), 0o644)
}

func fetch(ctx context.Context, dir string) ([]deb, error) {
	args := append([]string{"-euc", recipe.Script("fetch"), "fetch", dir, recipe.Suite, recipe.Mirror}, recipe.PythonPackages...)
	cmd := exec.CommandContext(ctx, "/bin/sh", args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("downloading Debian packages: %w: %s", err, bytes.TrimSpace(stderr.Bytes()))
	}
	var debs []deb
	for line := range strings.Lines(string(out)) {
		fields := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if len(fields) != 3 {
			return nil, fmt.Errorf("downloading Debian packages: unexpected line %q", line)
		}
		debs = append(debs, deb{filepath.Join(dir, fields[0]), fields[1], fields[2]})
	}
	return debs, nil
}

// bundledWheels takes pip and setuptools out of CPython's own release:
// Debian's setuptools works with Debian's Python alone.
func bundledWheels(ctx context.Context, store *cache.Store, files string) (versions map[string]string, err error) {
	archive, err := source.Ensure(ctx, store, recipe.PythonSource)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(archive)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	zip, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", archive, err)
	}
	versions = map[string]string{}
	return versions, wheel.Unpack(zip, files, versions)
}

// writeWheels writes the wheels of all packages: ready-made ones, whose
// versions it adds to ready, as they are.
func writeWheels(ctx context.Context, packages []deb, files string, ready map[string]string) error {
	var dists []*wheel.Distribution
	for _, pkg := range packages {
		if recipe.Joined[pkg.name] != "" {
			continue
		}
		if strings.HasSuffix(pkg.name, "-whl") {
			if err := open(ctx, pkg, func(r io.Reader) error { return wheel.Unpack(r, files, ready) }); err != nil {
				return err
			}
			continue
		}
		d, err := distribution(ctx, pkg, packages)
		if err != nil {
			return err
		}
		dists = append(dists, d)
	}
	if err := wheel.Resolve(dists, ready); err != nil {
		return err
	}
	for _, d := range dists {
		if err := finish(d, files); err != nil {
			return err
		}
		if err := create(filepath.Join(files, d.Filename()), func(w io.Writer) error { return d.WriteWheel(w, recipe.Epoch) }); err != nil {
			return err
		}
	}
	return nil
}

// distribution reads the distribution that a package holds, with what others add to it.
func distribution(ctx context.Context, pkg deb, packages []deb) (d *wheel.Distribution, err error) {
	err = open(ctx, pkg, func(r io.Reader) error {
		d, err = wheel.ReadDistribution(pkg.name, pkg.depends, recipe.Part[pkg.name], r)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, other := range packages {
		if recipe.Joined[other.name] != pkg.name {
			continue
		}
		if err := open(ctx, other, func(r io.Reader) error { return d.Join(other.name, r) }); err != nil {
			return nil, err
		}
	}
	if recipe.Linking[pkg.name] {
		return d, nil
	}
	return d, d.CheckLinks(recipe.PureFallback[pkg.name])
}

// finish undoes what Debian changed in a distribution: its virtualenv takes
// pip and setuptools from a package of Debian, the original brings them along.
func finish(d *wheel.Distribution, files string) error {
	if d.Name != "virtualenv" {
		return nil
	}
	const embed = "virtualenv/seed/wheels/embed/"
	if err := d.Replace(embed+"__init__.py", "Path('/usr/share/python-wheels')", "Path(__file__).parent / 'wheels'"); err != nil {
		return err
	}
	for _, pattern := range []string{"pip-*.whl", "setuptools-*.whl", "wheel-*.whl"} {
		found, err := filepath.Glob(filepath.Join(files, pattern))
		if err != nil || len(found) != 1 {
			return fmt.Errorf("%d wheels are %s, expected one: %w", len(found), pattern, err)
		}
		data, err := os.ReadFile(found[0])
		if err != nil {
			return err
		}
		d.Add(embed+"wheels/"+filepath.Base(found[0]), data)
	}
	return nil
}

// open hands the files of a Debian package, as a tar, to read.
func open(ctx context.Context, pkg deb, read func(io.Reader) error) error {
	cmd := exec.CommandContext(ctx, "dpkg-deb", "--fsys-tarfile", pkg.path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("unpacking %s: %w", pkg.name, err)
	}
	err = read(out)
	_, drained := io.Copy(io.Discard, out)
	return errors.Join(err, drained, cmd.Wait())
}

func writeSource(files string) error {
	return create(filepath.Join(files, sdist.Filename), func(w io.Writer) error { return sdist.Write(w, recipe.Epoch) })
}

func create(name string, write func(io.Writer) error) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := write(f); err != nil {
		return err
	}
	return f.Close()
}
