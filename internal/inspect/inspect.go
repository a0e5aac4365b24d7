package inspect

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/plimsoll/plimsoll/internal/image"
	"github.com/plimsoll/plimsoll/internal/secret"
)

// Options say how an image is inspected.
type Options struct {
	// Image says how registries are reached.
	Image image.Options
	// CacheDir keeps what is known of layers; "" keeps nothing.
	CacheDir string
	// Secrets searches the layers for credentials. Config and history are always searched.
	Secrets bool
	// Now is the time that the image's age is counted to; zero means time.Now.
	Now time.Time
}

// Image inspects the image at a place, which image.Walk describes.
func Image(ctx context.Context, place string, opts Options) (*Report, error) {
	start := time.Now()
	c := collector{known: map[string]record{}}
	c.store.dir = opts.CacheDir
	var seen *secret.Seen
	if opts.Secrets {
		c.store.rules, seen = secret.RulesVersion(), secret.NewSeen()
	}
	contents, err := image.Walk(ctx, place, opts.Image, image.Reader{
		Known: c.isKnown,
		Start: func() image.LayerVisitor { return newRecorder(searchWith(seen), c.done) },
	})
	if err != nil {
		return nil, err
	}
	records := make([]record, len(contents.Layers))
	for i, l := range contents.Layers {
		records[i] = c.known[l.DiffID]
		if l.Uncompressed == 0 { // was not read again
			contents.Layers[i].Uncompressed = records[i].layer.Uncompressed
		}
	}
	r := merge(contents, records)
	for i := range r.Layers {
		r.Layers[i].Cached = c.cached[r.Layers[i].DiffID]
	}
	r.SecretsSearched = opts.Secrets
	now := opts.Now
	if now.IsZero() {
		now = time.Now()
	}
	r.judge(contents, records, now)
	r.Seconds = time.Since(start).Seconds()
	return r, nil
}

// collector takes the records of layers, from disk or just made.
type collector struct {
	store  recordStore
	mu     sync.Mutex
	known  map[string]record
	cached map[string]bool
}

func (c *collector) isKnown(diffID string) bool {
	c.mu.Lock()
	_, ok := c.known[diffID]
	c.mu.Unlock()
	if ok {
		return true
	}
	r, ok := c.store.load(diffID)
	if ok {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.known[diffID] = r
		if c.cached == nil {
			c.cached = map[string]bool{}
		}
		c.cached[diffID] = true
	}
	return ok
}

func (c *collector) done(r record) {
	c.store.save(r)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known[r.layer.DiffID] = r
}

// merge puts the layers on top of each other and counts.
func merge(contents *image.Contents, records []record) *Report {
	t := newTree(len(records))
	for i, r := range records {
		t.apply(i, r.entries)
	}
	r := &Report{
		Reference: contents.Reference, Digest: contents.Digest,
		OS: contents.Config.OS, Architecture: contents.Config.Architecture,
		Created: contents.Config.Created, Labels: contents.Config.Labels,
		Config: configOf(contents.Config), LayerBytes: t.layers, FlatBytes: t.flat, tree: t,
	}
	for i, l := range contents.Layers {
		layer := Layer{
			Digest: l.Digest, DiffID: l.DiffID, Instruction: masked(l.CreatedBy), TransferBytes: l.Size,
			ArchiveBytes: l.Uncompressed, Entries: len(records[i].entries), WastedBytes: t.lost[i],
			Added: t.stats[i].added, Changed: t.stats[i].changed, Deleted: t.stats[i].deleted, Dangling: t.stats[i].dangling,
		}
		for _, e := range records[i].entries {
			if !isWhiteout(e.path) {
				layer.FileBytes += e.size
			}
		}
		r.TransferBytes += layer.TransferBytes
		r.ArchiveBytes += layer.ArchiveBytes
		r.Layers = append(r.Layers, layer)
	}
	r.Waste = t.waste()
	r.Classes, r.Files = t.classes()
	r.Packages = t.installed(records)
	r.Secrets = t.secrets(contents, records)
	return r
}

func (t *tree) waste() Waste {
	w := Waste{ByCause: map[Cause]int64{}}
	for why, item := range t.wasted {
		most := int64(-1)
		for layer, bytes := range t.inLayer[why] {
			if bytes > most || bytes == most && int(layer) < item.In {
				most, item.In = bytes, int(layer)
			}
		}
		w.Bytes += item.Bytes
		w.ByCause[item.Cause] += item.Bytes
		w.Items = append(w.Items, *item)
	}
	slices.SortFunc(w.Items, func(a, b Wasted) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Path, b.Path), cmp.Compare(a.By, b.By), cmp.Compare(a.Cause, b.Cause))
	})
	return w
}

func configOf(c image.Config) Config {
	out := Config{
		User: c.User, WorkingDir: c.WorkingDir, ExposedPorts: c.ExposedPorts, StopSignal: c.StopSignal,
		Healthcheck: maskedAll(c.Healthcheck), Entrypoint: maskedAll(c.Entrypoint), Cmd: maskedAll(c.Cmd),
	}
	for _, variable := range c.Env {
		out.Env = append(out.Env, maskedVariable(variable))
	}
	return out
}
