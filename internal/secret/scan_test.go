package secret

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestScannerFindsAllInChunksOfAnySize(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for round := range 300 {
		var values [][]byte
		for range 1 + r.IntN(6) {
			values = append(values, randomText(r, MinNeedle+r.IntN(20)))
		}
		text := randomText(r, r.IntN(3000))
		for range r.IntN(5) {
			at := r.IntN(len(text) + 1)
			text = slices.Insert(text, at, values[r.IntN(len(values))]...)
		}
		w := NewScanner(values, ScanOptions{}).Writer()
		for rest := text; len(rest) > 0; {
			n := min(len(rest), 1+r.IntN(1+r.IntN(60)))
			w.Write(rest[:n])
			rest = rest[n:]
		}
		got := w.Hits()
		var want []Hit
		for i, v := range values {
			for at := 0; at+len(v) <= len(text); at++ {
				if bytes.HasPrefix(text[at:], v) && !isEarlier(values, i) {
					want = append(want, Hit{Value: i, Form: Plain, Offset: int64(at)})
				}
			}
		}
		got = slices.DeleteFunc(got, func(h Hit) bool { return isEarlier(values, h.Value) })
		sortHits(got)
		sortHits(want)
		if !slices.Equal(got, want) {
			t.Fatalf("round %d: values %q in %q\ngot  %v\nwant %v", round, values, text, got, want)
		}
	}
}

// isEarlier tells that an equal value stands before.
func isEarlier(values [][]byte, i int) bool {
	return slices.ContainsFunc(values[:i], func(v []byte) bool { return bytes.Equal(v, values[i]) })
}

func sortHits(hits []Hit) {
	slices.SortFunc(hits, func(a, b Hit) int {
		return int(a.Offset-b.Offset)*100 + a.Value - b.Value
	})
}

// randomText has two letters only, so that values overlap and nearly match.
func randomText(r *rand.Rand, n int) []byte {
	out := make([]byte, n)
	for i := range out {
		out[i] = "ab"[r.IntN(2)]
	}
	return out
}

func TestScannerFindsEncodedForms(t *testing.T) {
	value := "p/a+s?s w0rd>>>?ÿ"
	s := NewScanner([][]byte{[]byte("another value"), []byte(value)}, ScanOptions{Encoded: true})
	for name, text := range map[string]string{
		"plain":                     value,
		"base64, at the start":      base64.StdEncoding.EncodeToString([]byte(value)),
		"base64, after one byte":    base64.StdEncoding.EncodeToString([]byte("u" + value + "x")),
		"base64, after two bytes":   base64.StdEncoding.EncodeToString([]byte("u:" + value + "yz")),
		"base64, after three bytes": base64.StdEncoding.EncodeToString([]byte("me:" + value + "!")),
		"base64 for URLs":           base64.RawURLEncoding.EncodeToString([]byte("me:" + value)),
		"query":                     "https://example.org/?p=" + url.QueryEscape(value),
		"path":                      "https://u:" + url.PathEscape(value) + "@example.org",
	} {
		hits, err := s.Scan(iotest.OneByteReader(strings.NewReader("before " + text + " after")))
		must(t, err)
		if len(hits) == 0 || hits[0].Value != 1 {
			t.Errorf("%s: %v in %q", name, hits, text)
		}
		if plain := slices.ContainsFunc(hits, func(h Hit) bool { return h.Form == Plain }); plain != (name == "plain") {
			t.Errorf("%s: forms %v", name, hits)
		}
	}
	hits, err := s.Scan(strings.NewReader(base64.StdEncoding.EncodeToString([]byte("something else altogether"))))
	must(t, err)
	if len(hits) != 0 {
		t.Errorf("found %v where there is nothing", hits)
	}
}

func TestScannerLeavesShortValuesOut(t *testing.T) {
	s := NewScanner([][]byte{[]byte("12345"), nil, []byte("123456")}, ScanOptions{Encoded: true})
	if got := s.Skipped(); !slices.Equal(got, []int{0, 1}) {
		t.Errorf("skipped %v", got)
	}
	hits, err := s.Scan(strings.NewReader("12345 123456"))
	must(t, err)
	if len(hits) != 1 || hits[0] != (Hit{2, Plain, 6}) {
		t.Errorf("hits %v", hits)
	}
	hits, err = NewScanner(nil, ScanOptions{}).Scan(strings.NewReader("anything"))
	must(t, err)
	if len(hits) != 0 {
		t.Errorf("found nothing's value: %v", hits)
	}
}

func TestScanTellsReadErrors(t *testing.T) {
	s := NewScanner([][]byte{[]byte("hunter2-hunter2")}, ScanOptions{})
	hits, err := s.Scan(io.MultiReader(strings.NewReader("hunter2-hunter2"), iotest.ErrReader(io.ErrUnexpectedEOF)))
	if err != io.ErrUnexpectedEOF || len(hits) != 1 {
		t.Errorf("got %v, %v", hits, err)
	}
}

func TestBothSearchersAgree(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		var needles []needle
		for range 1 + r.IntN(8) {
			needles = append(needles, needle{text: randomText(r, MinNeedle+r.IntN(300))})
		}
		text := randomText(r, 5000)
		found := func(s searcher) (out [][2]int) {
			s.find(text, func(n, at int) { out = append(out, [2]int{n, at}) })
			slices.SortFunc(out, func(a, b [2]int) int { return slices.Compare(a[:], b[:]) })
			return out
		}
		if a, b := found(onePassEach(needles)), found(newSkipSearch(needles)); !slices.Equal(a, b) {
			t.Fatalf("%v and %v", a, b)
		}
	}
}

// BenchmarkScan searches this test's own binary, over and over: machine code
// and tables as in an image's layers.
func BenchmarkScan(b *testing.B) {
	self, err := os.ReadFile(filepath.Clean(os.Args[0]))
	must(b, err)
	r := rand.New(rand.NewPCG(1, 1))
	for _, count := range []int{1, 2, 4, 8, 64} {
		var needles []needle
		for range count {
			value := make([]byte, 12+r.IntN(30))
			for i := range value {
				value[i] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"[r.IntN(64)]
			}
			needles = append(needles, needle{text: value})
		}
		for name, s := range map[string]searcher{"each": onePassEach(needles), "skip": newSkipSearch(needles)} {
			b.Run(fmt.Sprintf("%s-%d", name, count), func(b *testing.B) {
				b.SetBytes(int64(len(self)))
				for b.Loop() {
					s.find(self, func(int, int) {})
				}
			})
		}
	}
}
