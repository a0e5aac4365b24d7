package jsonreport

import (
	"io"
	"time"

	"github.com/plimsoll/plimsoll/internal/inspect"
)

// The schemas of inspect and compare.
const (
	InspectSchema = "plimsoll.inspect/1"
	CompareSchema = "plimsoll.compare/1"
)

type imageDoc struct {
	Schema        string            `json:"schema"`
	Tool          tool              `json:"tool"`
	Image         string            `json:"image"`
	Digest        string            `json:"digest"`
	Platform      string            `json:"platform"`
	Created       string            `json:"created,omitempty"`
	Labels        map[string]string `json:"labels"`
	Config        configDoc         `json:"config"`
	TransferBytes int64             `json:"transfer_bytes"`
	ImageBytes    int64             `json:"image_bytes"`
	LayerBytes    int64             `json:"layer_file_bytes"`
	FlatBytes     int64             `json:"flat_bytes"`
	Reclaimable   int64             `json:"reclaimable_bytes"`
	Files         int               `json:"files"`
	Layers        []layerDoc        `json:"layers"`
	Waste         wasteDoc          `json:"waste"`
	Classes       []classDoc        `json:"classes"`
	Packages      []packageDoc      `json:"packages"`
	Searched      bool              `json:"layers_searched_for_secrets"`
	Secrets       []secretDoc       `json:"secrets"`
	Points        []pointDoc        `json:"points"`
	Exceeded      []string          `json:"exceeded"`
	Seconds       float64           `json:"seconds"`
}

type configDoc struct {
	User         string   `json:"user"`
	Env          []string `json:"env"`
	Entrypoint   []string `json:"entrypoint"`
	Cmd          []string `json:"cmd"`
	WorkingDir   string   `json:"working_dir"`
	ExposedPorts []string `json:"exposed_ports"`
	StopSignal   string   `json:"stop_signal"`
	Healthcheck  []string `json:"healthcheck"`
}

type layerDoc struct {
	Digest        string `json:"digest"`
	DiffID        string `json:"diff_id"`
	Instruction   string `json:"instruction"`
	TransferBytes int64  `json:"transfer_bytes"`
	ArchiveBytes  int64  `json:"archive_bytes"`
	FileBytes     int64  `json:"file_bytes"`
	WastedBytes   int64  `json:"wasted_bytes"`
	Entries       int    `json:"entries"`
	Added         int    `json:"added"`
	Changed       int    `json:"changed"`
	Deleted       int    `json:"deleted"`
	Dangling      int    `json:"dangling_whiteouts"`
	Cached        bool   `json:"cached"`
}

type wasteDoc struct {
	Bytes   int64            `json:"bytes"`
	ByCause map[string]int64 `json:"by_cause"`
	Items   []wastedDoc      `json:"items"`
}

type wastedDoc struct {
	Path  string `json:"path"`
	Cause string `json:"cause"`
	Bytes int64  `json:"bytes"`
	Files int    `json:"files"`
	Layer int    `json:"layer"`
	By    int    `json:"by_layer"`
}

type classDoc struct {
	Name  string     `json:"name"`
	Bytes int64      `json:"bytes"`
	Files int        `json:"files"`
	Top   []sizedDoc `json:"top"`
}

type sizedDoc struct {
	Path  string `json:"path"`
	Bytes int64  `json:"bytes"`
}

type packageDoc struct {
	Ecosystem string `json:"ecosystem"`
	Name      string `json:"name"`
	Version   string `json:"version"`
	Bytes     int64  `json:"bytes"`
	Basis     string `json:"basis"`
	Source    string `json:"source"`
}

type secretDoc struct {
	Rule        string `json:"rule"`
	Certainty   string `json:"certainty"`
	Where       string `json:"where"`
	Layer       int    `json:"layer,omitempty"`
	Path        string `json:"path"`
	Line        int    `json:"line,omitempty"`
	Redacted    string `json:"redacted"`
	Hash        string `json:"hash"`
	Why         string `json:"why"`
	Instruction string `json:"instruction,omitempty"`
	Hidden      bool   `json:"hidden"`
}

type pointDoc struct {
	ID         string   `json:"id"`
	Level      string   `json:"level"`
	Message    string   `json:"message"`
	References []string `json:"references"`
	Count      int      `json:"count,omitempty"`
	Paths      []string `json:"paths"`
}

// WriteInspection writes what is known of an image, and in what it is over its budget.
func WriteInspection(w io.Writer, r *inspect.Report, version string, exceeded []string) error {
	doc := inspectionOf(r, version)
	doc.Exceeded = notNil(exceeded)
	return encode(w, doc)
}

// notNil is never null.
func notNil[T any](items []T) []T {
	if items == nil {
		return []T{}
	}
	return items
}

func inspectionOf(r *inspect.Report, version string) imageDoc {
	c := r.Config
	d := imageDoc{
		Schema: InspectSchema, Tool: tool{"plimsoll", version}, Image: r.Reference, Digest: r.Digest, Platform: r.OS + "/" + r.Architecture,
		Labels: r.Labels, TransferBytes: r.TransferBytes, ImageBytes: r.ArchiveBytes, LayerBytes: r.LayerBytes, FlatBytes: r.FlatBytes,
		Reclaimable: r.ReclaimableBytes(), Files: r.Files, Searched: r.SecretsSearched, Seconds: r.Seconds,
		Config: configDoc{c.User, notNil(c.Env), notNil(c.Entrypoint), notNil(c.Cmd), c.WorkingDir, notNil(c.ExposedPorts), c.StopSignal, notNil(c.Healthcheck)},
		Layers: []layerDoc{}, Classes: []classDoc{}, Packages: []packageDoc{}, Secrets: []secretDoc{}, Points: []pointDoc{}, Exceeded: []string{},
		Waste: wasteDoc{Bytes: r.Waste.Bytes, ByCause: map[string]int64{}, Items: []wastedDoc{}},
	}
	if d.Labels == nil {
		d.Labels = map[string]string{}
	}
	if !r.Created.IsZero() {
		d.Created = r.Created.UTC().Format(time.RFC3339)
	}
	for _, l := range r.Layers {
		d.Layers = append(d.Layers, layerDoc{l.Digest, l.DiffID, l.Instruction, l.TransferBytes, l.ArchiveBytes, l.FileBytes, l.WastedBytes, l.Entries, l.Added, l.Changed, l.Deleted, l.Dangling, l.Cached})
	}
	for _, cause := range inspect.Causes() {
		d.Waste.ByCause[string(cause)] = r.Waste.ByCause[cause]
	}
	for _, i := range r.Waste.Items {
		d.Waste.Items = append(d.Waste.Items, wastedDoc{i.Path, string(i.Cause), i.Bytes, i.Files, i.In + 1, i.By + 1})
	}
	for _, c := range r.Classes {
		d.Classes = append(d.Classes, classDoc{c.Name, c.Bytes, c.Files, sized(c.Top)})
	}
	for _, p := range r.Packages {
		basis := "observed"
		if p.Declared {
			basis = "declared"
		}
		d.Packages = append(d.Packages, packageDoc{p.Ecosystem, p.Name, p.Version, p.Bytes, basis, p.Source})
	}
	for _, s := range r.Secrets {
		d.Secrets = append(d.Secrets, secretDoc{s.Rule, s.Certainty, s.Where, s.Layer + 1, s.Path, s.Line, s.Redacted, s.Hash, s.Why, s.Instruction, s.Hidden})
	}
	for _, p := range r.Points {
		d.Points = append(d.Points, pointDoc{p.ID, string(p.Level), p.Message, notNil(p.Refs), p.Count, notNil(p.Paths)})
	}
	return d
}

func sized(all []inspect.Sized) []sizedDoc {
	out := []sizedDoc{}
	for _, s := range all {
		out = append(out, sizedDoc(s))
	}
	return out
}

type compareDoc struct {
	Schema   string          `json:"schema"`
	Tool     tool            `json:"tool"`
	A        string          `json:"a"`
	B        string          `json:"b"`
	Same     bool            `json:"same"`
	Sizes    []differenceDoc `json:"sizes"`
	Packages []differenceDoc `json:"packages"`
	Config   []changeDoc     `json:"config"`
	Added    fileSetDoc      `json:"added"`
	Removed  fileSetDoc      `json:"removed"`
	Changed  fileSetDoc      `json:"changed"`
	Exceeded []string        `json:"exceeded"`
}

type differenceDoc struct {
	Name     string `json:"name"`
	A        int64  `json:"a_bytes"`
	B        int64  `json:"b_bytes"`
	AVersion string `json:"a_version,omitempty"`
	BVersion string `json:"b_version,omitempty"`
}

type changeDoc struct {
	Field string `json:"field"`
	A     string `json:"a"`
	B     string `json:"b"`
}

type fileSetDoc struct {
	Files int        `json:"files"`
	Bytes int64      `json:"bytes"`
	Top   []sizedDoc `json:"top"`
}

// WriteComparison writes what differs between two images.
func WriteComparison(w io.Writer, c *inspect.Comparison, version string, exceeded []string) error {
	d := compareDoc{
		Schema: CompareSchema, Tool: tool{"plimsoll", version}, A: c.A.Reference, B: c.B.Reference, Same: c.Same(),
		Sizes: differences(c.Sizes), Packages: differences(c.Packages), Config: []changeDoc{}, Exceeded: notNil(exceeded),
		Added: fileSet(c.Added), Removed: fileSet(c.Removed), Changed: fileSet(c.Changed),
	}
	for _, f := range c.Config {
		d.Config = append(d.Config, changeDoc(f))
	}
	return encode(w, d)
}

func differences(all []inspect.Difference) []differenceDoc {
	out := []differenceDoc{}
	for _, d := range all {
		out = append(out, differenceDoc{d.Name, d.A, d.B, d.WasVer, d.NowVer})
	}
	return out
}

func fileSet(s inspect.FileSet) fileSetDoc { return fileSetDoc{s.Files, s.Bytes, sized(s.Top)} }
