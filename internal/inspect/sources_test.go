package inspect

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	content "github.com/containerd/containerd/api/services/content/v1"
	images "github.com/containerd/containerd/api/services/images/v1"
	"github.com/containerd/containerd/api/types"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// sourceLayers are those of the image that every source has.
func sourceLayers(t *testing.T) [][]byte {
	return [][]byte{
		layerText(t, "f app/x 1000 s\nf app/y 200\nt app/.env token=ghp"+"_16C7e42F292c6912E7710c838347Ae178B4a\\n"),
		layerText(t, "f755 app/x 1000 s\nw app/.env\nf z 7"),
		layerText(t, "w app/y"),
	}
}

// TestSources reads the same image from every kind of place.
func TestSources(t *testing.T) {
	layers := sourceLayers(t)
	archive := archiveOf(t, nil, layers...)
	folder := layoutOf(t, blob{content: layers[0]}, gzipped(t, layers[1]), zstdCompressed(t, layers[2]))
	places := map[string]func(t *testing.T) string{
		"docker-archive":       func(*testing.T) string { return archive },
		"docker-archive, gzip": func(t *testing.T) string { return compressedFile(t, gzipped(t, contentOf(t, archive)), ".tar.gz") },
		"docker-archive, zstd": func(t *testing.T) string {
			return compressedFile(t, zstdCompressed(t, contentOf(t, archive)), ".tar.zst")
		},
		"OCI layout":          func(*testing.T) string { return folder },
		"OCI layout in a tar": func(t *testing.T) string { return tarOf(t, folder) },
		"OCI layout in a tar.gz": func(t *testing.T) string {
			return compressedFile(t, gzipped(t, contentOf(t, tarOf(t, folder))), ".tgz")
		},
		"registry": func(t *testing.T) string { return pushed(t, folder) },
		"Docker": func(t *testing.T) string {
			t.Setenv("DOCKER_HOST", "unix://"+fakeDocker(t, archive))
			return "docker:app:1"
		},
		"podman": func(t *testing.T) string {
			t.Setenv("CONTAINER_HOST", "unix://"+fakeDocker(t, archive))
			return "podman:app:1"
		},
		"containerd": func(t *testing.T) string {
			t.Setenv("CONTAINERD_ADDRESS", fakeContainerd(t, folder))
			return "containerd:app:1"
		},
	}
	for kind, place := range places {
		t.Run(kind, func(t *testing.T) {
			r, err := Image(t.Context(), place(t), Options{Secrets: true})
			if err != nil {
				t.Fatal(err)
			}
			account(t, r)
			causes := map[Cause]int64{Metadata: 1000, Deleted: 200 + 47}
			if r.LayerBytes != 2254 || r.FlatBytes != 1007 || !maps.Equal(r.Waste.ByCause, causes) {
				t.Errorf("%d bytes in layers, %d in the tree, waste %v; want 2254, 1007 and %v", r.LayerBytes, r.FlatBytes, r.Waste.ByCause, causes)
			}
			if len(r.Secrets) != 1 || r.Secrets[0].Path != "app/.env" || !r.Secrets[0].Hidden || r.Secrets[0].Layer != 0 {
				t.Errorf("credentials %+v, want the one of app/.env, which layer 1 has and a later one hides", r.Secrets)
			}
			for i, l := range r.Layers {
				if l.DiffID != digestOf(layers[i]) || l.ArchiveBytes != int64(len(layers[i])) || l.TransferBytes <= 0 {
					t.Errorf("layer %d: %+v", i, l)
				}
			}
		})
	}
}

// TestSourcesThatHaveNoImage tells what is wrong and where.
func TestSourcesThatHaveNoImage(t *testing.T) {
	layers := sourceLayers(t)
	t.Setenv("DOCKER_HOST", "unix://"+fakeDocker(t, archiveOf(t, nil, layers...)))
	t.Setenv("CONTAINER_HOST", "unix:///nowhere/podman.sock")
	t.Setenv("CONTAINERD_ADDRESS", fakeContainerd(t, layoutOf(t, gzipped(t, layers[0]))))
	empty := t.TempDir()
	text := filepath.Join(empty, "text.tar")
	if err := os.WriteFile(text, []byte(strings.Repeat("no image\n", 500)), 0o644); err != nil {
		t.Fatal(err)
	}
	for place, want := range map[string]string{
		"docker:other:1":     "No such image: other:1",
		"podman:app:1":       "systemctl start podman.socket",
		"podman:":            "names no image: want podman:NAME",
		"containerd:":        "names no image: want containerd:NAME",
		"containerd:other:1": "has no image other:1 in namespace default (CONTAINERD_NAMESPACE chooses another)",
		"./nowhere.tar":      "no such file",
		text:                 "it is no tar archive",
		compressedFile(t, blob{content: []byte("\xfd7zXZ\x00\x00\x04")}, ".tar.xz"): "it is compressed with xz or bzip2, which is not read: gzip and zstd are",
		empty: "neither an index.json (OCI layout) nor a manifest.json (docker-archive)",
		compressedFile(t, gzipped(t, []byte("no image")), ".tar.gz"): "it is no tar archive",
	} {
		_, err := Image(t.Context(), place, Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", place, err, want)
		}
	}
	for variable, place := range map[string]string{"DOCKER_HOST": "docker:app:1", "CONTAINER_HOST": "podman:app:1"} {
		t.Setenv(variable, "tcp://127.0.0.1:1")
		if _, err := Image(t.Context(), place, Options{}); err == nil || !strings.Contains(err.Error(), "only a socket is asked") {
			t.Errorf("%s of another machine: error %v", variable, err)
		}
	}
	t.Setenv("CONTAINERD_ADDRESS", "/nowhere/containerd.sock")
	if _, err := Image(t.Context(), "containerd:app:1", Options{}); err == nil || !strings.Contains(err.Error(), "no such file or directory: is it running? CONTAINERD_ADDRESS names another") {
		t.Errorf("containerd is not there: error %v", err)
	}
}

func contentOf(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func compressedFile(t *testing.T, b blob, suffix string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "image"+suffix)
	if err := os.WriteFile(file, b.content, 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func tarOf(t *testing.T, folder string) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.AddFS(os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return compressedFile(t, blob{content: b.Bytes()}, ".tar")
}

// pushed serves the layout's image from a registry.
func pushed(t *testing.T, folder string) string {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	index, err := layout.ImageIndexFromPath(folder)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	img, err := index.Image(manifest.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	ref, err := name.ParseReference(strings.TrimPrefix(server.URL, "http://") + "/app:1")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, img); err != nil {
		t.Fatal(err)
	}
	return ref.String()
}

// socketFor is a path short enough for a socket.
func socketFor(t *testing.T) (string, net.Listener) {
	t.Helper()
	dir, err := os.MkdirTemp("", "s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	return socket, l
}

// fakeDocker answers the call behind "docker save" for app:1, as Docker and podman do.
func fakeDocker(t *testing.T, archive string) (socket string) {
	t.Helper()
	socket, l := socketFor(t)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		image := r.URL.Query().Get("names")
		if r.URL.Path != "/images/get" || image != "app:1" {
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprintf(w, `{"message":"No such image: %s"}`, image)
			return
		}
		http.ServeFile(w, r, archive)
	})}
	go server.Serve(l) // ends with Close
	t.Cleanup(func() { server.Close() })
	return socket
}

// containerdImages and containerdContent answer the calls of containerd's API for the image of a layout.
type containerdImages struct {
	images.UnimplementedImagesServer
	folder string
}

type containerdContent struct {
	content.UnimplementedContentServer
	folder string
}

func fakeContainerd(t *testing.T, folder string) (socket string) {
	t.Helper()
	socket, l := socketFor(t)
	server := grpc.NewServer()
	images.RegisterImagesServer(server, containerdImages{folder: folder})
	content.RegisterContentServer(server, containerdContent{folder: folder})
	go server.Serve(l) // ends with Stop
	t.Cleanup(server.Stop)
	return socket
}

func (s containerdImages) Get(ctx context.Context, req *images.GetImageRequest) (*images.GetImageResponse, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	if fmt.Sprint(md["containerd-namespace"]) != "[default]" {
		return nil, status.Errorf(codes.FailedPrecondition, "namespace is required")
	}
	if req.GetName() != "docker.io/library/app:1" { // the whole reference
		return nil, status.Errorf(codes.NotFound, "image %q: not found", req.GetName())
	}
	index, err := layout.ImageIndexFromPath(s.folder)
	if err != nil {
		return nil, err
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	d := manifest.Manifests[0]
	return &images.GetImageResponse{Image: &images.Image{Name: req.GetName(), Target: &types.Descriptor{
		MediaType: string(d.MediaType), Digest: d.Digest.String(), Size: d.Size,
	}}}, nil
}

func (s containerdContent) blob(digest string) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(s.folder, "blobs", "sha256", filepath.Base(strings.TrimPrefix(digest, "sha256:"))))
	if err != nil {
		return nil, status.Errorf(codes.NotFound, "content %s: not found", digest)
	}
	return text, nil
}

func (s containerdContent) Info(_ context.Context, req *content.InfoRequest) (*content.InfoResponse, error) {
	text, err := s.blob(req.GetDigest())
	if err != nil {
		return nil, err
	}
	return &content.InfoResponse{Info: &content.Info{Digest: req.GetDigest(), Size: int64(len(text))}}, nil
}

func (s containerdContent) Read(req *content.ReadContentRequest, stream content.Content_ReadServer) error {
	text, err := s.blob(req.GetDigest())
	if err != nil {
		return err
	}
	for r := bytes.NewReader(text); r.Len() > 0; {
		part := make([]byte, min(r.Len(), 100))
		if _, err := io.ReadFull(r, part); err != nil {
			return err
		}
		if err := stream.Send(&content.ReadContentResponse{Data: part}); err != nil {
			return err
		}
	}
	return nil
}
