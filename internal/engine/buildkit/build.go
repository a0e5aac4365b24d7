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
	"github.com/moby/buildkit/session/secrets/secretsprovider"
	"github.com/moby/buildkit/util/entitlements"
	"github.com/plimsoll/plimsoll/internal/engine"
	"github.com/tonistiigi/fsutil"
)

// noIgnore is what is sent for "nothing is ignored": without any file the daemon would read the context's own.
const noIgnore = "# nothing is ignored\n"

// Build runs one build. Solve is the time from the first step's start to the last one's end;
// Export and Push are taken from BuildKit's own exporting step.
func (e *Engine) Build(ctx context.Context, req engine.BuildRequest, progress func(engine.Event)) (*engine.BuildResult, error) {
	stored := e.storedAs(req)
	res, err := e.build(ctx, req, stored, progress)
	if left := e.discard(ctx, stored); left != nil && err == nil {
		return nil, fmt.Errorf("building %s: %w", req.Name, left)
	}
	return res, err
}

func (e *Engine) build(ctx context.Context, req engine.BuildRequest, stored string, progress func(engine.Event)) (*engine.BuildResult, error) {
	if req.SourceDateEpoch != nil && e.opts.Images != nil {
		return nil, fmt.Errorf("building %s: the %s engine can't set the times of files: its BuildKit has no exporter for that", req.Name, e.info.Name)
	}
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
		res, err := builder.Build(ctx, throughMirrors(&recorder{Client: c, prepull: req.NoCache, seen: seen}, e.opts.Mirrors))
		if err != nil {
			fault = err
			return nil, err
		}
		config = res.Metadata[exptypes.ExporterImageConfigKey]
		return res, nil
	}
	response, err := e.client.Build(ctx, e.solveOpt(req, locals, stored), product, build, statuses)
	<-followed
	if err != nil {
		if fault != nil && ctx.Err() == nil && !isLost(fault) {
			return nil, buildError(req, t, fault)
		}
		return nil, e.exportError(ctx, req, fault, err)
	}
	img, err := newImage(e, req, seen.definition, config)
	if err != nil {
		return nil, err
	}
	out := &engine.BuildResult{
		Config: config,
		Digest: response.ExporterResponse[exptypes.ExporterImageDigestKey],
		Steps:  t.result(),
		Solve:  seen.took,
		Export: t.export.export(),
		Push:   t.export.push(),
	}
	if t.clockWasSet(t.export.started, t.export.completed) {
		forgetTimes(out)
	}
	if err := e.handOver(ctx, req, stored, out); err != nil {
		return nil, err
	}
	out.Image = e.keep(img)
	return out, nil
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

func (e *Engine) solveOpt(req engine.BuildRequest, locals map[string]fsutil.FS, stored string) client.SolveOpt {
	opt := client.SolveOpt{
		LocalMounts:   locals,
		SharedKey:     req.ContextDir,
		FrontendAttrs: e.frontendAttrs(req),
		Session:       e.attachables(req.Secrets),
		Exports:       e.exports(req, stored),

		AllowedEntitlements: e.entitlements(),
	}
	if e.opts.Network != "" {
		opt.FrontendAttrs["force-network-mode"] = e.opts.Network
	}
	return opt
}

// attachables are what a session answers the daemon's questions with: logins to registries, and the secrets of a build.
func (e *Engine) attachables(secrets map[string][]byte) []session.Attachable {
	return []session.Attachable{credentials{access: e.opts.Access}, secretsprovider.FromMap(secrets)}
}

// entitlements are what a definition may ask for, when it is built and when it is solved again.
func (e *Engine) entitlements() []string {
	if e.opts.Network == "host" {
		return []string{entitlements.EntitlementNetworkHost.String()}
	}
	return nil
}

func (e *Engine) frontendAttrs(req engine.BuildRequest) map[string]string {
	attrs := map[string]string{
		// Present, it says that the frontend was chosen: a "# syntax=" line pulls none.
		"cmdline": "",
	}
	if req.Target != "" {
		attrs["target"] = req.Target
	}
	if req.Platform != "" {
		attrs["platform"] = req.Platform
	}
	for name, value := range req.BuildArgs {
		attrs["build-arg:"+name] = value
	}
	if e.opts.Images == nil { // a daemon's own store has no place for attestations
		for _, kind := range req.Attest {
			attrs["attest:"+kind] = attestations[kind]
		}
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

// attestations are how each kind is made. The least of provenance: it names what went in, and neither build arguments nor
// the Dockerfile.
var attestations = map[string]string{"provenance": "mode=min", "sbom": ""}

func epoch(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }
