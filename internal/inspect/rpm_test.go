package inspect

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"testing"
)

// rpmDatabase was made by rpm 4.18: eight packages that rpmbuild built, the
// third with a header that needs overflow pages.
func rpmDatabase(t testing.TB) []byte { return unpackedTestdata(t, "rpmdb.sqlite.gz") }

// rpmHashTable has the same headers in a table that Berkeley DB's db5.3_load wrote.
func rpmHashTable(t testing.TB) []byte { return unpackedTestdata(t, "Packages.gz") }

// rpmSlots has the headers that a table has as rpm's ndb lays them down, and a slot that is free.
func rpmSlots(t testing.TB) []byte {
	db := make([]byte, ndbPage)
	copy(db, ndbMagic())
	order := binary.LittleEndian
	order.PutUint32(db[ndbPagesAt:], 1)
	slot := 3 * ndbSlot // the first is free
	bdbValues(rpmHashTable(t), func(header []byte) {
		if len(header) < 100 {
			return // no package
		}
		copy(db[slot:], ndbSlotMagic())
		order.PutUint32(db[slot+ndbIndexAt:], uint32(slot))
		order.PutUint32(db[slot+ndbBlockAt:], uint32(len(db)/ndbBlock))
		blob := append(ndbBlobMagic(), make([]byte, ndbHead-4)...)
		order.PutUint32(blob[ndbLengthAt:], uint32(len(header)))
		blob = append(blob, header...)
		db = append(db, append(blob, make([]byte, ndbBlock-len(blob)%ndbBlock)...)...)
		slot += ndbSlot
	})
	return db
}

func unpackedTestdata(t testing.TB, name string) []byte {
	t.Helper()
	packed, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	file, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// TestRPM reads what rpm -qa --qf '%{NAME} %{EPOCH}:%{VERSION}-%{RELEASE} %{SIZE}' says of the database.
func TestRPM(t *testing.T) {
	for name, database := range map[string][]byte{
		"var/lib/rpm/rpmdb.sqlite": rpmDatabase(t), "var/lib/rpm/Packages": rpmHashTable(t), "usr/lib/sysimage/rpm/Packages.db": rpmSlots(t),
	} {
		t.Run(path.Base(name), func(t *testing.T) {
			if keeperFor(name, int64(len(database))) == nil {
				t.Error("it is not looked into")
			}
			var r record
			rpmPackages(&r, name, database)
			holdsSamples(t, r)
		})
	}
}

func holdsSamples(t *testing.T, r record) {
	t.Helper()
	got := map[string]string{}
	for _, p := range r.packages {
		got[p.Name] = fmt.Sprintf("%s %d %s %v", p.Version, p.Bytes, p.Ecosystem, p.Declared)
	}
	want := map[string]string{
		"sample-1": "1.1-1 1000 rpm true", "sample-2": "1:1.2-2 2000 rpm true", "sample-3": "2:1.3-3 900000 rpm true", "sample-4": "3:1.4-4 4000 rpm true",
		"sample-5": "4:1.5-5 5000 rpm true", "sample-6": "5:1.6-6 6000 rpm true", "sample-7": "6:1.7-7 7000 rpm true", "sample-8": "7:1.8-8 8000 rpm true",
	}
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("%s: %q, want %q", name, got[name], want[name])
		}
	}
	if len(r.packages) != len(want) {
		t.Errorf("%d packages, want %d", len(r.packages), len(want))
	}
}

// TestRPMInAnImage finds the database where Fedora has it, and drops what a later layer deletes.
func TestRPMInAnImage(t *testing.T) {
	const name = "usr/lib/sysimage/rpm/rpmdb.sqlite"
	link := layerText(t, "d usr/lib/sysimage/rpm\nd var/lib\nl var/lib/rpm ../../usr/lib/sysimage/rpm")
	database := tarWith(t, name, strings.NewReader(string(rpmDatabase(t))))
	r, err := Image(t.Context(), archiveOf(t, nil, link, database), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Packages) != 8 || r.Packages[0].Name != "sample-3" || r.Packages[0].Source != name {
		t.Errorf("packages %+v", r.Packages)
	}
	if r, err = Image(t.Context(), archiveOf(t, nil, link, database, layerText(t, "w var/lib/rpm/rpmdb.sqlite")), Options{}); err != nil || len(r.Packages) != 0 {
		t.Errorf("deleted, and still there: %+v, %v", r.Packages, err)
	}
}

// TestRPMThatTakesLong has headers and tables that are made to be read for hours.
func TestRPMThatTakesLong(t *testing.T) {
	const size = 30 << 20
	order := binary.BigEndian
	header := bytes.Repeat([]byte{1}, size)
	order.PutUint32(header, 60_000)
	order.PutUint32(header[4:], size-8-60_000*rpmEntry)
	for i := range 60_000 {
		entry := header[8+i*rpmEntry:]
		order.PutUint32(entry, rpmName)
		order.PutUint32(entry[4:], rpmString)
		order.PutUint32(entry[8:], 0)
	}
	if p, ok := rpmHeader(header); !ok || len(p.Name) != rpmMaxString {
		t.Errorf("%v, a name of %d characters", ok, len(p.Name))
	}
	order.PutUint32(header, rpmMaxEntries+1)
	if _, ok := rpmHeader(header); ok {
		t.Error("a header of more entries than rpm allows")
	}

	circle := rpmHashTable(t)
	for at := 0; at < len(circle); at += 4096 { // each part of an item is followed by itself
		if circle[at+bdbTypeAt] == bdbOverflow {
			binary.LittleEndian.PutUint32(circle[at+bdbNextAt:], uint32(at/4096))
		}
	}
	bdbValues(circle, func(value []byte) {
		if len(value) > 4096 {
			t.Errorf("a value of %d bytes", len(value))
		}
	})
	table := make([]byte, size)
	little := binary.LittleEndian
	little.PutUint32(table[bdbMagicAt:], bdbMagic)
	little.PutUint32(table[bdbPageSizeAt:], 64<<10)
	for at := 64 << 10; at < size; at += 64 << 10 { // each value is all of its page
		page := table[at:][:64<<10]
		page[bdbTypeAt] = bdbHash
		little.PutUint16(page[bdbEntriesAt:], 20_000)
		for i := 0; i < 20_000; i += 2 {
			little.PutUint16(page[bdbPageHeader+2*i:], 65535)
			little.PutUint16(page[bdbPageHeader+2*i+2:], 50_000)
		}
		page[50_000] = bdbInline
	}
	sum := 0
	bdbValues(table, func(value []byte) { sum += len(value) })
	if sum > size {
		t.Errorf("values of %d bytes in a table of %d", sum, size)
	}
}

// FuzzRPM reads any database.
func FuzzRPM(f *testing.F) {
	whole := rpmDatabase(f)
	f.Add(whole)
	f.Add(rpmHashTable(f))
	f.Add(rpmSlots(f))
	f.Add(whole[:5000])
	f.Add(append(bytes.Clone(whole[:8192]), make([]byte, 4096)...))
	f.Fuzz(func(t *testing.T, file []byte) {
		var r record
		rpmPackages(&r, "rpmdb.sqlite", file)
		for _, p := range r.packages {
			if p.Name == "" || p.Bytes < 0 {
				t.Errorf("package %+v", p)
			}
		}
	})
}

func tarWith(t testing.TB, name string, content *strings.Reader) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(fileHeader(name, int64(content.Len()))); err != nil {
		t.Fatal(err)
	}
	if _, err := content.WriteTo(w); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
