package agent

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// maxAccounts bounds how much of /etc/passwd and /etc/group is read.
const maxAccounts = 4 << 20

// identity is who a process is.
type identity struct {
	UID, GID int
	Groups   []int
	Home     string
}

// accounts is the root directory whose /etc/passwd and /etc/group resolve names.
type accounts struct{ root string }

// resolve finds the identity that a user specification means, by Docker's
// rules: a name or a number, with an optional group; without one, the user's
// own groups, or group 0 for a number that /etc/passwd does not know.
func (a accounts) resolve(spec string) (identity, error) {
	user, group, hasGroup := strings.Cut(spec, ":")
	id := identity{Home: "/"}
	name, err := a.user(user, &id)
	if err != nil {
		return identity{}, err
	}
	if hasGroup && group != "" {
		id.GID, err = a.group(group)
		return id, err
	}
	if name != "" {
		id.Groups = a.groupsOf(name)
	}
	return id, nil
}

// user fills in what /etc/passwd knows about a name or number.
func (a accounts) user(user string, id *identity) (name string, err error) {
	if user == "" {
		user = "0"
	}
	number, numberErr := parseID(user)
	for _, f := range a.lines("etc/passwd", 6) {
		uid, err1 := parseID(f[2])
		gid, err2 := parseID(f[3])
		if err1 != nil || err2 != nil {
			continue
		}
		if f[0] == user || numberErr == nil && uid == number {
			id.UID, id.GID, id.Home = uid, gid, f[5]
			return f[0], nil
		}
	}
	if numberErr != nil {
		return "", fmt.Errorf("no user %q in /etc/passwd", user)
	}
	id.UID = number
	return "", nil
}

func (a accounts) group(group string) (int, error) {
	number, numberErr := parseID(group)
	for _, f := range a.lines("etc/group", 3) {
		if gid, err := parseID(f[2]); err == nil && f[0] == group {
			return gid, nil
		}
	}
	if numberErr != nil {
		return 0, fmt.Errorf("no group %q in /etc/group", group)
	}
	return number, nil
}

// groupsOf lists the groups that have the user as a member.
func (a accounts) groupsOf(name string) []int {
	var groups []int
	for _, f := range a.lines("etc/group", 4) {
		gid, err := parseID(f[2])
		if err == nil && slices.Contains(strings.Split(f[3], ","), name) {
			groups = append(groups, gid)
		}
	}
	return groups
}

// lines reads a file of colon-separated fields, leaving out lines with too
// few; a file that is not there has none.
func (a accounts) lines(name string, fields int) [][]string {
	f, err := os.Open(filepath.Join(a.root, name))
	if err != nil {
		return nil
	}
	defer f.Close()
	var all [][]string
	scanner := bufio.NewScanner(io.LimitReader(f, maxAccounts))
	for scanner.Scan() {
		if parts := strings.Split(scanner.Text(), ":"); len(parts) >= fields {
			all = append(all, parts)
		}
	}
	return all
}

// parseID parses a user or group number, which has 31 bits in the image specification's use.
func parseID(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 31)
	return int(n), err
}
