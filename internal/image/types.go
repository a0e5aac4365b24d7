// Package image reads images from registries: their size, layers, config and
// contents, and the variants that a base image is published in.
package image

// Family is a base image with the variants of it that the registry offers.
type Family struct {
	Reference  string // as asked for, normalised: "docker.io/library/python:3.11"
	Repository string // "docker.io/library/python"
	Tag        string // "3.11"
	Variants   []Variant
	// Estimated is set when sizes come from the embedded table and not from the registry.
	Estimated bool
}

// Variant is one published form of a base image.
type Variant struct {
	Tag           string // "3.11-slim"
	Kind          string // "full", "slim", "alpine"
	Digest        string // of the index or manifest, "sha256:…"; empty when estimated
	TransferBytes int64  // sum of the compressed layers for this platform
	Layers        int
}
