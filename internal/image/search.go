package image

import (
	"archive/tar"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Where in an image a value was found.
const (
	InLayer   = "layer"
	InConfig  = "config"
	InHistory = "history"
)

// Place is where a value is in an image.
type Place struct {
	Where string // InLayer, InConfig or InHistory
	Layer string // digest of the layer
	// Path is the file in the layer, or the field: "config.Env[API_KEY]",
	// "history[4].created_by".
	Path string
	// Part is "content", "name", "link" or "attribute". With "name", Path holds the value itself.
	Part      string
	Value     int    // index of the value
	CreatedBy string // the instruction that made the layer or the step
}

// maxPlaces bounds what is reported of one layer; a value that is found more
// often is no secret.
const maxPlaces = 10_000

// Searcher looks for the same values in several images. Layers that they
// share are read once. It may be used by several goroutines.
type Searcher struct {
	opts   Options
	finder Finder

	mu     sync.Mutex
	layers map[string]*searchedLayer
}

// searchedLayer is what is known of one layer. Its lock is held while it is
// read, so that nobody else reads it meanwhile.
type searchedLayer struct {
	mu     sync.Mutex
	done   bool
	layer  Layer
	places []Place
}

// NewSearcher returns a Searcher for what finder finds.
func NewSearcher(opts Options, finder Finder) *Searcher {
	return &Searcher{opts: opts, finder: finder, layers: map[string]*searchedLayer{}}
}

// Search reads an image as Scan does, and returns with its contents the places
// where values were found: config and history first, then the layers from the
// lowest up.
func (s *Searcher) Search(ctx context.Context, ref string) (*Contents, []Place, error) {
	src, err := open(ctx, ref, s.opts)
	if err != nil {
		return nil, nil, err
	}
	places, err := s.searchConfig(src.config)
	if err != nil {
		return nil, nil, src.explain(err)
	}
	inLayers := make([][]Place, len(src.layers))
	err = src.eachLayer(ctx, func(ctx context.Context, i int) (err error) {
		inLayers[i], err = s.searchLayer(ctx, src, i)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	return src.contents(), append(places, slices.Concat(inLayers...)...), nil
}

func (s *Searcher) searchLayer(ctx context.Context, src *source, i int) ([]Place, error) {
	known := s.entry(src.layers[i].Digest)
	known.mu.Lock()
	defer known.mu.Unlock()
	createdBy := src.layers[i].CreatedBy
	if !known.done {
		var places []Place
		err := src.readLayer(ctx, i, func(layer Layer, header *tar.Header, content io.Reader) error {
			found, err := s.searchEntry(layer, header, content)
			places = append(places, found[:min(len(found), maxPlaces-len(places))]...)
			return err
		})
		if err != nil {
			return nil, err
		}
		known.layer, known.places, known.done = src.layers[i], places, true
	}
	src.layers[i] = known.layer
	src.layers[i].CreatedBy = createdBy // the same layer may be described otherwise in another image
	places := slices.Clone(known.places)
	for j := range places {
		places[j].CreatedBy = createdBy
	}
	return places, nil
}

func (s *Searcher) entry(digest string) *searchedLayer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.layers[digest] == nil {
		s.layers[digest] = &searchedLayer{}
	}
	return s.layers[digest]
}

// searchEntry looks at a file's content and at all that its header says.
func (s *Searcher) searchEntry(layer Layer, header *tar.Header, content io.Reader) (places []Place, err error) {
	for _, part := range []struct {
		name string
		r    io.Reader
	}{
		{"content", content},
		{"name", strings.NewReader(header.Name)},
		{"link", strings.NewReader(header.Linkname)},
		{"attribute", attributes(header)},
	} {
		if r, ok := part.r.(*strings.Reader); ok && r.Len() == 0 || part.name == "content" && header.Size == 0 {
			continue
		}
		found, err := s.finder.Find(part.r)
		if err != nil {
			return nil, err
		}
		for _, value := range found {
			places = append(places, Place{Where: InLayer, Layer: layer.Digest, Path: header.Name, Part: part.name, Value: value})
		}
	}
	return places, nil
}

// attributes are the extended attributes and the names of owner and group.
func attributes(header *tar.Header) *strings.Reader {
	if len(header.PAXRecords) == 0 && header.Uname == "" && header.Gname == "" {
		return strings.NewReader("")
	}
	var b strings.Builder
	b.WriteString(header.Uname + "\n" + header.Gname + "\n")
	for _, key := range slices.Sorted(maps.Keys(header.PAXRecords)) {
		if key != "path" && key != "linkpath" { // looked at already
			b.WriteString(key + "=" + header.PAXRecords[key] + "\n")
		}
	}
	return strings.NewReader(b.String())
}

// searchConfig looks at each string of the config by itself: in the JSON text a
// value could hide behind escapes.
func (s *Searcher) searchConfig(c Config) ([]Place, error) {
	decoder := json.NewDecoder(bytes.NewReader(c.Raw))
	decoder.UseNumber()
	var document any
	if err := decoder.Decode(&document); err != nil {
		return nil, fmt.Errorf("image config: %w", err)
	}
	var places []Place
	err := eachString("", document, func(path, text string) error {
		found, err := s.finder.Find(strings.NewReader(text))
		for _, value := range found {
			places = append(places, c.place(path, value))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(places, func(a, b Place) int {
		return cmp.Or(strings.Compare(a.Where, b.Where), a.Value-b.Value)
	})
	return slices.Compact(places), nil
}

func (c Config) place(path string, value int) Place {
	p := Place{Where: InConfig, Path: path, Part: "content", Value: value}
	var step int
	if n, _ := fmt.Sscanf(path, "history[%d]", &step); n == 1 {
		p.Where = InHistory
		if step < len(c.History) {
			p.CreatedBy = c.History[step].CreatedBy
		}
	}
	return p
}

// eachString calls visit for every key and value of a JSON document, in a
// fixed order. An entry of Env has its variable's name for an index.
func eachString(path string, value any, visit func(path, text string) error) error {
	switch v := value.(type) {
	case string:
		return visit(path, v)
	case json.Number:
		return visit(path, v.String())
	case []any:
		for i, item := range v {
			if err := eachString(path+"["+index(path, i, item)+"]", item, visit); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if err := visit(strings.TrimPrefix(path+" key", " "), key); err != nil {
				return err
			}
			if err := eachString(strings.TrimPrefix(path+"."+key, "."), v[key], visit); err != nil {
				return err
			}
		}
	}
	return nil
}

func index(path string, i int, item any) string {
	if text, ok := item.(string); ok && strings.HasSuffix(path, ".Env") {
		if name, _, found := strings.Cut(text, "="); found {
			return name
		}
	}
	return fmt.Sprint(i)
}
