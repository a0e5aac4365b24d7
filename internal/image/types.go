// Package image reads images from registries: their size, layers, config and
// contents, and the variants that a base image is published in. It also serves
// a registry on loopback, for measuring a push and a pull.
//
// Hosts are asked over https; plain HTTP is spoken to loopback hosts only.
// Everything that a registry sends is treated as untrusted: digests are
// verified, sizes are bounded and no path leaves the directory it is meant for.
package image

// Family is a base image with the variants of it that the registry offers.
type Family struct {
	Reference  string // as asked for, normalised: "docker.io/library/python:3.11"
	Repository string // "docker.io/library/python"
	Tag        string // "3.11"
	// Kind is the form of the image asked for, as in Variant.Kind. It is empty
	// when nothing is known about how the repository names its variants.
	Kind string
	// Slimmer is the kind to move to, "" where none is recommended. Slim
	// tells whether it really is there and smaller.
	Slimmer string
	// Variants has the image asked for first, then the others in the order of
	// the table of families. Those that the registry does not have are absent.
	Variants []Variant
	// Estimated is set when sizes come from the embedded table and not from the registry.
	Estimated bool
	// Note says how the figures came about where that is not "read from the
	// registry just now": the embedded table and its date, or an old cache entry.
	Note string
}

// Variant is one published form of a base image.
type Variant struct {
	// Repository differs from the family's where a form is published apart
	// from the others, as .NET's runtime is from its SDK.
	Repository    string
	Tag           string // "3.11-slim"
	Kind          string // "full", "slim", "alpine", "jre", …
	Musl          bool   // built on musl instead of glibc
	Digest        string // of the index or manifest, "sha256:…"; empty when estimated
	TransferBytes int64  // sum of the compressed layers for this platform
	Layers        int
	// OnBuild are the instructions that the image has for those built on it, a line each; known of the image that was
	// asked for alone, and not when it is estimated.
	OnBuild string
	// Stale is set when Digest was read more than a day ago, and the registry could not be asked again.
	Stale bool
}

// Reference is how the variant is written after FROM, normalised.
func (v Variant) Reference() string { return v.Repository + ":" + v.Tag }

// Asked is the variant that was asked for.
func (f Family) Asked() (Variant, bool) {
	for _, v := range f.Variants {
		if v.Repository == f.Repository && v.Tag == f.Tag {
			return v, true
		}
	}
	return Variant{}, false
}

// Slim is the recommended slimmer variant: same version, same distribution
// where the author named one, the same C library, and smaller to transfer. It
// is false when the family has none or the registry does not offer it.
func (f Family) Slim() (Variant, bool) {
	asked, ok := f.Asked()
	if !ok || f.Slimmer == "" {
		return Variant{}, false
	}
	for _, v := range f.Variants {
		if v.Kind == f.Slimmer && v.Musl == asked.Musl && v.TransferBytes < asked.TransferBytes {
			return v, true
		}
	}
	return Variant{}, false
}
