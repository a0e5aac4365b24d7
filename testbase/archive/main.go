// Command archive makes the two large docker-archives that inspect is measured
// on, the same bytes every time, and walks archives the plain way, to compare with.
//
//	go run ./testbase/archive make FILE [1.1|2.8]   and FILE.json: what is in it
//	go run ./testbase/archive walk FILE             tar headers and SHA-256, on one core
package main

import (
	"archive/tar"
	"bufio"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/plimsoll/plimsoll/testbase/archive/large"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "archive:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 2 && args[0] == "walk" {
		return walk(args[1])
	}
	if len(args) == 3 && args[0] == "make" {
		if shape, ok := large.Shapes()[args[2]]; ok {
			return write(args[1], shape)
		}
	}
	return errors.New("usage: archive make FILE 1.1|2.8 | archive walk FILE")
}

// write makes an archive, and beside it a list of the credentials in it.
func write(name string, shape large.Shape) error {
	planted, err := large.Write(name, shape)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(planted, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(name+".json", text, 0o644)
}

// walk reads every layer's headers and hashes the layer: the least that telling what is in an image takes.
func walk(name string) error {
	runtime.GOMAXPROCS(1)
	start := time.Now()
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	layers, entries := 0, 0
	outer := tar.NewReader(bufio.NewReaderSize(f, 1<<20))
	for {
		h, err := outer.Next()
		if errors.Is(err, io.EOF) {
			fmt.Printf("%d layers, %d entries, %.3f s\n", layers, entries, time.Since(start).Seconds())
			return nil
		}
		if err != nil {
			return err
		}
		if !strings.HasSuffix(h.Name, "layer.tar") {
			continue
		}
		layers++
		digest := sha256.New()
		all := io.TeeReader(outer, digest)
		inner := tar.NewReader(all)
		buffer := make([]byte, 256<<10)
		for {
			if _, err := inner.Next(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return err
			}
			entries++
			if _, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{inner}, buffer); err != nil {
				return err
			}
		}
		if _, err := io.Copy(io.Discard, all); err != nil {
			return err
		}
	}
}
