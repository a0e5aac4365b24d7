package buildkit

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	"github.com/moby/buildkit/frontend/dockerfile/builder"
	"github.com/moby/buildkit/frontend/dockerui"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/identity"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/util/grpcerrors"
	"github.com/plimsoll/plimsoll/internal/engine"
	"github.com/tonistiigi/fsutil"
	"google.golang.org/grpc/codes"
)

// noIgnore is what is sent for "nothing is ignored": without any file the daemon would read the context's own.
const noIgnore = "# nothing is ignored\n"

// Build runs one build. Solve is the time from the first step's start to the last one's end;
// Export and Push are taken from BuildKit's own exporting step.
func (e *Engine) Build(ctx context.Context, req engine.BuildRequest, progress func(engine.Event)) (*engine.BuildResult, error) {
	locals, err := localsOf(req)
	if err != nil {
		return nil, err
	}
	seen := &solved{}
	t := newTracker(req.Name, seen, progress)
	statuses := make(chan *client.SolveStatus)
	followed := t.follow(statuses)

	var config []byte
	var fault error // of the Dockerfile or its steps
	build := func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
		res, err := builder.Build(ctx, &recorder{Client: c, prepull: req.NoCache, seen: seen})
		if err != nil {
			fault = err
			return nil, err
		}
		config = res.Metadata[exptypes.ExporterImageConfigKey]
		return res, nil
	}
	response, err := e.client.Build(ctx, solveOpt(req, locals), product, build, statuses)
	<-followed
	if err != nil {
		if fault != nil && ctx.Err() == nil && grpcerrors.Code(fault) != codes.Unavailable {
			return nil, buildError(req, t, fault)
		}
		return nil, engineError(ctx, req, err)
	}
	img, err := newImage(e, req, seen.definition, config)
	if err != nil {
		return nil, err
	}
	return &engine.BuildResult{
		Image:  e.keep(img),
		Config: config,
		Digest: response.ExporterResponse[exptypes.ExporterImageDigestKey],
		Steps:  t.result(),
		Solve:  seen.took,
		Export: t.export.export(),
		Push:   t.export.push(),
	}, nil
}

// localsOf is the two trees that a build is sent: the context, and the Dockerfile beside the ignore file in
// force. Both names are fixed: what they are called on the disk does not matter to a build.
func localsOf(req engine.BuildRequest) (map[string]fsutil.FS, error) {
	if len(req.Dockerfile) == 0 {
		return nil, &engine.BuildError{Build: req.Name, Err: errors.New("the Dockerfile is empty")}
	}
	dir, err := overDirectory(req.ContextDir, req.Overrides)
	if err != nil {
		return nil, fmt.Errorf("building %s: %w", req.Name, err)
	}
	ignore := req.Ignore
	if len(ignore) == 0 {
		ignore = []byte(noIgnore)
	}
	return map[string]fsutil.FS{
		dockerui.DefaultLocalNameContext: dir,
		dockerui.DefaultLocalNameDockerfile: textTree(map[string][]byte{
			dockerui.DefaultDockerfileName:                   req.Dockerfile,
			dockerui.DefaultDockerfileName + ".dockerignore": ignore,
		}),
	}, nil
}

func solveOpt(req engine.BuildRequest, locals map[string]fsutil.FS) client.SolveOpt {
	opt := client.SolveOpt{
		LocalMounts:   locals,
		SharedKey:     req.ContextDir,
		FrontendAttrs: frontendAttrs(req),
		Session:       []session.Attachable{credentials{}},
	}
	if req.Push != "" {
		opt.Exports = []client.ExportEntry{{Type: client.ExporterImage, Attrs: pushAttrs(req)}}
	}
	return opt
}

func frontendAttrs(req engine.BuildRequest) map[string]string {
	attrs := map[string]string{
		// Present, it says that the frontend was chosen: a "# syntax=" line pulls none.
		"cmdline": "",
	}
	if req.Target != "" {
		attrs["target"] = req.Target
	}
	for name, value := range req.BuildArgs {
		attrs["build-arg:"+name] = value
	}
	if req.NoCache {
		attrs["no-cache"] = "" // all stages
		attrs["build-arg:BUILDKIT_CACHE_MOUNT_NS"] = identity.NewID()
	}
	if req.SourceDateEpoch != nil {
		attrs["build-arg:SOURCE_DATE_EPOCH"] = epoch(*req.SourceDateEpoch)
	}
	return attrs
}

func pushAttrs(req engine.BuildRequest) map[string]string {
	attrs := map[string]string{
		"name":              req.Push,
		"push":              "true",
		"registry.insecure": "true",
		"oci-mediatypes":    "true",
	}
	if req.SourceDateEpoch != nil {
		attrs["source-date-epoch"] = epoch(*req.SourceDateEpoch)
		attrs["rewrite-timestamp"] = "true"
	}
	return attrs
}

func epoch(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }
