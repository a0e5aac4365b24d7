// Command archive makes the two large docker-archives that inspect is measured
// on, the same bytes every time, and walks archives the plain way, to compare with.
//
//	go run ./testbase/archive make FILE [1.1|2.8]   and FILE.json: what is in it
//	go run ./testbase/archive walk FILE             tar headers and SHA-256, on one core
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
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

// walk tells how long the plain walk takes on one core.
func walk(name string) error {
	runtime.GOMAXPROCS(1)
	start := time.Now()
	layers, entries, err := large.Walk(name)
	if err == nil {
		fmt.Printf("%d layers, %d entries, %.3f s\n", layers, entries, time.Since(start).Seconds())
	}
	return err
}
