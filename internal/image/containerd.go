package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	content "github.com/containerd/containerd/api/services/content/v1"
	images "github.com/containerd/containerd/api/services/images/v1"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// containerd's tools take the same variables, and have the same defaults.
const (
	containerdAddress   = "CONTAINERD_ADDRESS"
	containerdNamespace = "CONTAINERD_NAMESPACE"
	containerdSocket    = "/run/containerd/containerd.sock"
	containerdDefault   = "default"
)

// containerdSilence is how long containerd may send nothing before it is asked whether it is there. It ends the connection
// of who asks more often than every five minutes.
const containerdSilence = 5*time.Minute + 30*time.Second

// containerdStore is containerd's content store, seen as an OCI layout of one image.
type containerdStore struct {
	ctx   context.Context // of the walk, which the store lives as long as
	blobs content.ContentClient
	index []byte
}

// walkContainerd reads an image that containerd has, through its own API.
func walkContainerd(ctx context.Context, image string, opts Options, reader Reader) (*Contents, error) {
	if image == "" {
		return nil, errors.New("containerd: names no image: want containerd:NAME")
	}
	socket, namespace := os.Getenv(containerdAddress), os.Getenv(containerdNamespace)
	if socket == "" {
		socket = containerdSocket
	}
	if namespace == "" {
		namespace = containerdDefault
	}
	socket = strings.TrimPrefix(socket, "unix://")
	conn, err := grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: containerdSilence, Timeout: 30 * time.Second}))
	if err != nil {
		return nil, fmt.Errorf("asking containerd at %s: %w", socket, err)
	}
	defer conn.Close()
	if probe, err := dialSocket(socket)(ctx); err != nil { // gRPC would wrap this in words of its own
		return nil, fmt.Errorf("asking containerd at %s: %w", socket, unreached(err, "is it running? "+containerdAddress+" names another"))
	} else if err := probe.Close(); err != nil {
		return nil, fmt.Errorf("asking containerd at %s: %w", socket, err)
	}
	ctx = metadata.AppendToOutgoingContext(ctx, "containerd-namespace", namespace)
	index, err := containerdIndex(ctx, images.NewImagesClient(conn), image)
	if status.Code(err) == codes.NotFound {
		return nil, fmt.Errorf("containerd at %s has no image %s in namespace %s (CONTAINERD_NAMESPACE chooses another)", socket, image, namespace)
	}
	if err != nil {
		return nil, fmt.Errorf("asking containerd at %s for %s: %s", socket, image, printable(status.Convert(err).Message()))
	}
	return walkStore(ctx, image, &containerdStore{ctx, content.NewContentClient(conn), index}, opts, reader)
}

// containerdIndex is an OCI index with the image alone. containerd names images
// by their whole reference.
func containerdIndex(ctx context.Context, client images.ImagesClient, image string) ([]byte, error) {
	resp, err := client.Get(ctx, &images.GetImageRequest{Name: image})
	if ref, parseErr := ParseReference(image); status.Code(err) == codes.NotFound && parseErr == nil && ref.String() != image {
		resp, err = client.Get(ctx, &images.GetImageRequest{Name: ref.String()})
	}
	if err != nil {
		return nil, err
	}
	target := resp.GetImage().GetTarget()
	digest, err := v1.NewHash(target.GetDigest())
	if err != nil {
		return nil, err
	}
	return json.Marshal(v1.IndexManifest{SchemaVersion: 2, Manifests: []v1.Descriptor{
		{MediaType: types.MediaType(target.GetMediaType()), Digest: digest, Size: target.GetSize()},
	}})
}

func (s *containerdStore) open(name string) (io.ReadCloser, int64, error) {
	if name == "index.json" {
		return io.NopCloser(strings.NewReader(string(s.index))), int64(len(s.index)), nil
	}
	hex, ok := strings.CutPrefix(name, "blobs/sha256/")
	if !ok {
		return nil, 0, os.ErrNotExist
	}
	digest := "sha256:" + hex
	info, err := s.blobs.Info(s.ctx, &content.InfoRequest{Digest: digest})
	if status.Code(err) == codes.NotFound {
		// containerd may keep what it unpacked and drop the blob, or have it for one platform alone.
		return nil, 0, os.ErrNotExist
	}
	if err != nil {
		return nil, 0, fmt.Errorf("asking containerd for blob %s: %w", digest, err)
	}
	ctx, cancel := context.WithCancel(s.ctx)
	stream, err := s.blobs.Read(ctx, &content.ReadContentRequest{Digest: digest})
	if err != nil {
		cancel()
		return nil, 0, fmt.Errorf("asking containerd for blob %s: %w", digest, err)
	}
	return &blobStream{stream: stream, cancel: cancel}, info.GetInfo().GetSize(), nil
}

// blobStream reads a blob as containerd sends it.
type blobStream struct {
	stream content.Content_ReadClient
	cancel context.CancelFunc
	rest   []byte
}

func (b *blobStream) Read(p []byte) (int, error) {
	for len(b.rest) == 0 {
		part, err := b.stream.Recv()
		if errors.Is(err, io.EOF) {
			return 0, io.EOF
		}
		if err != nil {
			return 0, fmt.Errorf("reading from containerd: %w", err)
		}
		b.rest = part.GetData()
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

func (b *blobStream) Close() error {
	b.cancel()
	return nil
}
