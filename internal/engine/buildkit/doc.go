// Package buildkit drives a BuildKit daemon through its client: builds with
// the Dockerfile frontend run on the client's side, so that every daemon gets
// the same Dockerfile features, and containers over the gateway. It knows nothing
// about where the daemon runs: the embedded engine, Docker's and a remote one hand it a
// connected client.
//
// # What a build leaves behind
//
// BuildKit keeps results by cache key, not by name. A built image is therefore
// remembered as its definition, which names the very context that was sent; the first Run
// solves that again, which the cache answers whatever happened to the files since, and keeps the
// session open for all containers of the image. The context is not sent again: a file
// that changed since can't get into the image that was measured. Of two cold builds of one
// Dockerfile, the steps before the first COPY are the later one's.
//
// # Cold builds
//
// A build with NoCache executes every step and gives it cache mounts of its own. Its base images are
// pulled and unpacked before the clock starts, so that the figure says nothing about
// the network. Two cold builds that run at the same time share a step
// whose inputs and command are equal: it is executed once, for both.
//
// # The helper
//
// Every container sees plimsoll's static binary, read-only, as agent.Path. It
// is a mount: the image that is built, pushed and measured does not hold it.
package buildkit
