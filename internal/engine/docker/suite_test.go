package docker

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	docker "github.com/moby/moby/client"
	"github.com/plimsoll/plimsoll/internal/engine"
	"github.com/plimsoll/plimsoll/internal/engine/enginetest"
	"github.com/plimsoll/plimsoll/internal/image"
	"github.com/plimsoll/plimsoll/testbase/cache"
	"github.com/plimsoll/plimsoll/testbase/engines"
)

// daemon starts a Docker Engine that ends with the test.
func daemon(t *testing.T, programs string, err error, args ...string) *engines.Daemon {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	d, err := engines.StartDocker(t.Context(), programs, engines.Setup{Args: args})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the daemon's log:\n%s", d.Log())
		}
		if err := d.Close(); err != nil {
			t.Errorf("ending the daemon: %v", err)
		}
	})
	return d
}

func openEngine(t *testing.T, address string, o enginetest.Options) engine.Engine {
	t.Helper()
	e := connected(t, address, o)
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("closing the engine: %v", err)
		}
	})
	return e
}

func connected(t *testing.T, address string, o enginetest.Options) engine.Engine {
	t.Helper()
	endpoint, err := Resolve(func(name string) string { return map[string]string{hostVariable: address}[name] })
	if err != nil {
		t.Fatal(err)
	}
	e, err := New(t.Context(), Options{Endpoint: endpoint, Helper: o.Helper, Mirrors: o.Mirrors, Limits: o.Limits, Network: "host"})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func suite(t *testing.T, d *engines.Daemon, repeatable bool) {
	enginetest.Run(t, enginetest.Target{
		Open:       func(t *testing.T, o enginetest.Options) engine.Engine { return openEngine(t, d.Address, o) },
		Left:       func(t *testing.T) []string { return d.Containers() },
		Repeatable: repeatable,
	})
	t.Run("Load", func(t *testing.T) { loads(t, d.Address) })
	if left := images(t, d.Address); len(left) > 0 {
		t.Errorf("the daemon was left with the images %v", left)
	}
}

// loads puts an image of a registry into the daemon's store, as prove --load does.
func loads(t *testing.T, address string) {
	registry, err := image.StartRegistry(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer registry.Close()
	made, err1 := random.Image(10_000, 2)
	made, err2 := mutate.ConfigFile(made, configFor(t, made))
	at, err3 := name.ParseReference(registry.Addr() + "/shop:1")
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(at, made); err != nil {
		t.Fatal(err)
	}
	parcel, err := image.Fetch(t.Context(), at.Name(), image.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var archive bytes.Buffer
	if err := parcel.WriteDocker(&archive, "shop:proven"); err != nil {
		t.Fatal(err)
	}
	endpoint := &Endpoint{Endpoint: endpointAt(address)}
	if where, err := Load(t.Context(), endpoint, &archive); err != nil || !strings.Contains(where, address) {
		t.Fatalf("%q, %v", where, err)
	}
	if got := images(t, address); fmt.Sprint(got) != "[shop:proven]" {
		t.Errorf("the daemon has the images %v", got)
	}
	readBack(t, address, "shop:proven", made)
	api, err := docker.New(docker.WithHost(address))
	if err != nil {
		t.Fatal(err)
	}
	defer api.Close()
	if _, err := api.ImageRemove(t.Context(), "shop:proven", docker.ImageRemoveOptions{PruneChildren: true}); err != nil {
		t.Error(err)
	}
}

// readBack reads an image as plimsoll inspect does, out of the daemon: it has the layers that went in.
func readBack(t *testing.T, address, name string, want v1.Image) {
	t.Helper()
	t.Setenv("DOCKER_HOST", address)
	visited := 0
	got, err := image.Walk(t.Context(), "docker:"+name, image.Options{}, image.Reader{
		Start: func(image.Layer) image.LayerVisitor { return counting{&visited} },
	})
	if err != nil {
		t.Fatal(err)
	}
	config, err := want.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	for i, layer := range got.Layers {
		if i >= len(config.RootFS.DiffIDs) || layer.DiffID != config.RootFS.DiffIDs[i].String() {
			t.Errorf("layer %d is %s, the image has %v", i+1, layer.DiffID, config.RootFS.DiffIDs)
		}
	}
	if len(got.Layers) != len(config.RootFS.DiffIDs) || visited == 0 {
		t.Errorf("%d layers with %d entries, want %d layers", len(got.Layers), visited, len(config.RootFS.DiffIDs))
	}
}

// counting counts entries. Engines are read from start to end, by one goroutine.
type counting struct{ n *int }

func (c counting) Entry(*tar.Header, io.Reader) error { *c.n++; return nil }
func (counting) Done(image.Layer)                     {}

// configFor is the config of an image, for a platform that daemons take.
func configFor(t *testing.T, img v1.Image) *v1.ConfigFile {
	t.Helper()
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config.OS, config.Architecture = "linux", "amd64"
	return config
}

// leave puts images into a daemon's store, as a plimsoll that was killed does, and others.
func leave(t *testing.T, address string, names ...string) {
	t.Helper()
	api, err := docker.New(docker.WithHost(address))
	if err != nil {
		t.Fatal(err)
	}
	defer api.Close()
	for _, name := range names {
		var layer bytes.Buffer
		if err := tar.NewWriter(&layer).Close(); err != nil {
			t.Fatal(err)
		}
		answer, err := api.ImageImport(t.Context(), docker.ImageImportSource{Source: &layer, SourceName: "-"}, name, docker.ImageImportOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, answer); err != nil {
			t.Fatal(err)
		}
		answer.Close()
	}
	if left := images(t, address); len(left) != len(names) {
		t.Fatalf("the daemon has %v", left)
	}
}

// TestSweep opens an old Engine in whose store a plimsoll that was killed left its images, and others have theirs.
func TestSweep(t *testing.T) {
	enginetest.Need(t)
	bin, err := engines.DebianDocker(t.Context(), programs(t))
	d := daemon(t, bin, err)
	registry, err := image.StartRegistry(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer registry.Close()
	own, other := pidNamespace(), "1" // none has that number
	goesOn := []string{registry.Addr() + "/plimsoll/after:proof", "mine:1",
		fmt.Sprintf("plimsoll/archive:%s-4194305-x", other), fmt.Sprintf("plimsoll/archive:%s-%d-x", own, os.Getpid())}
	leave(t, d.Address, append([]string{"127.0.0.1:1/plimsoll/before:proof", fmt.Sprintf("plimsoll/archive:%s-4194305-x", own)}, goesOn...)...)
	openEngine(t, d.Address, enginetest.Options{Helper: os.Args[0]})
	if left := images(t, d.Address); !slices.Equal(left, goesOn) {
		t.Errorf("the daemon has the images %v, want %v", left, goesOn)
	}
}

// images are the names of all images that a daemon has.
func images(t *testing.T, address string) (names []string) {
	t.Helper()
	api, err := docker.New(docker.WithHost(address))
	if err != nil {
		t.Fatal(err)
	}
	defer api.Close()
	all, err := api.ImageList(t.Context(), docker.ImageListOptions{All: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range all.Items {
		names = append(names, i.RepoTags...)
	}
	slices.Sort(names)
	return names
}

// TestOldSuite runs on Debian 12's Docker Engine, the oldest that is supported: its BuildKit can neither push nor write
// archives, and knows no signals.
func TestOldSuite(t *testing.T) {
	enginetest.Need(t)
	store := programs(t)
	bin, err := engines.DebianDocker(t.Context(), store)
	suite(t, daemon(t, bin, err), false)
}

// TestKilled kills the old Engine, whose BuildKit says least about what becomes of its work.
func TestKilled(t *testing.T) {
	enginetest.Need(t)
	bin, err := engines.DebianDocker(t.Context(), programs(t))
	d := daemon(t, bin, err)
	enginetest.Killed(t, func(t *testing.T, o enginetest.Options) engine.Engine {
		return connected(t, d.Address, o)
	}, d.Kill)
}

// TestTodaysSuite runs on the newest Docker Engine, which keeps its images in containerd.
func TestTodaysSuite(t *testing.T) {
	enginetest.Need(t)
	store := programs(t)
	bin, err := engines.Docker(t.Context(), store)
	suite(t, daemon(t, bin, err), true)
}

func programs(t *testing.T) *cache.Store {
	t.Helper()
	store, err := engines.Default()
	if err != nil {
		t.Fatal(err)
	}
	return store
}
