package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/plimsoll/plimsoll/internal/engine"
	loaded "github.com/plimsoll/plimsoll/internal/project"
	"github.com/plimsoll/plimsoll/internal/rewrite"
	"github.com/plimsoll/plimsoll/internal/rule"
	"github.com/plimsoll/plimsoll/internal/rules"
)

// orders is how many random Dockerfiles are tried.
const orders = 60

// TestReorderedImagesAreTheSame builds random Dockerfiles before and after
// cache/order-by-change, and compares the files of both images: kind, mode, owner and content of each.
func TestReorderedImagesAreTheSame(t *testing.T) {
	needSuite(t)
	shared := openShared(t)
	only := slices.DeleteFunc(rules.All(), func(r *rule.Rule) bool { return r.ID != "cache/order-by-change" })
	reordered := 0
	for seed := range uint64(orders) {
		dir := shuffled(t, rand.New(rand.NewPCG(seed, 41)))
		p, err := loaded.Load(t.Context(), dir, loaded.Options{})
		if err != nil {
			t.Fatal(err)
		}
		res, err := rewrite.Run(p, only, rewrite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		after, changed := res.Plan.After["Dockerfile"]
		if !changed {
			continue
		}
		before := read(t, dir, "Dockerfile")
		one, two := listing(t, shared, dir, before), listing(t, shared, dir, after)
		if one != noImage {
			reordered++
		}
		if one != two {
			t.Errorf("seed %d: the images differ\n%s\nbefore:\n%s\nafter:\n%s", seed, diffLines(one, two), before, after)
		}
	}
	t.Logf("%d of %d were reordered, and have the same files", reordered, orders)
	if reordered < 10 {
		t.Error("too few to say anything")
	}
}

// shuffled writes a project of random COPY instructions, with a history in which some files change often.
func shuffled(t *testing.T, random *rand.Rand) string {
	t.Helper()
	dir := t.TempDir()
	files := []string{"a/one.txt", "a/two.txt", "b/one.txt", "b/deep/three.txt", "c.txt", "d.txt", "two words.txt"}
	sources := []string{"a", "b", "b/deep", "c.txt", "d.txt", "a/*.txt", "c.txt d.txt", "a/one.txt", "b/."}
	dests := []string{"./", "./x/", "./x/y/", "/srv/z/", "/opt/w/", "/opt/v/k/", "./a/", "./b/deep/", "/srv/file", "/opt/u", "/srv/t/"}
	flags := []string{"", "", "", "", "", "", "", "--chown=7:7 ", "--chmod=750 "}
	var b strings.Builder
	b.WriteString("FROM debian:bookworm-slim\nWORKDIR /srv\n")
	for range 3 + random.IntN(4) {
		source, dest := sources[random.IntN(len(sources))], dests[random.IntN(len(dests))]
		if strings.ContainsAny(source, " *") && !strings.HasSuffix(dest, "/") {
			dest += "s/"
		}
		fmt.Fprintf(&b, "COPY %s%s %s\n", flags[random.IntN(len(flags))], source, dest)
		if random.IntN(60) == 0 {
			b.WriteString("RUN apt-get update && apt-get install -y --no-install-recommends netbase && rm -rf /var/lib/apt/lists/*\n")
		}
	}
	b.WriteString("CMD [\"true\"]\n")
	texts := map[string]string{"Dockerfile": b.String()}
	for _, f := range files {
		texts[f] = f
	}
	writeFiles(t, dir, texts)
	git(t, dir, "init", "-q", "-b", "main")
	git(t, dir, "add", "-A")
	git(t, dir, "commit", "-q", "-m", "0")
	often := files[random.IntN(len(files))]
	for n := range 12 {
		name := often
		if random.IntN(4) == 0 {
			name = files[random.IntN(len(files))]
		}
		writeFiles(t, dir, map[string]string{name: fmt.Sprintf("%s %d", name, n)})
		git(t, dir, "add", "-A")
		git(t, dir, "commit", "-q", "--allow-empty", "-m", fmt.Sprint(n+1))
	}
	return dir
}

// noImage is the listing of what does not build, as when a folder is copied to a file's
// place: both orders have to fail then.
const noImage = "it does not build"

// listing is every path of an image below the folders that the Dockerfiles write to.
func listing(t *testing.T, e engine.Engine, dir, docker string) string {
	t.Helper()
	built, err := e.Build(t.Context(), engine.BuildRequest{Name: "order", ContextDir: dir, Dockerfile: []byte(docker), DockerfileName: "Dockerfile"}, nil)
	if err != nil {
		return noImage
	}
	c, err := e.Run(t.Context(), engine.RunRequest{Image: built.Image, Cmd: []string{"sh", "-c",
		`find /srv /opt -exec stat -c '%F %a %u:%g %n' {} + | sort; find /srv /opt -type f -exec sha256sum {} + | sort`}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	if exit, err := c.Wait(ctx); err != nil || exit.Code != 0 {
		t.Fatalf("listing the image: %+v, %v\n%s", exit, err, c.Output())
	}
	return c.Output()
}

// diffLines are the lines that only one of two texts has.
func diffLines(a, b string) string {
	one, two := strings.Split(a, "\n"), strings.Split(b, "\n")
	var out []string
	for _, l := range one {
		if !slices.Contains(two, l) {
			out = append(out, "- "+l)
		}
	}
	for _, l := range two {
		if !slices.Contains(one, l) {
			out = append(out, "+ "+l)
		}
	}
	return strings.Join(out, "\n")
}
