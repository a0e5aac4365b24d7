package agent

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/plimsoll/plimsoll/internal/procfs"
)

// sockets lists listening TCP sockets with their owners.
func sockets(_ context.Context, _ SocketsRequest) (SocketsAnswer, error) {
	found, err := listening()
	if err != nil {
		return SocketsAnswer{}, err
	}
	owners := socketOwners()
	for i := range found {
		found[i].PID = owners[found[i].Inode]
	}
	return SocketsAnswer{Sockets: found}, nil
}

// listening reads the namespace's listening TCP sockets, without owners.
func listening() ([]Socket, error) {
	found := []Socket{}
	for _, name := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
		data, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) { // a kernel without IPv6
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("listing sockets: %w", err)
		}
		found = append(found, parseSockets(string(data))...)
	}
	slices.SortFunc(found, func(a, b Socket) int {
		return cmp.Or(cmp.Compare(a.Port, b.Port), cmp.Compare(a.Address, b.Address), cmp.Compare(a.Inode, b.Inode))
	})
	return found, nil
}

// parseSockets reads proc(5)'s table of TCP sockets and keeps those that listen (state 0A).
func parseSockets(table string) []Socket {
	var found []Socket
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		if len(f) < 10 || f[3] != "0A" {
			continue
		}
		address, port, ok := parseEndpoint(f[1])
		if !ok {
			continue
		}
		inode, _ := strconv.ParseUint(f[9], 10, 64)
		found = append(found, Socket{Address: address, Port: port, UID: number(f[7]), Inode: inode})
	}
	return found
}

// parseEndpoint reads "0100007F:1F90": the address as 32-bit words in the
// machine's byte order, the port as a number.
func parseEndpoint(s string) (address string, port int, ok bool) {
	host, portHex, _ := strings.Cut(s, ":")
	raw, err1 := hex.DecodeString(host)
	p, err2 := strconv.ParseUint(portHex, 16, 16)
	if err1 != nil || err2 != nil || len(raw)%4 != 0 {
		return "", 0, false
	}
	for i := 0; i < len(raw); i += 4 {
		binary.NativeEndian.PutUint32(raw[i:], binary.BigEndian.Uint32(raw[i:]))
	}
	a, ok := netip.AddrFromSlice(raw)
	return a.String(), int(p), ok
}

// socketOwners maps sockets to a process that has them open, the oldest one
// where several do. Processes whose files can't be read are left out.
func socketOwners() map[uint64]int {
	owners := map[uint64]int{}
	all, err := pids()
	if err != nil {
		return owners
	}
	for _, pid := range all[:min(len(all), maxProcesses)] {
		_ = readAsOwner(pid, func() error { return ownedBy(pid, owners) })
	}
	return owners
}

func ownedBy(pid int, owners map[uint64]int) error {
	dir := procfs.Path(pid, "fd")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		target, err := os.Readlink(dir + "/" + e.Name())
		if errors.Is(err, fs.ErrPermission) {
			return err
		}
		if err != nil { // closed meanwhile
			continue
		}
		inode, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimPrefix(target, "socket:["), "]"), 10, 64)
		if _, taken := owners[inode]; err == nil && !taken {
			owners[inode] = pid
		}
	}
	return nil
}
