package buildkit

import (
	"testing"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
)

// TestRelocated holds that a definition is the same but for the names of images: each operation's inputs are there, and
// what was said about an operation is said about the one in its place.
func TestRelocated(t *testing.T) {
	source := llb.NewSourceMap(nil, "Dockerfile", "Dockerfile", []byte("FROM a\n"))
	state := llb.Image("docker.io/library/a:1", source.Location([]*pb.Range{{Start: &pb.Position{Line: 1}, End: &pb.Position{Line: 1}}}), llb.WithCustomName("the base")).
		Run(llb.Args([]string{"/x"}), llb.WithCustomName("the step")).
		AddMount("/other", llb.Image("quay.io/b:2"))
	marshalled, err := state.Marshal(t.Context(), llb.LinuxAmd64)
	if err != nil {
		t.Fatal(err)
	}
	def := marshalled.ToPB()
	before := describe(t, def)
	got, err := relocated(def, map[string]string{"docker.io": "127.0.0.1:5005"})
	if err != nil {
		t.Fatal(err)
	}
	after := describe(t, got)
	if len(after.names) != len(before.names) || after.lines != before.lines {
		t.Errorf("%d operations with names and %d with lines, were %d and %d", len(after.names), after.lines, len(before.names), before.lines)
	}
	for _, want := range []string{"docker-image://127.0.0.1:5005/library/a:1", "docker-image://quay.io/b:2"} {
		if !after.images[want] {
			t.Errorf("no %s among %v", want, after.images)
		}
	}
	if again := describe(t, def); !again.images["docker-image://docker.io/library/a:1"] {
		t.Error("the original was changed")
	}
	if same, err := relocated(def, map[string]string{"gcr.io": "x"}); err != nil || digestOf(t, same) != digestOf(t, def) {
		t.Errorf("a definition without an image of the registry was changed: %v", err)
	}
}

type described struct {
	images map[string]bool
	names  map[string]bool
	lines  int
}

func describe(t *testing.T, def *pb.Definition) described {
	t.Helper()
	d := described{images: map[string]bool{}, names: map[string]bool{}}
	there := map[string]bool{}
	for _, data := range def.Def {
		there[digest.FromBytes(data).String()] = true
		var op pb.Op
		if err := op.Unmarshal(data); err != nil {
			t.Fatal(err)
		}
		if id := op.GetSource().GetIdentifier(); id != "" {
			d.images[id] = true
		}
		for _, in := range op.Inputs {
			if !there[in.Digest] {
				t.Errorf("an input is not there: %s", in.Digest)
			}
		}
	}
	for dgst, meta := range def.Metadata {
		if name := meta.Description["llb.customname"]; name != "" && there[dgst] {
			d.names[name] = true
		}
	}
	for dgst := range def.Source.GetLocations() {
		if there[dgst] {
			d.lines++
		}
	}
	return d
}

func digestOf(t *testing.T, def *pb.Definition) string {
	t.Helper()
	text := ""
	for _, data := range def.Def {
		text += digest.FromBytes(data).String()
	}
	return text
}
