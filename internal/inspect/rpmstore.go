package inspect

import (
	"bytes"
	"encoding/binary"
)

// Berkeley DB's hash tables, in which rpm kept its packages until version 4.16 (RHEL 8 and before, Amazon Linux 2), as its
// header files describe the pages. Numbers are in the byte order of the machine that wrote them.
const (
	bdbMagic                      = 0x00061561 // of a hash table
	bdbMagicAt, bdbPageSizeAt     = 12, 20
	bdbPageHeader                 = 26
	bdbNextAt, bdbEntriesAt       = 16, 20 // the following page of an item; how many items a page has
	bdbFreeAt, bdbTypeAt          = 22, 25 // where its free space begins, or the length of the part of an item; what it is
	bdbUnsorted, bdbHash          = 2, 13
	bdbOverflow                   = 7
	bdbInline, bdbElsewhere       = 1, 3 // kinds of items
	bdbElsewhereSize, bdbPageNoAt = 12, 4
	bdbLengthAt                   = 8
)

// bdbValues calls use with the values of a hash table. Damaged ones are left out. All values together are no longer than the
// table, and each page of an item is read once: so no table takes longer than its length lets it.
func bdbValues(db []byte, use func(value []byte)) {
	if len(db) < 512 {
		return
	}
	order := binary.ByteOrder(binary.LittleEndian)
	if order.Uint32(db[bdbMagicAt:]) != bdbMagic {
		order = binary.BigEndian
	}
	if order.Uint32(db[bdbMagicAt:]) != bdbMagic {
		return
	}
	size := int(order.Uint32(db[bdbPageSizeAt:]))
	if size < 512 || size > 64<<10 || size&(size-1) != 0 {
		return
	}
	pages := bdbPages{db: db, order: order, size: size, used: make([]bool, len(db)/size)}
	use = noMoreThan(len(db), use)
	for no := range pages.used {
		page := db[no*size:][:size]
		if kind := page[bdbTypeAt]; no == 0 || kind != bdbHash && kind != bdbUnsorted {
			continue
		}
		items := int(order.Uint16(page[bdbEntriesAt:]))
		for i := 1; i < items && bdbPageHeader+2*(i+1) <= size; i += 2 { // keys and values take turns
			at := int(order.Uint16(page[bdbPageHeader+2*i:]))
			before := int(order.Uint16(page[bdbPageHeader+2*(i-1):])) // items are laid down from the end of the page
			if at < bdbPageHeader || at >= size {
				continue
			}
			switch kind := page[at]; {
			case kind == bdbInline && before > at && before <= size:
				use(page[at+1 : before])
			case kind == bdbElsewhere && at+bdbElsewhereSize <= size:
				use(pages.item(order.Uint32(page[at+bdbPageNoAt:]), order.Uint32(page[at+bdbLengthAt:])))
			}
		}
	}
}

// noMoreThan hands values on until there were as many bytes.
func noMoreThan(bytes int, use func(value []byte)) func(value []byte) {
	return func(value []byte) {
		if bytes -= len(value); bytes >= 0 {
			use(value)
		}
	}
}

// bdbPages are the pages of a table, and which of them were read as parts of items.
type bdbPages struct {
	db    []byte
	order binary.ByteOrder
	size  int
	used  []bool
}

// item puts an item together that has pages of its own. It is nil where they don't add up to its length.
func (p *bdbPages) item(no, length uint32) []byte {
	var out []byte
	for no != 0 {
		if uint64(no) >= uint64(len(p.used)) || p.used[no] {
			return nil
		}
		p.used[no] = true
		page := p.db[int(no)*p.size:][:p.size]
		n := int(p.order.Uint16(page[bdbFreeAt:]))
		if page[bdbTypeAt] != bdbOverflow || bdbPageHeader+n > p.size {
			return nil
		}
		out = append(out, page[bdbPageHeader:][:n]...)
		no = p.order.Uint32(page[bdbNextAt:])
	}
	if uint64(len(out)) != uint64(length) {
		return nil
	}
	return out
}

// rpm's own format without an index (ndb), which SUSE uses: a header and slots of 16 bytes, in pages of 4 KiB, that say in
// which block of 16 bytes a package begins (rpm's lib/backend/ndb/rpmpkg.c).
const (
	ndbSlot, ndbPage, ndbPagesAt   = 16, 4096, 12
	ndbIndexAt, ndbBlockAt         = 4, 8 // of a slot: the number of the package, 0 for none; its first block
	ndbBlock, ndbHead, ndbLengthAt = 16, 16, 12
)

func ndbMagic() []byte     { return []byte("RpmP") }
func ndbSlotMagic() []byte { return []byte("Slot") }
func ndbBlobMagic() []byte { return []byte("BlbS") }

// ndbValues calls use with the packages of a database. What is damaged is left out.
func ndbValues(db []byte, use func(value []byte)) {
	order := binary.LittleEndian
	if len(db) < ndbPage || !bytes.HasPrefix(db, ndbMagic()) {
		return
	}
	end := min(uint64(order.Uint32(db[ndbPagesAt:]))*ndbPage, uint64(len(db)))
	use = noMoreThan(len(db), use)
	for at := uint64(2 * ndbSlot); at+ndbSlot <= end; at += ndbSlot { // the header takes two slots
		slot := db[at:][:ndbSlot]
		if !bytes.HasPrefix(slot, ndbSlotMagic()) || order.Uint32(slot[ndbIndexAt:]) == 0 {
			continue
		}
		start := uint64(order.Uint32(slot[ndbBlockAt:])) * ndbBlock
		if start+ndbHead > uint64(len(db)) || !bytes.HasPrefix(db[start:], ndbBlobMagic()) {
			continue
		}
		length := uint64(order.Uint32(db[start+ndbLengthAt:]))
		if start+ndbHead+length > uint64(len(db)) {
			continue
		}
		use(db[start+ndbHead:][:length])
	}
}
