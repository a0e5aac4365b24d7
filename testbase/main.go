// Command testbase builds stand-ins for official base images and for Python's
// package index, and serves them on loopback: for machines that can't reach
// the real ones. See README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/plimsoll/plimsoll/testbase/cache"
	"github.com/plimsoll/plimsoll/testbase/engines"
	"github.com/plimsoll/plimsoll/testbase/server"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

const usage = `usage: testbase COMMAND [--addr HOST:PORT] [--dir FOLDER]

  serve   build what is missing, then serve images and packages until Ctrl-C
  build   build what is missing
  list    print the images with their sizes (builds what is missing)
  engines build what is missing of the engines that plimsoll is tested against
  needed  exit with 0 if Docker Hub does not answer, with 1 if it does

--addr  where to serve (default ` + server.DefaultAddr + `)
--dir   where to keep what was built (default $PLIMSOLL_TESTBASE, else the user's cache folder)
`

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	commands := map[string]func(context.Context, server.Options, io.Writer) error{
		"serve": serve, "build": build, "list": list, "engines": buildEngines, "needed": needed,
	}
	if len(args) == 0 || commands[args[0]] == nil {
		fmt.Fprint(stderr, usage)
		return 2
	}
	opts := server.Options{Log: stderr}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() { fmt.Fprint(stderr, usage) }
	flags.StringVar(&opts.Addr, "addr", server.DefaultAddr, "")
	flags.StringVar(&opts.Dir, "dir", "", "")
	if err := flags.Parse(args[1:]); err != nil || flags.NArg() > 0 {
		return 2
	}
	if err := commands[args[0]](ctx, opts, stdout); err != nil {
		fmt.Fprintln(stderr, "testbase:", err)
		return 1
	}
	return 0
}

func serve(ctx context.Context, opts server.Options, stdout io.Writer) error {
	s, err := server.Serve(ctx, opts)
	if errors.Is(err, server.ErrServing) {
		fmt.Fprintln(stdout, err)
		return nil
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "serving %d images and %d Python packages on http://%s; Ctrl-C ends it\n",
		len(s.Catalog.Images), len(s.Index.Projects), s.Addr)
	return s.Wait()
}

func build(ctx context.Context, opts server.Options, _ io.Writer) error {
	_, err := server.Build(ctx, opts)
	return err
}

func buildEngines(ctx context.Context, _ server.Options, _ io.Writer) error {
	store, err := engines.Default()
	if err != nil {
		return err
	}
	for _, build := range []func(context.Context, *cache.Store) (string, error){engines.DebianDocker, engines.Podman, engines.Docker, engines.Buildkitd} {
		if _, err := build(ctx, store); err != nil {
			return err
		}
	}
	return nil
}

// needed fails when Docker Hub answers, with what it answered or wants to know.
func needed(ctx context.Context, _ server.Options, stdout io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, 4*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://registry-1.docker.io/v2/", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		fmt.Fprintln(stdout, "Docker Hub does not answer:", err)
		return nil
	}
	defer resp.Body.Close()
	// A registry that is there asks who it is talking to.
	if resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusOK {
		return errors.New("Docker Hub answers, no stand-in is needed")
	}
	fmt.Fprintln(stdout, "Docker Hub does not answer as a registry:", resp.Status)
	return nil
}

func list(ctx context.Context, opts server.Options, stdout io.Writer) error {
	built, err := server.Build(ctx, opts)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(stdout, 0, 8, 3, ' ', 0)
	fmt.Fprintln(table, "IMAGE\tUNCOMPRESSED\tTRANSFER\tLAYERS")
	for _, img := range built.Catalog.Images {
		layers := len(img.Layers)
		if img.PipIndex {
			layers++ // pip.conf, added when serving
		}
		name := strings.TrimPrefix(img.Repository, "library/")
		fmt.Fprintf(table, "%s:%s\t%.1f MB\t%.1f MB\t%d\n", name, strings.Join(img.Tags, ", "),
			float64(img.Bytes())/1e6, float64(img.Transfer())/1e6, layers)
	}
	return table.Flush()
}
