package inspect

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// sqlite reads the rows of a table from a SQLite database in memory, as "Database File
// Format" on sqlite.org describes it: no more than rpm's database needs. What a
// write-ahead log beside the file holds is not seen.
type sqlite struct {
	file   []byte
	page   int // bytes
	usable int
	pages  int // that may still be visited: each once
}

var errNoSQLite = errors.New("no SQLite database, or a damaged one")

const (
	sqliteMagic    = "SQLite format 3\x00"
	sqliteHeader   = 100
	interiorTable  = 0x05
	leafTable      = 0x0d
	maxTableDepth  = 20
	leastPageBytes = 512
)

func openSQLite(file []byte) (*sqlite, error) {
	if len(file) < sqliteHeader || !bytes.HasPrefix(file, []byte(sqliteMagic)) {
		return nil, errNoSQLite
	}
	s := &sqlite{file: file, page: int(binary.BigEndian.Uint16(file[16:]))}
	if s.page == 1 {
		s.page = 64 << 10
	}
	s.usable = s.page - int(file[20])
	if s.page < leastPageBytes || s.usable < leastPageBytes-32 {
		return nil, errNoSQLite
	}
	s.pages = 2 * (len(file)/s.page + 1) // the schema's pages and the table's
	return s, nil
}

// rows calls visit with the columns of each row of a table: []byte for texts and
// blobs, nil for all else.
func (s *sqlite) rows(table string, visit func(columns [][]byte)) error {
	var root uint64
	err := s.tree(1, 0, func(columns [][]byte) {
		// type, name, tbl_name, rootpage, sql
		if len(columns) >= 4 && string(columns[0]) == "table" && string(columns[1]) == table {
			for _, b := range columns[3] {
				root = root<<8 | uint64(b)
			}
		}
	})
	if err != nil || root == 0 || root > uint64(len(s.file)/s.page) {
		return errors.Join(err, errNoSQLite)
	}
	return s.tree(int(root), 0, visit)
}

// tree visits the rows below a page of a table's B-tree.
func (s *sqlite) tree(number, depth int, visit func(columns [][]byte)) error {
	page, header, err := s.at(number)
	if err != nil || depth > maxTableDepth {
		return errors.Join(err, errNoSQLite)
	}
	cells := int(binary.BigEndian.Uint16(header[3:]))
	pointers := 8
	if header[0] == interiorTable {
		pointers = 12
	}
	if len(header) < pointers+2*cells {
		return errNoSQLite
	}
	for i := range cells {
		at := int(binary.BigEndian.Uint16(header[pointers+2*i:]))
		if at+4 > len(page) {
			return errNoSQLite
		}
		if header[0] == leafTable {
			err = s.leaf(page[at:], visit)
		} else {
			err = s.tree(int(binary.BigEndian.Uint32(page[at:])), depth+1, visit)
		}
		if err != nil {
			return err
		}
	}
	if header[0] == interiorTable {
		return s.tree(int(binary.BigEndian.Uint32(header[8:])), depth+1, visit)
	}
	return nil
}

// at is a page of a B-tree, and the part of it from its header on.
func (s *sqlite) at(number int) (page, header []byte, err error) {
	if s.pages--; s.pages < 0 || number < 1 || number > len(s.file)/s.page {
		return nil, nil, errNoSQLite
	}
	page = s.file[(number-1)*s.page : number*s.page]
	header = page
	if number == 1 {
		header = page[sqliteHeader:]
	}
	if header[0] != interiorTable && header[0] != leafTable {
		return nil, nil, errNoSQLite
	}
	return page, header, nil
}

// leaf reads the cell of one row.
func (s *sqlite) leaf(cell []byte, visit func(columns [][]byte)) error {
	size, n := sqliteVarint(cell)
	_, m := sqliteVarint(cell[n:]) // row number
	if n == 0 || m == 0 || size > uint64(len(s.file)) {
		return errNoSQLite
	}
	payload, err := s.payload(cell[n+m:], int(size))
	if err != nil {
		return err
	}
	columns, ok := sqliteRecord(payload)
	if !ok {
		return errNoSQLite
	}
	visit(columns)
	return nil
}

// payload puts a row together that goes on in overflow pages.
func (s *sqlite) payload(cell []byte, size int) ([]byte, error) {
	local := size
	if most := s.usable - 35; size > most {
		least := (s.usable-12)*32/255 - 23
		local = least + (size-least)%(s.usable-4)
		if local > most {
			local = least
		}
	}
	if local == size {
		if size > len(cell) {
			return nil, errNoSQLite
		}
		return cell[:size], nil
	}
	if local+4 > len(cell) {
		return nil, errNoSQLite
	}
	out := bytes.Clone(cell[:local])
	next := int(binary.BigEndian.Uint32(cell[local:]))
	for len(out) < size {
		if next < 1 || next > len(s.file)/s.page {
			return nil, errNoSQLite
		}
		page := s.file[(next-1)*s.page : next*s.page][:s.usable]
		out = append(out, page[4:min(len(page), 4+size-len(out))]...)
		next = int(binary.BigEndian.Uint32(page))
	}
	return out, nil
}

// sqliteRecord takes a row apart. Whole numbers are given as their bytes.
func sqliteRecord(payload []byte) (columns [][]byte, ok bool) {
	size, n := sqliteVarint(payload)
	if n == 0 || size < uint64(n) || size > uint64(len(payload)) {
		return nil, false
	}
	types, body := payload[n:size], payload[size:]
	for len(types) > 0 {
		kind, n := sqliteVarint(types)
		if n == 0 {
			return nil, false
		}
		types = types[n:]
		var length uint64
		switch {
		case kind <= 4:
			length = kind
		case kind == 5:
			length = 6
		case kind == 6, kind == 7:
			length = 8
		case kind >= 12:
			length = (kind - 12) / 2
		}
		if length > uint64(len(body)) {
			return nil, false
		}
		columns = append(columns, body[:length])
		body = body[length:]
	}
	return columns, true
}

// sqliteVarint reads a number of up to nine bytes, the most significant first.
// Its length is 0 where there is none.
func sqliteVarint(b []byte) (value uint64, n int) {
	for n < len(b) && n < 8 {
		value = value<<7 | uint64(b[n]&0x7f)
		n++
		if b[n-1]&0x80 == 0 {
			return value, n
		}
	}
	if n < 8 || n >= len(b) {
		return 0, 0
	}
	return value<<8 | uint64(b[n]), n + 1
}
