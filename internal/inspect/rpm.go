package inspect

import (
	"encoding/binary"
	"path"
	"slices"
	"strconv"
)

// isRPMDatabase tells the places of rpm's database: in SQLite since version 4.16, in Berkeley DB before, in ndb at SUSE.
func isRPMDatabase(name string) bool {
	return slices.Contains([]string{"var/lib/rpm", "usr/lib/sysimage/rpm", "usr/share/rpm"}, path.Dir(name)) &&
		slices.Contains([]string{"rpmdb.sqlite", "Packages", "Packages.db"}, path.Base(name))
}

// rpmPackages reads the headers of all packages. A damaged database gives those before the damage.
func rpmPackages(r *record, name string, text []byte) {
	add := func(header []byte) {
		if p, ok := rpmHeader(header); ok && p.Name != "gpg-pubkey" { // a key, and no package
			p.Source = name
			r.addPackage(p)
		}
	}
	if db, err := openSQLite(text); err == nil {
		_ = db.rows("Packages", func(columns [][]byte) { // hnum, blob
			if len(columns) >= 2 {
				add(columns[1])
			}
		})
		return
	}
	bdbValues(text, add)
	ndbValues(text, add)
}

// Tags and types of rpm's headers (rpm.org, "RPM V4 Package format", rpmtag.h).
const (
	rpmName, rpmVersion, rpmRelease, rpmEpoch = 1000, 1001, 1002, 1003
	rpmSize, rpmLongSize                      = 1009, 5009
	rpmInt32, rpmInt64, rpmString             = 4, 5, 6
	rpmEntry                                  = 16 // bytes: tag, type, offset, count
	// Bounds against headers that are made to take long.
	rpmMaxEntries, rpmMaxString = 65535, 256
)

// rpmHeader reads a header as the database has it: the number of entries, the
// length of their data, the entries, the data. Sizes are those of the installed files.
func rpmHeader(b []byte) (p Package, ok bool) {
	if len(b) < 8 {
		return p, false
	}
	entries, length := uint64(binary.BigEndian.Uint32(b)), uint64(binary.BigEndian.Uint32(b[4:]))
	if entries > rpmMaxEntries || 8+entries*rpmEntry+length > uint64(len(b)) {
		return p, false
	}
	data := b[8+entries*rpmEntry:][:length]
	p = Package{Ecosystem: "rpm", Declared: true}
	var release, epoch string
	for i := range entries {
		entry := b[8+i*rpmEntry:]
		tag, kind, offset := binary.BigEndian.Uint32(entry), binary.BigEndian.Uint32(entry[4:]), binary.BigEndian.Uint32(entry[8:])
		if uint64(offset) > length {
			continue
		}
		value := data[offset:]
		switch {
		case tag == rpmName && kind == rpmString:
			p.Name = cString(value)
		case tag == rpmVersion && kind == rpmString:
			p.Version = cString(value)
		case tag == rpmRelease && kind == rpmString:
			release = cString(value)
		case tag == rpmEpoch && kind == rpmInt32 && len(value) >= 4:
			epoch = strconv.FormatUint(uint64(binary.BigEndian.Uint32(value)), 10) + ":"
		case tag == rpmSize && kind == rpmInt32 && len(value) >= 4:
			p.Bytes = clamp(int64(binary.BigEndian.Uint32(value)))
		case tag == rpmLongSize && kind == rpmInt64 && len(value) >= 8:
			p.Bytes = clamp(int64(binary.BigEndian.Uint64(value)))
		}
	}
	p.Version = epoch + p.Version + "-" + release
	return p, p.Name != ""
}

func cString(b []byte) string {
	b = b[:min(len(b), rpmMaxString)]
	if i := slices.Index(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(b)
}
