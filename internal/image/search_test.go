package image

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

func TestFinder(t *testing.T) {
	values := [][]byte{[]byte("hunter2"), []byte(""), []byte(strings.Repeat("long", 100)), []byte("\x00\xff")}
	f := NewFinder(values)
	for _, at := range []int{0, 1, findChunk - 8, findChunk - 7, findChunk - 6, findChunk - 1, findChunk, 2*findChunk - 400, 3 * findChunk} {
		for i, v := range values {
			data := slices.Concat(bytes.Repeat([]byte{'.'}, at), v, []byte("tail"))
			var want []int
			if len(v) > 0 {
				want = []int{i}
			}
			for name, r := range map[string]io.Reader{"whole": bytes.NewReader(data), "in halves": iotest.HalfReader(bytes.NewReader(data))} {
				got, err := f.Find(r)
				if err != nil || !slices.Equal(got, want) {
					t.Errorf("value %d at %d, %s: %v, %v; want %v", i, at, name, got, err, want)
				}
			}
		}
	}
	if got, err := f.Find(strings.NewReader("hunter hunter3 lon")); err != nil || got != nil {
		t.Errorf("found what is not there: %v, %v", got, err)
	}
	if _, err := f.Find(iotest.ErrReader(io.ErrUnexpectedEOF)); err == nil {
		t.Error("a broken stream counts as searched")
	}
}

func TestFindValues(t *testing.T) {
	r := startRegistry(t)
	const secret, quoted = "s3cr3t-value", `p"ss<&>word`
	config := v1.Config{
		Env:    []string{"PATH=/bin", "API_KEY=" + secret, "QUOTED=" + quoted},
		Labels: map[string]string{"key-" + secret: "x"},
		Cmd:    []string{"run", "--token=" + secret},
	}
	img := imageOf(t, config,
		step("COPY .env", layerOf(t, archive(t,
			file{name: "app/.env", body: "KEY=" + secret + "\nOTHER=" + quoted},
			file{name: "app/fine", body: "nothing"}))),
		step("RUN rm .env", layerOf(t, archive(t,
			file{name: "app/.wh..env"},
			file{name: "tmp/" + secret + ".log", body: "x"},
			file{name: "link", kind: tar.TypeSymlink, link: "/run/" + secret}))),
		mutate.Addendum{History: v1.History{CreatedBy: "ENV API_KEY=" + secret, EmptyLayer: true}})
	places, err := FindValues(t.Context(), r.push(t, "app:1", img), [][]byte{[]byte(secret), []byte(quoted), []byte("absent")}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range places {
		got = append(got, fmt.Sprintf("%s %s %s %d by %q", p.Where, p.Path, p.Part, p.Value, p.CreatedBy))
		if (p.Where == InLayer) != (p.Layer != "") {
			t.Errorf("layer %q with %+v", p.Layer, p)
		}
	}
	want := []string{
		`config config.Cmd[1] content 0 by ""`,
		`config config.Env[API_KEY] content 0 by ""`,
		`config config.Labels key content 0 by ""`,
		`config config.Env[QUOTED] content 1 by ""`,
		`history history[2].created_by content 0 by "ENV API_KEY=s3cr3t-value"`,
		`layer app/.env content 0 by "COPY .env"`,
		`layer app/.env content 1 by "COPY .env"`,
		`layer tmp/s3cr3t-value.log name 0 by "RUN rm .env"`,
		`layer link link 0 by "RUN rm .env"`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if places, err := FindValues(t.Context(), "127.0.0.1:1/never/asked", [][]byte{nil}, Options{}); err != nil || places != nil {
		t.Errorf("nothing to look for: %v, %v", places, err)
	}
}

func TestSearcherReadsSharedLayersOnce(t *testing.T) {
	r := startRegistry(t)
	base := layerOf(t, archive(t, file{name: "base", body: "the-value"}))
	before := r.push(t, "app:before", imageOf(t, v1.Config{}, step("base", base), step("one", layerOf(t, archive(t, file{name: "one", body: "x"})))))
	after := r.push(t, "app:after", imageOf(t, v1.Config{}, step("base, described otherwise", base)))

	var blobs atomic.Int64
	counting := roundTripper(func(req *http.Request) (*http.Response, error) {
		if strings.HasSuffix(req.URL.Path, "/blobs/"+hashOf(t, base)) {
			blobs.Add(1)
		}
		return http.DefaultTransport.RoundTrip(req)
	})
	s := NewSearcher(Options{transport: counting}, NewFinder([][]byte{[]byte("the-value")}))
	var sizes []int64
	for _, ref := range []string{before, after} {
		c, places, err := s.Search(t.Context(), ref)
		if err != nil || len(places) != 1 || places[0].CreatedBy != c.Layers[0].CreatedBy {
			t.Fatalf("%s: %+v, %v", ref, places, err)
		}
		sizes = append(sizes, c.Layers[0].Uncompressed)
	}
	if blobs.Load() != 1 || sizes[0] != sizes[1] || sizes[0] == 0 {
		t.Errorf("the shared layer was fetched %d times; sizes %v", blobs.Load(), sizes)
	}
}
