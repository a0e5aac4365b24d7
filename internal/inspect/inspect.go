package inspect

import (
	"cmp"
	"context"
	"fmt"
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
	// Watch, if there is one, is shown the layers while they are read.
	Watch *Watch
	// Now is the time that the image's age is counted to; zero means time.Now.
	Now time.Time
}

// Image inspects the image at a place, which image.Walk describes.
func Image(ctx context.Context, place string, opts Options) (*Report, error) {
	start := time.Now()
	c := collector{known: map[string]record{}, watch: opts.Watch}
	if c.watch == nil {
		c.watch = &Watch{blind: true}
	}
	c.store.dir = opts.CacheDir
	var seen *secret.Seen
	if opts.Secrets {
		c.store.rules, seen = secret.RulesVersion(), secret.NewSeen()
	}
	contents, err := image.Walk(ctx, place, opts.Image, image.Reader{
		Known:     c.isKnown,
		Described: c.watch.describe,
		Start: func(layer image.Layer) image.LayerVisitor {
			return newRecorder(searchWith(seen), &c.budget, c.watch.start(layer), c.done)
		},
	})
	if err != nil {
		return nil, err
	}
	records := make([]record, len(contents.Layers))
	for i, l := range contents.Layers {
		records[i] = c.known[l.DiffID]
		if c.cached[l.DiffID] {
			if err := c.budget.record(records[i]); err != nil {
				return nil, fmt.Errorf("reading %s: %w", contents.Reference, err)
			}
		}
		if l.Uncompressed == 0 { // was not read again
			contents.Layers[i].Uncompressed = records[i].layer.Uncompressed
		}
	}
	c.known = nil
	r, err := c.report(contents, records)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", contents.Reference, err)
	}
	for i := range r.Layers {
		r.Layers[i].Cached = c.cached[r.Layers[i].DiffID]
	}
	r.SecretsSearched = opts.Secrets
	now := opts.Now
	if now.IsZero() {
		now = time.Now()
	}
	r.judgeAge(now)
	r.Seconds = time.Since(start).Seconds()
	return r, nil
}

// report is that of an earlier run on the same image, or is made.
func (c *collector) report(contents *image.Contents, records []record) (*Report, error) {
	if r, ok := c.store.loadReport(contents); ok {
		r.records = records
		return r, nil
	}
	r, err := merge(contents, records)
	if err != nil {
		return nil, err
	}
	r.judge(contents.Config, records)
	c.store.saveReport(contents, r)
	return r, nil
}

// collector takes the records of layers, from disk or just made.
type collector struct {
	store  recordStore
	budget budget
	watch  *Watch
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
		c.watch.done(r)
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
	c.watch.done(r)
	c.store.save(r)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known[r.layer.DiffID] = r
}

// merge puts the layers on top of each other and counts.
func merge(contents *image.Contents, records []record) (*Report, error) {
	t := newTree(len(records))
	layers := make([]Layer, len(records))
	for i := range records {
		layers[i] = layerOf(contents.Layers[i], records[i].entries)
		if err := t.applyRecord(i, records); err != nil {
			return nil, err
		}
	}
	r := &Report{
		Reference: contents.Reference, Digest: contents.Digest,
		OS: contents.Config.OS, Architecture: contents.Config.Architecture,
		Created: contents.Config.Created, Labels: maskedLabels(contents.Config.Labels),
		Config: configOf(contents.Config), LayerBytes: t.layers, FlatBytes: t.flat, tree: t,
	}
	for i, layer := range layers {
		layer.Added, layer.Changed, layer.Deleted, layer.Dangling = t.stats[i].added, t.stats[i].changed, t.stats[i].deleted, t.stats[i].dangling
		layer.WastedBytes = t.lost[i]
		r.TransferBytes += layer.TransferBytes
		r.ArchiveBytes += layer.ArchiveBytes
		r.Layers = append(r.Layers, layer)
	}
	var waste sync.WaitGroup
	waste.Go(func() { r.Waste = t.waste() }) // what is lost is no longer in the tree
	r.Classes, r.Files = t.classes()
	waste.Wait()
	r.Packages = t.installed(records)
	r.Secrets = t.secrets(contents, records)
	return r, nil
}

// applyRecord puts the entries of a record on top, and forgets them: the tree has it all.
func (t *tree) applyRecord(i int, records []record) error {
	top := records[i].entries
	records[i].entries = entries{}
	if err := t.apply(i, top); err != nil {
		return fmt.Errorf("layer %d of %d: %w", i+1, len(records), err)
	}
	return nil
}

// files is the final tree. A report of an earlier run has none until it is asked for.
func (r *Report) files() *tree {
	if r.tree == nil {
		r.tree = newTree(len(r.records))
		for i := range r.records {
			if r.tree.applyRecord(i, r.records) != nil {
				break // the earlier run would have ended with that error
			}
		}
		r.records = nil
	}
	return r.tree
}

func layerOf(l image.Layer, all entries) Layer {
	layer := Layer{
		Digest: l.Digest, DiffID: l.DiffID, Instruction: masked(l.CreatedBy), TransferBytes: l.Size,
		ArchiveBytes: l.Uncompressed, Entries: all.n,
	}
	for e := range all.all() {
		if e.path != "" && !isWhiteout(e.path) { // a file in the root's place is not unpacked
			layer.FileBytes += e.size
		}
	}
	return layer
}

func (t *tree) waste() Waste {
	w := Waste{ByCause: map[Cause]int64{}}
	w.Items = make([]Wasted, 0, len(t.wasted))
	for why, l := range t.wasted {
		item := Wasted{Path: why.path, Cause: why.cause, By: int(why.by), Files: l.files}
		most := int64(-1)
		for _, in := range l.byLayer {
			item.Bytes += in.bytes
			if in.bytes > most || in.bytes == most && int(in.layer) < item.In {
				most, item.In = in.bytes, int(in.layer)
			}
		}
		w.Bytes += item.Bytes
		w.ByCause[item.Cause] += item.Bytes
		w.Items = append(w.Items, item)
	}
	t.wasted = nil
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
