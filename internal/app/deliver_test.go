package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/plimsoll/plimsoll/internal/engine"
	"github.com/plimsoll/plimsoll/internal/image"
	"github.com/plimsoll/plimsoll/internal/inspect"
	"github.com/plimsoll/plimsoll/internal/observe"
	"github.com/plimsoll/plimsoll/internal/report"
)

func TestWhatIsDelivered(t *testing.T) {
	before, after := &side{}, &side{}
	for _, c := range []struct {
		verdict     report.Verdict
		partly, any bool
		want        *side
		note        string
	}{
		{report.Proven, false, false, after, ""},
		{report.PartlyProven, false, false, nil, "--allow-partial"},
		{report.PartlyProven, true, false, after, ""},
		{report.PartlyProven, false, true, after, ""},
		{report.Failed, true, false, nil, "nothing is proven"},
		{report.Failed, false, true, before, "as it is"},
		{report.Unchanged, true, false, nil, "--put-out-any"},
		{report.Unchanged, false, true, before, "as it is"},
	} {
		p := &proof{report: &report.Report{Verdict: c.verdict}, before: before, after: after}
		p.opts.Delivery = Delivery{Partly: c.partly, Any: c.any}
		got, err := p.deliverable()
		if err != nil || got != c.want {
			t.Errorf("%+v: %p, %v", c, got, err)
		}
		if notes := strings.Join(p.report.Notes, " "); !strings.Contains(notes, c.note) || (c.note == "") != (notes == "") {
			t.Errorf("%+v: noted %q", c, notes)
		}
	}
}

// handing is an engine that hands one image over, attested or not, or fails.
type handing struct {
	engine.Engine
	t      *testing.T
	fail   error
	asked  []string
	digest string
}

func (h *handing) Info() engine.Info { return engine.Info{Name: "made-up", Platform: "linux/amd64"} }

func (h *handing) Build(_ context.Context, req engine.BuildRequest, _ func(engine.Event)) (*engine.BuildResult, error) {
	h.asked = req.Attest
	if h.fail != nil {
		return nil, h.fail
	}
	img, err := random.Image(1000, 2)
	if err != nil {
		return nil, err
	}
	at, err := name.ParseReference(req.Push)
	if err == nil {
		err = remote.Write(at, img)
	}
	if err != nil {
		return nil, err
	}
	digest, err := img.Digest()
	h.digest = digest.String()
	return &engine.BuildResult{Config: []byte(`{}`), Digest: h.digest}, err
}

// proven is a proof that is over, on an engine that hands an image over.
func proven(t *testing.T, to Delivery) (*proof, *handing) {
	t.Helper()
	registry, err := image.StartRegistry(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = registry.Close() })
	e := &handing{t: t}
	p := &proof{report: &report.Report{Verdict: report.Proven}, registry: registry, engine: e}
	p.after = &side{version: observe.Version{Build: engine.BuildRequest{Name: "after"}}}
	p.opts.Delivery = to
	return p, e
}

func TestDelivery(t *testing.T) {
	outlet, err := image.StartRegistry(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer outlet.Close()
	var loaded int64
	layout := filepath.Join(t.TempDir(), "layout")
	p, e := proven(t, Delivery{Output: layout, Push: outlet.Addr() + "/shop:1", Load: "shop:proven", Loader: func(_ context.Context, archive io.Reader) (string, error) {
		loaded, err = io.Copy(io.Discard, archive)
		return "an engine", err
	}})
	if err := p.deliver(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("[{layout %s %s []} {push %s/shop:1 %s []} {load shop:proven in an engine  []}]", layout, e.digest, outlet.Addr(), e.digest)
	if got := fmt.Sprint(p.report.Delivered); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if there, err := image.Fetch(t.Context(), outlet.Addr()+"/shop:1", image.Options{}); err != nil || there.Digest != e.digest {
		t.Errorf("in the registry: %+v, %v", there, err)
	}
	if loaded == 0 || fmt.Sprint(e.asked) != "[provenance]" {
		t.Errorf("%d bytes loaded, asked to attest %v", loaded, e.asked)
	}
	// The engine attested nothing, and nobody had insisted.
	if notes := strings.Join(p.report.Notes, " "); !strings.Contains(notes, "without attestations: the made-up engine attests no provenance") {
		t.Errorf("noted %q", notes)
	}
}

func TestDeliveriesThatFail(t *testing.T) {
	for what, c := range map[string]struct {
		to     Delivery
		change func(*proof, *handing)
		want   string
	}{
		"attestations that were asked for": {Delivery{Attest: []string{"provenance", "sbom"}}, nil, "attests no provenance and no sbom"},
		"the scanner can't be had": {Delivery{Attest: []string{"sbom"}}, func(_ *proof, e *handing) {
			e.fail = errors.New("failed to resolve docker.io/docker/buildkit-syft-scanner:stable-1: no such host")
		}, "no SBOM can be made"},
		"another image than was measured": {Delivery{}, func(p *proof, _ *handing) {
			p.after.looked = &inspect.Report{Digest: "sha256:other", Layers: []inspect.Layer{{DiffID: "sha256:0"}}}
		}, "other layers"},
		"the engine stops reading": {Delivery{Load: "shop:proven", Loader: func(_ context.Context, archive io.Reader) (string, error) {
			_, err := archive.Read(make([]byte, 10))
			return "", errors.Join(err, errors.New("no space left on device"))
		}}, nil, "no space left on device"},
		"the registry is gone": {Delivery{Push: "127.0.0.1:1/shop:1"}, nil, "127.0.0.1:1"},
	} {
		to := c.to
		if to.Push == "" && to.Load == "" {
			to.Output = filepath.Join(t.TempDir(), "image.tar")
		}
		p, e := proven(t, to)
		if c.change != nil {
			c.change(p, e)
		}
		err := p.deliver(t.Context())
		var failure *report.Failure
		if !errors.As(err, &failure) || !strings.Contains(failure.Message, c.want) {
			t.Errorf("%s: %v, want %q", what, err, c.want)
		}
		if len(p.report.Delivered) > 0 {
			t.Errorf("%s: said to be put out: %+v", what, p.report.Delivered)
		}
		if _, err := os.Stat(to.Output); to.Output != "" && err == nil {
			t.Errorf("%s: %s is there", what, to.Output)
		}
	}
}

func TestAnOutputThatCantBeIsRefusedFirst(t *testing.T) {
	_, err := Prove(t.Context(), ProveOptions{Path: t.TempDir(), Delivery: Delivery{Output: filepath.Join(t.TempDir(), "none", "image.tar")}})
	if err == nil || !strings.Contains(err.Error(), "--output") {
		t.Errorf("got %v", err)
	}
}
