package image

import (
	"archive/tar"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
)

// maxArchiveFiles bounds the files of an archive around an image: its layers and their descriptions.
const maxArchiveFiles = 100_000

// walkFile reads an image in one tar file. What is not compressed gets an index,
// so that its layers can be read side by side.
func walkFile(ctx context.Context, place string, opts Options, reader Reader) (*Contents, error) {
	file, err := os.Open(place)
	if err != nil {
		return nil, fmt.Errorf("reading the image: %w", err)
	}
	defer file.Close()
	compressed := &countingReader{r: file}
	buffered := bufio.NewReaderSize(compressed, 256<<10)
	plain, err := decompress(buffered)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", place, err)
	}
	defer plain.Close()
	if !isPlain(buffered) {
		return walkStream(ctx, place, &inflated{r: plain, from: compressed}, opts, reader)
	}
	index, err := indexTar(file)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w: it is no tar archive, or a damaged one%s", place, err, alsoReference(place))
	}
	return walkStore(ctx, place, index, opts, reader)
}

// isPlain tells that decompress left the reader as it was.
func isPlain(r *bufio.Reader) bool {
	magic, err := r.Peek(512)
	return err != nil || isTarHeader(magic)
}

// isTarHeader tells the first block of a tar archive by its magic.
func isTarHeader(block []byte) bool {
	return len(block) >= 262 && string(block[257:262]) == "ustar"
}

// tarStore reads the files of a tar archive in place.
type tarStore struct {
	r     io.ReaderAt
	files map[string]tarFile
}

type tarFile struct {
	offset, size int64
	link         string // another name in the archive that is meant
}

// indexTar notes where the files of an archive are. Only headers are read.
func indexTar(f io.ReadSeeker) (*tarStore, error) {
	at, ok := f.(io.ReaderAt)
	if !ok {
		return nil, errors.New("the archive can't be read at any place")
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	store := &tarStore{r: at, files: map[string]tarFile{}}
	entries := tar.NewReader(f) // skips contents by seeking
	for {
		header, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return store, nil
		}
		if err != nil {
			return nil, err
		}
		if len(store.files) >= maxArchiveFiles {
			return nil, fmt.Errorf("more than %d files", maxArchiveFiles)
		}
		name := clean(header.Name)
		switch header.Typeflag {
		case tar.TypeReg:
			offset, err := f.Seek(0, io.SeekCurrent) // the reader stops right before the content
			if err != nil {
				return nil, err
			}
			store.files[name] = tarFile{offset: offset, size: header.Size}
		case tar.TypeSymlink:
			store.files[name] = tarFile{link: clean(path.Join(path.Dir(name), header.Linkname))}
		case tar.TypeLink:
			store.files[name] = tarFile{link: clean(header.Linkname)}
		}
	}
}

// maxLinks bounds links that point to links.
const maxLinks = 8

func (t *tarStore) open(name string) (io.ReadCloser, int64, error) {
	for range maxLinks {
		file, ok := t.files[name]
		if !ok {
			return nil, 0, fmt.Errorf("%s: %w", printable(name), fs.ErrNotExist)
		}
		if file.link == "" {
			return io.NopCloser(io.NewSectionReader(t.r, file.offset, file.size)), file.size, nil
		}
		name = file.link
	}
	return nil, 0, fmt.Errorf("%s: links in a circle", printable(name))
}
